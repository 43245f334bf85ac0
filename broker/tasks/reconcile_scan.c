/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pass has three phases. The first reads each task of the table in /proc. The second
 * lists /proc and looks for tasks that the table has not. The third looks for tasks of
 * which the table has the fork alone, because their parents were not known by then.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/util.h"
#include "broker/tasks/reconcile_scan.h"

/* Rounds of the third phase, as long as each finds something. */
#define UNKNOWN_ROUNDS_MAX 8

void reconcile_init(Reconcile *reconcile, Join *join, int procfs_fd) {
        *reconcile = (Reconcile){ .join = join, .procfs_fd = procfs_fd };
}

static void scan_close(DIR **dir) {
        if (*dir)
                closedir(*dir);
        *dir = NULL;
}

void reconcile_deinit(Reconcile *reconcile) {
        scan_close(&reconcile->processes);
        scan_close(&reconcile->threads);
        reconcile->phase = RECONCILE_IDLE;
}

static DIR *scan_open(const Reconcile *reconcile, const char *path) {
        int fd = openat(reconcile->procfs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir && fd >= 0)
                close(fd);
        return dir;
}

/**
 * reconcile_start() - begin a pass; one that runs is given up
 * @reconcile:  the comparison
 */
void reconcile_start(Reconcile *reconcile) {
        const Connector *connector = reconcile->join->connector;

        reconcile_deinit(reconcile);
        reconcile->phase = RECONCILE_GONE;
        reconcile->next_tid = 1;
        reconcile->n_mismatches = reconcile->n_suspects = reconcile->n_compared = 0;
        reconcile->quiet = false;
        reconcile->n_repeats = connector->n_foreign_acks != reconcile->n_pass_acks ? 0 : reconcile->n_repeats + 1;
        reconcile->n_pass_acks = connector->n_foreign_acks;
}

/**
 * reconcile_start_seeding() - begin a pass that fills an empty table
 * @reconcile:  the comparison
 */
void reconcile_start_seeding(Reconcile *reconcile) {
        reconcile_start(reconcile);
        reconcile->phase = RECONCILE_FOUND;
        reconcile->processes = scan_open(reconcile, ".");
        reconcile->seeding = true;
}

/* Without free descriptors /proc seems empty: nothing follows from that, and the pass is repeated later. */
static void scan_give_up(Reconcile *reconcile) {
        reconcile_deinit(reconcile);
        reconcile->n_mismatches = 0;
        reconcile->join->wants_reconcile = true;
}

static void scan_add(Reconcile *reconcile, MismatchKind kind, uint32_t pid, uint32_t tid, uint64_t start_time_ns) {
        reconcile->mismatches[reconcile->n_mismatches++] = (Mismatch){
                .kind = kind,
                .pid = pid,
                .tid = tid,
                .start_time_ns = start_time_ns,
        };
}

/*
 * Whether a task has the name that /proc has. A kernel thread that works for others is
 * called after its work, and no event reports that.
 */
bool reconcile_comm_agrees(const Task *task, const ProcfsTask *found) {
        return (task->flags & TASK_KERNEL) || memcmp(task->comm, found->comm, sizeof(task->comm)) == 0;
}

/* Whether a task has the ids that /proc has. */
bool reconcile_ids_agree(const Task *task, const ProcfsTask *found) {
        return task->ruid == found->ruid && task->euid == found->euid && task->rgid == found->rgid &&
               task->egid == found->egid;
}

/*
 * Whether a process has called exec if /proc says so, and has the executable that the kernel has.
 * Without an exec it may have another one than its parent (CLONE_PARENT): see reconcile_quiet.c.
 */
bool reconcile_exec_agrees(const Task *task, const ProcfsTask *found) {
        const Process *process = task->process;

        if (task->tid == process->pid && !process->execed && found->execed)
                return false;
        return !found->exe_known || !process->exe_known || process->exe == found->exe;
}

/**
 * reconcile_read_task() - read a task in /proc, and before it the executable of its process
 * @reconcile:  the comparison
 * @pid:        its process
 * @tid:        the task; only the leader's executable is read
 * @ret_found:  output
 *
 * If an exec comes in between, the record of the exit shows that.
 *
 * Return: Whether it lives.
 */
