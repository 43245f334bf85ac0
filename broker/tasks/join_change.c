/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_silence.h"

/* Programs that a slice reads. */
#define PROGRAMS_SLICE 48u

/* A slice reads no further program after this time: a process can make its reader wait. */
#define PROGRAMS_SLICE_NS (2 * NSEC_PER_MSEC)

/*
 * A thread that is not the leader calls exec of a program that sets ids. The kernel ends the
 * leader, and then reports the ids under the leader's number, before the exec. The gone
 * leader keeps them until then (join_exec.c).
 */
static void change_gone_leader(const Join *join, const Event *event) {
        Task *leader = event->tid == event->pid ? task_table_get_leader(&join->table, event->pid) : NULL;

        if (!leader || !(leader->flags & TASK_GONE))
                return;
        if (event->kind == EVENT_UID) {
                leader->ruid = event->credentials.real_id;
                leader->euid = event->credentials.effective_id;
                leader->process->uid_by_exec = true;
        } else if (event->kind == EVENT_GID) {
                leader->rgid = event->credentials.real_id;
                leader->egid = event->credentials.effective_id;
                leader->process->gid_by_exec = true;
        } else {
                return;
        }
        owner_note_ids(leader);
}

/* Completes a debugger's numbers by the starts of its process and its task. */
static void change_find_tracer(const Join *join, Event *event) {
        uint32_t pid = event->ptrace.tracer_pid;
        const Task *leader = pid ? task_table_get_leader(&join->table, pid) : NULL;
        const Task *task = pid ? task_table_get(&join->table, event->ptrace.tracer_tid) : NULL;

        event->ptrace.tracer = (ProcessId){
                .pid = pid,
                .known = true,
                .start_time_ns = leader ? leader->start_time_ns : 0,
        };
        event->ptrace.tracer_start_boot_ns =
                task && task->process->pid == pid && task->start_time_ns
                        ? task->start_time_ns - (uint64_t)clock_boot_epoch_ns()
                        : 0;
}

/* A process whose leader has ended begins a session: the event has the leader's number. NULL: another event. */
static Task *change_find_gone_leader(const Join *join, const Event *event) {
        Task *leader = event->kind == EVENT_SID ? task_table_get_leader(&join->table, event->pid) : NULL;

        return leader && !task_table_leader_is_unseen(leader) ? leader : NULL;
}

/* A task that is not in the table: the event has what the kernel sent. */
static void change_unknown(Join *join, Event *event) {
        join_silence_check_change(join, event);
        event->task_unknown = true;
        if (event->kind == EVENT_UID)
                event->uid = event->credentials.real_id;
        join_commit(join, event, NULL, NULL);
        change_gone_leader(join, event);
}

/* Copies what an event changes into @change. */
static void change_apply(TaskChange *change, Event *event) {
        Task *task = &change->task;

        switch (event->kind) {
        case EVENT_COMM:
                memcpy(event->comm_change.old_comm, task->comm, sizeof(task->comm));
                memcpy(task->comm, event->comm, sizeof(task->comm));
                task->flags &= (uint16_t)~(TASK_COMM_STALE | TASK_COMM_FROM_RECORD);
                break;
        case EVENT_UID:
                task->ruid = event->credentials.real_id;
                task->euid = event->credentials.effective_id;
                owner_note_ids(task);
                break;
        case EVENT_GID:
                task->rgid = event->credentials.real_id;
                task->egid = event->credentials.effective_id;
                owner_note_ids(task);
                break;
        case EVENT_SID:
                change->process.session = event->pid;
                break;
        default:
                break;
        }
}

/**
 * join_change() - emit a change of a task, and store it
 * @join:   the join
 * @event:  the event, with what the task has from now on
 */
void join_change(Join *join, Event *event) {
        Task *task = task_table_get(&join->table, event->tid);
        TaskChange change UNINITIALISED;

        if (event->kind == EVENT_PTRACE)
                change_find_tracer(join, event);
        if (!task)
                task = change_find_gone_leader(join, event);
        if (!task)
                return change_unknown(join, event);
        if (event->kind == EVENT_PTRACE || event->kind == EVENT_COREDUMP) {
                event_fill(event, task);
                return join_commit(join, event, task, NULL);
        }
        task_change_begin(&change, task);
        change_apply(&change, event);
        event_fill(event, &change.task);
        join_commit(join, event, task, &change);
}

/**
 * join_change_event() - begin an event of what was read in /proc
 * @join:  the join
 * @task:  the task, not changed yet
 *
 * Return: An event for feeds whose set of tasks changes; it is no event of the kernel.
 */
Event join_change_event(const Join *join, const Task *task) {
        Event event = {
                .kind = EVENT_COMM,
                .time_ns = join_time_ns(join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)),
                .pid = task->process->pid,
                .tid = task->tid,
                .synthesised = true,
                .only_for_sets = true,
        };

        memcpy(event.comm_change.old_comm, task->comm, sizeof(task->comm));
        return event;
}

/**
 * join_change_program() - store a program that became known after its exec
 * @join:     the join
 * @task:     a task of the process
 * @program:  its program, of which a use is taken over
 *
 * Feeds that select by cgroup learn whether the process enters or leaves their set.
 */
void join_change_program(Join *join, Task *task, Program *program) {
        const Program *former = task->process->program;
        Event event = join_change_event(join, task);
        TaskChange change UNINITIALISED;

        if (strcmp(program_cgroup(program), former ? program_cgroup(former) : "") == 0)
                return task_table_set_program(&join->table, task->process, program);
        task_change_begin(&change, task);
        change.process.program = program;
        event_fill(&event, &change.task);
        join_commit(join, &event, task, &change);
}

/**
 * join_change_read_programs() - read programs that are not known, a slice of the pass
 * @join:  the join; its programs are wanted and not complete
 *
 * The pass has ended when programs.next_tid is 0 afterwards.
 *
 * Return: 0, or a negative errno.
 */
int join_change_read_programs(Join *join) {
        uint64_t begin_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        for (unsigned int i = 0; i < PROGRAMS_SLICE; ++i) {
                Program *program;
                Task *task;
                int r;

                r = program_reader_read_next(&join->programs, &task, &program);
                if (r)
                        return error_trace(r);
                if (!task)
                        return 0;
                join_change_program(join, task, program);
                if ((uint64_t)clock_read_ns(CLOCK_MONOTONIC) - begin_ns > PROGRAMS_SLICE_NS)
                        break;
        }
        return 0;
}
