/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An exec gives a process a new program, a new name and new memory, and leaves it one
 * task. The kernel's event has none of the three: name and program are read from /proc
 * while there is time, and the owner is checked there too.
 *
 * If a thread calls exec that is not the leader, the leader ends first (EXIT and record).
 * Then the EXEC carries the process' number, and the calling thread never gets an EXIT: it
 * has become the leader.
 */

#include <string.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_exec.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/join_silence.h"
#include "broker/tasks/procfs.h"

/* Flags that the calling thread passes on to the leader. */
#define CALLER_FLAGS (TASK_CREDENTIALS_CHANGED | TASK_UNKNOWN | TASK_NONDUMPABLE | TASK_EXITING_AT_START)

/*
 * Synthesises the exits of the threads that the exec has ended, and whose EXIT is late: the
 * kernel sends it after it has let the exec go on. So no thread is left behind the exec.
 */
static int exec_end_threads(Join *join, Process *process, uint64_t now_ns) {
        list_for_each(link, safe, &process->tasks) {
                Task *task = container_of(link, Task, link);
                PendingRecord *record = exit_records_peek(&join->records, task->tid);
                int r;

                /* Not the last: something lives on in the exec. */
                if (task->tid == process->pid || process->n_live == 1 || !pending_record_belongs_to(record, task))
                        continue;
                late_exits_add(&join->late_exits, task->tid);
                r = join_exit_synthesise_task(join, task, record, now_ns);
                if (r)
                        return error_trace(r);
        }
        return 0;
}

/*
 * Finds the thread that called exec: the thread without a record. If several have none,
 * records were lost: their exits come later, as exits of unknown tasks.
 */
static int exec_find_caller(Join *join, Process *process, const Event *event, Task **ret_caller) {
        Task *leader = NULL, *caller = NULL;
        PendingRecord *record;
        int r;

        r = exit_records_drain(&join->records);
        if (r)
                return error_trace(r);

        list_for_each(link, safe, &process->tasks) {
                Task *task = container_of(link, Task, link);

                if (task->tid == process->pid)
                        leader = task;
                else if (!pending_record_belongs_to(exit_records_peek(&join->records, task->tid), task))
                        caller = task;
        }
        if (leader && !caller && (leader->flags & TASK_GONE) && leader->start_time_ns) {
                /* The caller was never seen. */
                join_silence_note_unknown(join, event, process);
                task_table_revive(&join->table, leader);
                return 0;
        }
        if (!leader || !caller)
                return 0;

        record = exit_records_peek(&join->records, leader->tid);
        if (!(leader->flags & TASK_GONE) && record && !(record->record.stats.ac_flag & AC_FLAG_GROUP)) {
                /* The old leader's EXIT will come late. */
                r = join_exit_synthesise_task(join, leader, record, event->time_ns);
                if (r)
                        return error_trace(r);
                leader->flags |= TASK_LATE_EXIT_EXPECTED;
        }
        if (leader->flags & TASK_GONE)
                task_table_revive(&join->table, leader);
        *ret_caller = caller;
        return 0;
}

/* Copies what the leader takes over from the thread that called exec. It keeps the ids that the exec set. */
static void exec_replace_leader(TaskChange *change, const Task *caller) {
        Process *process = &change->process;
        Task *leader = &change->task;

        if (!process->uid_by_exec) {
                leader->ruid = caller->ruid;
                leader->euid = caller->euid;
        }
        if (!process->gid_by_exec) {
                leader->rgid = caller->rgid;
                leader->egid = caller->egid;
        }
        leader->flags = (uint16_t)((leader->flags & ~CALLER_FLAGS) | (caller->flags & CALLER_FLAGS));
        memcpy(leader->comm, caller->comm, sizeof(leader->comm));
}