bool reconcile_read_task(const Reconcile *reconcile, uint32_t pid, uint32_t tid, ProcfsTask *ret_found) {
        uint32_t exe = 0;
        bool exe_known = tid == pid && exe_reader_read(&reconcile->join->exe_reader, tid, &exe);

        if (!procfs_read_task(reconcile->procfs_fd, pid, tid, ret_found))
                return false;
        ret_found->exe_known = exe_known;
        ret_found->exe = exe;
        return true;
}

static bool task_agrees(const Task *task, const ProcfsTask *found) {
        return reconcile_ids_agree(task, found) && reconcile_comm_agrees(task, found) &&
               reconcile_exec_agrees(task, found);
}

/*
 * Checks the owner of a process that has the ids of /proc, whatever else differs. It counts as compared
 * when the queue was read: children whose forks are older than the reading are not compared. If
 * the leader has ended, another thread shows the same: an exec would have ended that thread.
 */
static void scan_check_owner(Reconcile *reconcile, Task *task, const ProcfsTask *found) {
        bool leads = task->tid == task->process->pid || (process_leader(task->process)->flags & TASK_GONE);

        if (!leads || found->exiting || !reconcile_ids_agree(task, found))
                return;
        (void)procfs_note_owner(task, found);
        reconcile->compared[reconcile->n_compared++] = (ComparedProcess){
                .pid = task->process->pid,
                .serial = task->process->serial,
        };
}

/**
 * reconcile_note_compared() - note which processes of the slice were compared
 * @reconcile:  the comparison; the join's sources were read empty since reconcile_scan()
 */
void reconcile_note_compared(Reconcile *reconcile) {
        const TaskTable *table = &reconcile->join->table;

        for (size_t i = 0; i < reconcile->n_compared; ++i) {
                Process *process = task_table_get_process(table, reconcile->compared[i].pid);

                if (process && process->serial == reconcile->compared[i].serial)
                        process_note_compared(process, reconcile->n_acks);
        }
        reconcile->n_compared = 0;
}

