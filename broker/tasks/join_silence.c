/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any user can silence the connector for a moment, too short for a probe. No event reports an
 * exec or a fork of that moment, and no number shows it. Its consequences do: the record of each
 * exit has the executable, the name, the ids and the mark of a birth, as the kernel has them.
 * If the table has others, an event is missing. That is a loss, and the owner of the task
 * is not known.
 *
 * An exec that fails after the kernel has given up the old program makes no event either. The
 * process is killed then, and its record looks the same.
 */

#include <string.h>

#include "broker/base/util.h"
#include "broker/model/owner.h"
#include "broker/tasks/join_loss_note.h"
#include "broker/tasks/join_silence.h"
#include "broker/tasks/procfs.h"

/* A process has 20 bits of the number of acknowledgements. Before they overflow, older ones are marked. */
#define FORGET_EVERY ((PROCESS_ACKS_MASK + 1) / 4)

/* Flags of a task whose name is not known for certain. */
#define COMM_UNCERTAIN (TASK_UNKNOWN | TASK_KERNEL | TASK_COMM_STALE | TASK_COMM_FROM_RECORD)

/*
 * Whether a process has another name than the table has. A child has the name of the thread
 * that forked it, and kernel threads of the process get theirs without an event. So only
 * names since an exec count. While other threads live, the event of a change may still come.
 */
static bool comm_contradicts(const Join *join, const Task *task, const TaskStats *stats) {
        const Process *process = task->process;

        return join->can_be_silenced && task->tid == process->pid && process->execed && process->n_live == 1 &&
               !(task->flags & COMM_UNCERTAIN) && strncmp(task->comm, stats->ac_comm, COMM_SIZE) != 0;
}

/* Whether a process runs another program than the one that the table has. */
static bool exe_contradicts(const Join *join, const Process *process, const TaskStats *stats) {
        uint32_t exe;

        return process->exe_known && exe_reader_digest(&join->exe_reader, stats, &exe) && exe != process->exe;
}

/* Whether a process was not compared with /proc since a silence may have ended, before its exit. */
static bool silence_may_hide(const Join *join, const Process *process, const Event *event) {
        uint32_t n_acks = event->synthesised ? join->connector->n_foreign_acks : event->exit.n_acks;

        return join->can_be_silenced && !process_is_compared(process, n_acks);
}

/* Whether the owner was checked for the program. If a process ends while it is read, its executable alone is known. */
static bool owner_is_checked(const Process *process) {
        return process->exe_known && !(process_leader(process)->flags & TASK_OWNER_STALE);
}

/* Whether a process ran to its end the program for which its owner was checked. */
static bool program_is_certain(const Join *join, const Process *process, const Event *event, const TaskStats *stats) {
        uint32_t exe;

        return owner_is_checked(process) && exe_reader_digest(&join->exe_reader, stats, &exe) && exe == process->exe &&
               !silence_may_hide(join, process, event);
}

/*
 * Whether an exec may be hidden that left no trace: an exec of the process, or one of a
 * process that it descends from, from which it has its privileges. Its owner was not checked, and
 * the kernel has acknowledged another listener's request since the process was compared with
 * /proc. A process that was not compared itself counts as the process that forked it.
 */
static bool exec_may_be_hidden(const Join *join, const Process *process, const Event *event) {
        return !owner_is_checked(process) && silence_may_hide(join, process, event);
}

static bool ids_contradict(const Task *task, const TaskStats *stats) {
        return !(task->flags & TASK_UNKNOWN) && (stats->ac_uid != task->ruid || stats->ac_gid != task->rgid);
}

/* The contradiction between a record and the table, for the log; NULL: none. */
static const char *record_contradicts(const Join *join, const Task *task, const TaskStats *stats) {
        const Process *process = task->process;
        bool leader = task->tid == process->pid;

        if (leader && !process->execed && !(stats->ac_flag & AC_FLAG_FORK))
                return "it called exec";
        if (leader && ids_contradict(task, stats))
                return "it ended with other ids";
        if (exe_contradicts(join, process, stats))
                return "it ended with another executable";
        if (comm_contradicts(join, task, stats))
                return "it ended with another name";
        return NULL;
}

/**
 * join_silence_check_record() - compare the record of a task with the table
 * @join:   the join
 * @task:   the task, live, in the table
 * @event:  its exit
 * @stats:  its record
 */
void join_silence_check_record(Join *join, Task *task, const Event *event, const TaskStats *stats) {
        Process *process = task->process;
        const char *evidence;

        owner_note_record(task, stats, program_is_certain(join, process, event, stats));
        process->creds_stale |= exec_may_be_hidden(join, process, event);
        evidence = record_contradicts(join, task, stats);
        if (evidence) {
                process->creds_stale = true;
                join_loss_note_unreported(join, event->time_ns, task->tid, evidence);
        }
}

/**
 * join_silence_forget() - keep counts of acknowledgements in processes from overflowing
 * @join:  the join, at the end of a turn
 */
void join_silence_forget(Join *join) {
        uint32_t n_acks = join->connector->n_foreign_acks;

        if (n_acks - join->n_acks_forgotten < FORGET_EVERY)
                return;
        join->n_acks_forgotten = n_acks;
        task_table_forget_compared(&join->table, n_acks);
}

/**
 * join_silence_check_parent() - check that the parent of a new task is in the table
 * @join:   the join
 * @event:  the fork: of a process, or of a thread of its process
 */
void join_silence_check_parent(Join *join, const Event *event) {
        uint32_t pid = event->tid == event->pid ? event->fork.parent_pid : event->pid;

        if (pid && !task_table_get_process(&join->table, pid))
                join_loss_note_unreported(join, event->time_ns, event->tid, "its parent is not known");
}

/**
 * join_silence_note_unknown() - note an event that only a task of the table can have
 * @join:     the join
 * @event:    the event; its task is not in the table
 * @process:  the task's process; NULL: not in the table
 */
void join_silence_note_unknown(Join *join, const Event *event, Process *process) {
        if (process)
                process->creds_stale = true;
        join_loss_note_unreported(join, event->time_ns, event->tid, "its fork was not reported");
}

/**
 * join_silence_check_unknown_exit() - the same, of an exit
 * @join:     the join
 * @event:    the exit
 * @process:  as above
 * @record:   its record, pending
 *
 * The task of a record from the time of the start may have left /proc before the table was filled. On a
 * busy machine its EXIT comes much later.
 */
void join_silence_check_unknown_exit(Join *join, const Event *event, Process *process, const ExitRecord *record) {
        if (container_of(record, const PendingRecord, record)->arrived_ns >= join->start_grace_ns)
                join_silence_note_unknown(join, event, process);
}

/**
 * join_silence_check_change() - the same, of an event that may come after the exit of its task
 * @join:   the join
 * @event:  a change of a name or of ids; its task is not in the table
 *
 * Another thread can change the name of a thread that has ended. A thread that calls exec
 * changes the ids of a leader that has ended. Then /proc does not have the task, or the table
 * has the leader.
 */
void join_silence_check_change(Join *join, const Event *event) {
        ProcfsTask found;

        if (!join->can_be_silenced || join->wants_reconcile || join->reconciling ||
            (event->tid == event->pid && task_table_get_leader(&join->table, event->pid)) ||
            !procfs_read_task(join->comm_reader.procfs_fd, event->pid, event->tid, &found) ||
            !procfs_starts_agree(found.start_time_ns, event->time_ns))
                return;
        join_loss_note_unreported(join, event->time_ns, event->tid, "it lives, and its fork was not reported");
}