/* Removes the caller, which is the leader now. With it go the threads without a record: no EXIT of theirs is known. */
static void exec_remove_threads(Join *join, const Task *leader) {
        list_for_each(link, safe, &leader->process->tasks) {
                Task *task = container_of(link, Task, link);

                if (task != leader)
                        task_table_end_task(&join->table, task);
        }
}

enum {
        _EXEC_E_SUCCESS,
        EXEC_E_IN_PROC,         /* read in /proc, and the owner of its file and the executable too */
        EXEC_E_IN_RECORD,       /* read in the record of its exit */
};

/* The reading of a process after its exec. */
typedef struct ExecReading ExecReading;

struct ExecReading {
        int found_in;           /* EXEC_E_*; 0: nowhere, it is read later */
        char comm[COMM_SIZE];
        uint32_t owner;         /* the owner of the file in /proc */
        bool exe_known;         /* the executable was read before the owner */
        uint32_t exe;
};

/*
 * Reads the name after the exec. If it is not known, it is read later (join_recheck.c). If
 * the process has ended meanwhile, its record has the name. Otherwise /proc has it, which is
 * read only while the kernel's queue is empty: under load the queue comes first. If the
 * process had ended by then, /proc may have shown the next owner of its number.
 *
 * The executable is read before the owner. So the owner is the one of that program, or of a
 * later one, which the record of the exit then shows.
 */
static int exec_read(Join *join, const Event *event, const Task *task, ExecReading *reading) {
        uint64_t monotonic_ns = event->time_ns - (uint64_t)join->time_offset_ns;
        PendingRecord *record;
        int r;

        if (event->exec.superseded)
                return 0;
        record = exit_records_peek(&join->records, event->pid);
        if (!record) {
                if (!join->connector->empty)
                        return 0;
                reading->exe_known = !event->exec.forks &&
                                     exe_reader_read(&join->exe_reader, event->pid, &reading->exe);
                if (comm_reader_read(&join->comm_reader, event->pid, monotonic_ns, reading->comm, &reading->owner) &&
                    /* Otherwise a later exec may have set the name. */
                    connector_is_idle(join->connector))
                        reading->found_in = EXEC_E_IN_PROC;
                exit_records_expect(&join->records);
                r = exit_records_drain(&join->records);
                if (r)
                        return error_trace(r);
                record = exit_records_peek(&join->records, event->pid);
                if (!record)
                        return 0;
        }
        if (task && !pending_record_fits(record, task, join_time_ns(join, record->arrived_ns)))
                return 0;
        memcpy(reading->comm, record->record.stats.ac_comm, COMM_SIZE);
        reading->found_in = EXEC_E_IN_RECORD;
        return 0;
}

/*
 * Checks whether /proc shows the process to its owner after its exec. The owner of its file
 * in /proc, which was read with its name, is enough for most. A process whose ids changed is
 * read in full.
 *
 * Return: Whether the check is still to be made.
 */
static bool exec_check_owner(Join *join, TaskChange *change, const ExecReading *reading) {
        int procfs_fd = join->comm_reader.procfs_fd;
        Task *task = &change->task;
        Process *process = &change->process;
        ProcfsTask found;

        /* A process that has ended cannot be checked. */
        if (reading->found_in == EXEC_E_IN_RECORD || task->euid == 0)
                return false;
        if (reading->found_in != EXEC_E_IN_PROC)
                return true;
        if (reading->owner == task->euid && !process->suspect && !process->creds_stale) {
                process->in_own_namespace |= procfs_in_user_namespace(procfs_fd, process->pid);
                return false;
        }
        if (!procfs_read_leader(procfs_fd, process->pid, &found) || found.ended || found.exiting)
                return true;
        if (procfs_note_owner(task, &found))
                join->owners_stale = false;
        else if (!(task->flags & TASK_NONDUMPABLE))
                process->creds_stale = true;
        return false;
}

/*
 * Sets whether its owner may look into the new memory, which is dumpable, whatever was set
 * for the old one. A suspect process has no owner until it was checked.
 */