/* Compares a live task with /proc. Return: whether /proc has it. */
static bool scan_live_task(Reconcile *reconcile, Task *task) {
        ProcfsTask found;

        if (!reconcile_read_task(reconcile, task->process->pid, task->tid, &found) ||
            !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return false;
        reconcile->join->owners_stale = false;
        if (task->flags & TASK_UNKNOWN)
                return true;
        scan_check_owner(reconcile, task, &found);
        if (task_agrees(task, &found)) {
                procfs_verify_task(task, &found);
                if (found.exe_known && !found.exiting && connector_is_idle(reconcile->join->connector))
                        process_set_exe(task->process, found.exe);
        } else {
                scan_add(reconcile, MISMATCH_CHANGED, task->process->pid, task->tid, task->start_time_ns);
        }
        return true;
}

static void scan_for_gone(Reconcile *reconcile) {
        uint64_t begin_ns = procfs_slice_begin();

        for (size_t i = 0; i < RECONCILE_SLICE && (i == 0 || !procfs_slice_is_over(begin_ns)); ++i) {
                Task *task = task_table_next_kept(&reconcile->join->table, reconcile->next_tid);
                bool gone;

                if (!task) {
                        reconcile->phase = RECONCILE_FOUND;
                        reconcile->processes = scan_open(reconcile, ".");
                        if (!reconcile->processes)
                                scan_give_up(reconcile);
                        return;
                }
                reconcile->next_tid = task->tid + 1;
                gone = task->flags & TASK_GONE;
                if (gone ? procfs_process_lives(reconcile->procfs_fd, task) : scan_live_task(reconcile, task))
                        continue;
                if (procfs_is_short())
                        return scan_give_up(reconcile);
                /* A task that /proc does not show may well be alive. */
                if (!reconcile->blind)
                        scan_add(reconcile, gone ? MISMATCH_GONE_PROCESS : MISMATCH_GONE, task->process->pid, task->tid,
                                 task->start_time_ns);
        }
}

/* Finds the next task that /proc lists. Return: false at the end. */
static bool scan_next_listed(Reconcile *reconcile, uint32_t *ret_tid) {
        const struct dirent *entry;
        char path[32];

        for (;;) {
                while (reconcile->threads && (entry = readdir(reconcile->threads))) {
                        *ret_tid = procfs_number(entry->d_name);
                        if (*ret_tid)
                                return true;
                }
                scan_close(&reconcile->threads);

                entry = reconcile->processes ? readdir(reconcile->processes) : NULL;
                if (!entry)
                        return false;
                reconcile->pid = procfs_number(entry->d_name);
                if (reconcile->pid) {
                        snprintf(path, sizeof(path), "%u/task", reconcile->pid);
                        reconcile->threads = scan_open(reconcile, path);
                        /* its tasks are looked for in a later pass */
                        if (!reconcile->threads && procfs_is_short())
                                reconcile->join->wants_reconcile = true;
                }
        }
}

/* The fork of the task may have come before the sources were known to work, and its record too. */
static void scan_note_exiting(const Reconcile *reconcile, Task *task) {
        ProcfsTask found;

        if (task->start_time_ns < join_time_ns(reconcile->join, reconcile->join->start_ns) &&
            procfs_read_task(reconcile->procfs_fd, task->process->pid, task->tid, &found) && found.exiting)
                task->flags |= TASK_EXITING_AT_START;
}

static void scan_for_found(Reconcile *reconcile) {
        uint64_t begin_ns = procfs_slice_begin();

        for (size_t i = 0; i < RECONCILE_SLICE && (i == 0 || !procfs_slice_is_over(begin_ns)); ++i) {
                ProcfsTask found = {};
                Task *task;
                uint32_t tid;

                if (!scan_next_listed(reconcile, &tid)) {
                        scan_close(&reconcile->processes);
                        reconcile->phase = RECONCILE_UNKNOWN;
                        reconcile->next_tid = 1;
                        reconcile->n_unknown = reconcile->n_rounds = 0;
                        return;
                }
                task = task_table_get(&reconcile->join->table, tid);
                if (task && !(task->flags & TASK_UNKNOWN)) {
                        if (reconcile->seeding)
                                scan_note_exiting(reconcile, task);
                        continue;
                }
                if (reconcile->seeding || procfs_read_task(reconcile->procfs_fd, reconcile->pid, tid, &found))
                        scan_add(reconcile, MISMATCH_FOUND, reconcile->pid, tid, found.start_time_ns);
                else if (procfs_is_short())
                        return scan_give_up(reconcile);
        }
}

/*
 * A task that was forked after /proc was listed, before the pass came to its parent, is
 * known by its number alone. So are its children, until the task is found.
 */
static void scan_for_unknown(Reconcile *reconcile) {
        while (reconcile->n_mismatches < RECONCILE_SLICE) {
                const Task *task = task_table_next_kept(&reconcile->join->table, reconcile->next_tid);

                if (!task) {
                        if (reconcile->n_unknown == 0 || reconcile->blind ||
                            ++reconcile->n_rounds == UNKNOWN_ROUNDS_MAX)
                                reconcile->phase = RECONCILE_IDLE;
                        reconcile->n_unknown = 0;
                        reconcile->next_tid = 1;
                        return;
                }
                reconcile->next_tid = task->tid + 1;
                if (!(task->flags & TASK_UNKNOWN) || (task->flags & TASK_GONE))
                        continue;
                ++reconcile->n_unknown;
                scan_add(reconcile, MISMATCH_FOUND, task->process->pid, task->tid, 0);
        }
}

/**
 * reconcile_has_slice() - whether the last slice has something to apply
 * @reconcile:  the comparison
 */
bool reconcile_has_slice(const Reconcile *reconcile) {
        return reconcile->n_mismatches > 0 || reconcile->n_compared > 0;
}

/**
 * reconcile_scan() - compare a slice
 * @reconcile:  the comparison
 *
 * Afterwards the join reads its sources empty; then reconcile_apply() is called.
 */
void reconcile_scan(Reconcile *reconcile) {
        reconcile->n_mismatches = reconcile->n_compared = 0;
        reconcile->n_acks = reconcile->join->connector->n_foreign_acks;
        if (reconcile->phase == RECONCILE_GONE)
                scan_for_gone(reconcile);
        else if (reconcile->phase == RECONCILE_FOUND)
                scan_for_found(reconcile);
        else if (reconcile->phase == RECONCILE_UNKNOWN)
                scan_for_unknown(reconcile);
}