static void exec_reset_owner(Join *join, TaskChange *change, const Event *event, const ExecReading *reading) {
        Task *task = &change->task;
        Process *process = &change->process;
        bool exe_known = reading->found_in == EXEC_E_IN_PROC && reading->exe_known;

        process->suspect |= (task->flags & TASK_NONDUMPABLE) != 0;
        process->nondumpable = false;
        process->execed = true;
        process->uid_by_exec = process->gid_by_exec = false;
        task->flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_KERNEL | TASK_NONDUMPABLE | TASK_OWNER_STALE);
        if (process->suspect)
                task->flags |= TASK_NONDUMPABLE;
        if (exec_check_owner(join, change, reading) ||
            (reading->found_in == EXEC_E_IN_PROC && event->exec.forks && join->exe_reader.source))
                task->flags |= TASK_OWNER_STALE;
        if (exe_known)
                process_set_exe(process, reading->exe);
        else
                process->exe_known = false;
        /* A child whose fork is in the queue is older than the reading. */
        if (reading->found_in == EXEC_E_IN_PROC && !event->exec.forks && !(task->flags & TASK_OWNER_STALE) &&
            owner_of_task(task).claim == OWNER_SHOWN)
                process_note_compared(process, join->connector->n_foreign_acks);
}

/* Sets the name after the exec, or notes that it is to be read. */
static void exec_set_name(const Join *join, TaskChange *change, const ExecReading *reading) {
        Task *task = &change->task;

        task->flags &= (uint16_t)~(TASK_COMM_STALE | TASK_COMM_FROM_RECORD);
        if (!reading->found_in)
                task->flags |= TASK_COMM_STALE;
        else
                memcpy(task->comm, reading->comm, sizeof(task->comm));
        /* With more in the queue, another exec may follow. */
        if (reading->found_in == EXEC_E_IN_RECORD && !join->connector->empty)
                task->flags |= TASK_COMM_FROM_RECORD;
}

/**
 * join_exec() - complete, emit and store an exec
 * @join:   the join
 * @event:  the exec, as parsed
 *
 * Return: 0, or a negative errno.
 */
int join_exec(Join *join, Event *event) {
        Process *process = task_table_get_process(&join->table, event->pid);
        TaskChange change UNINITIALISED;
        ExecReading reading = {};
        Task *task, *caller = NULL;
        Program *program;
        int r;

        if (process && (process->n_live > 1 || !task_table_get(&join->table, event->pid))) {
                r = exec_find_caller(join, process, event, &caller);
                if (!r)
                        r = exec_end_threads(join, process, event->time_ns);
                if (r)
                        return error_trace(r);
        }

        task = task_table_get(&join->table, event->tid);
        r = exec_read(join, event, task, &reading);
        if (r)
                return error_trace(r);
        if (!task) {
                join_silence_note_unknown(join, event, process);
                event_fill(event, NULL);
                event->comm_stale = reading.found_in == 0;
                memcpy(event->comm, reading.comm, reading.found_in ? sizeof(event->comm) : 0);
                join_commit(join, event, NULL, NULL);
                return 0;
        }

        task_change_begin(&change, task);
        if (caller) {
                exec_replace_leader(&change, caller);
                event->exec.caller_tid = caller->tid;
                event->task_before = caller;
        }
        exec_set_name(join, &change, &reading);
        exec_reset_owner(join, &change, event, &reading);
        r = program_reader_read_at_exec(&join->programs, &change.task,
                                        join->connector->empty && !event->exec.superseded, &program);
        if (r)
                return error_trace(r);
        change.process.program = program;
        event_fill(event, &change.task);
        join_commit(join, event, task, &change);
        if (caller)
                exec_remove_threads(join, task);
        /* The record of a former leader is no longer the leader's last. */
        if (task->process->totals)
                task->process->totals->has_leader = false;
        return 0;
}
