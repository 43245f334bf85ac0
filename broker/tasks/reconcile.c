/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slice has two halves, with a turn of the join between them. The first recheck_queue
 * for tasks of which the table and /proc disagree; most often because the event
 * that explains it is still in the queue. After the queue was read empty, those
 * that are still in question are settled, by the table's present state: a task
 * that is gone is told to have ended; one that was found, and that is alive at a
 * second look, is told to have been born; one with another name or other ids at a
 * second look, to have changed. If that one ends after the second look, its EXIT is
 * still to come.
 *
 * Meanwhile events go on. A new loss starts all over again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/reconcile.h"

/* A chain of processes whose births were lost, from the oldest on. */
#define PARENTS_MAX 32

/* How often those that are not known are looked for, while some are found. */
#define UNKNOWN_ROUNDS_MAX 8

void reconcile_init(Reconcile *reconcile, Join *join, int procfs_fd) {
        *reconcile = (Reconcile){ .join = join, .procfs_fd = procfs_fd };
}

static void reconcile_close(DIR **dir) {
        if (*dir)
                closedir(*dir);
        *dir = NULL;
}

void reconcile_deinit(Reconcile *reconcile) {
        reconcile_close(&reconcile->processes);
        reconcile_close(&reconcile->threads);
        reconcile->phase = RECONCILE_IDLE;
}

static DIR *reconcile_open(Reconcile *reconcile, const char *path) {
        int fd = openat(reconcile->procfs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir && fd >= 0)
                close(fd);
        return dir;
}

/**
 * reconcile_start() - begin, or begin anew
 * @reconcile:  the comparison
 */
void reconcile_start(Reconcile *reconcile) {
        reconcile_deinit(reconcile);
        reconcile->phase = RECONCILE_GONE;
        reconcile->next_tid = 1;
        reconcile->n_mismatches = 0;
}

/* Without descriptors /proc recheck_queue empty: nothing is concluded from that, and all of it is done again later. */
static void reconcile_give_up(Reconcile *reconcile) {
        reconcile_deinit(reconcile);
        reconcile->n_mismatches = 0;
        reconcile->join->wants_reconcile = true;
}

static bool task_is_called(const Task *task, const ProcfsTask *found) {
        /* What works for others is called by what it works on: nobody is told when that changes. */
        return (task->flags & TASK_KERNEL) || memcmp(task->comm, found->comm, sizeof(task->comm)) == 0;
}

static bool task_differs(const Task *task, const ProcfsTask *found) {
        return task->ruid != found->ruid || task->euid != found->euid || task->rgid != found->rgid ||
               task->egid != found->egid || !task_is_called(task, found);
}

static void reconcile_find_gone(Reconcile *reconcile) {
        for (size_t i = 0; i < RECONCILE_SLICE; ++i) {
                Task *task = task_table_next_kept(&reconcile->join->table, reconcile->next_tid);
                ProcfsTask found;

                if (!task) {
                        reconcile->phase = RECONCILE_FOUND;
                        reconcile->processes = reconcile_open(reconcile, ".");
                        if (!reconcile->processes)
                                reconcile_give_up(reconcile);
                        return;
                }
                reconcile->next_tid = task->tid + 1;
                if (task->flags & TASK_GONE) {
                        if (procfs_process_lives(reconcile->procfs_fd, task))
                                continue;
                } else if (procfs_read_task(reconcile->procfs_fd, task->process->pid, task->tid, &found) &&
                           procfs_starts_agree(found.start_time_ns, task->start_time_ns)) {
                        reconcile->join->owners_stale = false;
                        if (task->flags & TASK_UNKNOWN)
                                continue;
                        if (task_differs(task, &found))
                                reconcile->mismatches[reconcile->n_mismatches++] = (Mismatch){
                                        .changed = true,
                                        .pid = task->process->pid,
                                        .tid = task->tid,
                                        .start_time_ns = task->start_time_ns,
                                };
                        else
                                procfs_verify_task(task, &found);
                        continue;
                }
                if (procfs_is_short())
                        return reconcile_give_up(reconcile);
                /* What is not shown may well be alive. */
                if (!reconcile->blind)
                        reconcile->mismatches[reconcile->n_mismatches++] = (Mismatch){
                                .gone = true,
                                .unseen = task->flags & TASK_GONE,
                                .pid = task->process->pid,
                                .tid = task->tid,
                                .start_time_ns = task->start_time_ns,
                        };
        }
}

/* The next task that /proc lists; false at the end. */
static bool reconcile_next(Reconcile *reconcile, uint32_t *ret_tid) {
        const struct dirent *entry;
        char path[32];

        for (;;) {
                while (reconcile->threads && (entry = readdir(reconcile->threads))) {
                        *ret_tid = procfs_number(entry->d_name);
                        if (*ret_tid)
                                return true;
                }
                reconcile_close(&reconcile->threads);

                entry = reconcile->processes ? readdir(reconcile->processes) : NULL;
                if (!entry)
                        return false;
                reconcile->pid = procfs_number(entry->d_name);
                if (reconcile->pid) {
                        snprintf(path, sizeof(path), "%u/task", reconcile->pid);
                        reconcile->threads = reconcile_open(reconcile, path);
                        /* its tasks are looked for another time */
                        if (!reconcile->threads && procfs_is_short())
                                reconcile->join->wants_reconcile = true;
                }
        }
}

static void reconcile_find_born(Reconcile *reconcile) {
        for (size_t i = 0; i < RECONCILE_SLICE; ++i) {
                ProcfsTask found = {};
                const Task *task;
                uint32_t tid;

                if (!reconcile_next(reconcile, &tid)) {
                        reconcile_close(&reconcile->processes);
                        reconcile->phase = RECONCILE_UNKNOWN;
                        reconcile->next_tid = 1;
                        reconcile->n_unknown = reconcile->n_rounds = 0;
                        return;
                }
                task = task_table_get(&reconcile->join->table, tid);
                if (task && !(task->flags & TASK_UNKNOWN))
                        continue;
                if (reconcile->seeding || procfs_read_task(reconcile->procfs_fd, reconcile->pid, tid, &found))
                        reconcile->mismatches[reconcile->n_mismatches++] = (Mismatch){
                                .pid = reconcile->pid,
                                .tid = tid,
                                .start_time_ns = found.start_time_ns,
                        };
                else if (procfs_is_short())
                        return reconcile_give_up(reconcile);
        }
}

/*
 * A task that was born after /proc was listed, and of which the parent had not been come
 * to by then, is known by its number alone; so are its children, until it is.
 */
static void reconcile_find_unknown(Reconcile *reconcile) {
        while (reconcile->n_mismatches < RECONCILE_SLICE) {
                const Task *task = task_table_next_kept(&reconcile->join->table, reconcile->next_tid);

                if (!task) {
                        if (reconcile->n_unknown == 0 || reconcile->blind || ++reconcile->n_rounds == UNKNOWN_ROUNDS_MAX)
                                reconcile->phase = RECONCILE_IDLE;
                        reconcile->n_unknown = 0;
                        reconcile->next_tid = 1;
                        return;
                }
                reconcile->next_tid = task->tid + 1;
                if (!(task->flags & TASK_UNKNOWN) || (task->flags & TASK_GONE))
                        continue;
                ++reconcile->n_unknown;
                reconcile->mismatches[reconcile->n_mismatches++] = (Mismatch){ .pid = task->process->pid, .tid = task->tid };
        }
}

/**
 * reconcile_compare() - the first half of a slice
 * @reconcile:  the comparison
 *
 * Then the join's sources are read; then reconcile_apply().
 */
void reconcile_compare(Reconcile *reconcile) {
        reconcile->n_mismatches = 0;
        if (reconcile->phase == RECONCILE_GONE)
                reconcile_find_gone(reconcile);
        else if (reconcile->phase == RECONCILE_FOUND)
                reconcile_find_born(reconcile);
        else if (reconcile->phase == RECONCILE_UNKNOWN)
                reconcile_find_unknown(reconcile);
}

/* The marks that a process has from its parent; beyond it, from those that ended, nobody knows. */
static uint64_t parent_marks(const Reconcile *reconcile, uint32_t ppid) {
        const Process *parent = task_table_get_process(&reconcile->join->table, ppid);

        return parent ? parent->marks : 0;
}

/* A task of which only the number and the start were known gets its name and its ids. */
static void apply_unknown(Reconcile *reconcile, Task *task, const ProcfsTask *found, uint64_t now_ns) {
        Event event = {
                .kind = EVENT_COMM,
                .time_ns = now_ns,
                .pid = task->process->pid,
                .tid = task->tid,
                .synthesised = true,
        };

        event_fill(&event, task);
        event.task_unknown = false;
        event.uid = found->ruid;
        event.marks |= parent_marks(reconcile, found->ppid);
        memcpy(event.comm, found->comm, sizeof(event.comm));
        if (!reconcile->seeding)
                join_emit(reconcile->join, &event);
        task->process->marks = event.marks;
        procfs_fill_task(task, found);
        if (!found->nondumpable)
                procfs_verify_task(task, found);
}

/* A process whose leader ended first, and is still there as a zombie, is called and owned as that was. */
static void apply_leader(Reconcile *reconcile, uint32_t pid) {
        Task *leader = task_table_get_leader(&reconcile->join->table, pid);
        ProcfsTask found;

        if (!(leader->flags & TASK_GONE) || !(leader->flags & TASK_UNKNOWN) ||
            !procfs_read_leader(reconcile->procfs_fd, pid, &found) || !found.ended)
                return;
        leader->start_time_ns = found.start_time_ns;
        leader->flags |= TASK_SEEDED;
        procfs_fill_task(leader, &found);
}

static int apply_task_born(Reconcile *reconcile, const Mismatch *mismatch, const ProcfsTask *found, uint64_t now_ns) {
        Join *join = reconcile->join;
        bool first = !task_table_get_process(&join->table, mismatch->pid);
        Event event = {
                .kind = EVENT_FORK,
                .time_ns = now_ns,
                .pid = mismatch->pid,
                .tid = mismatch->tid,
                .synthesised = true,
                .fork.parent_pid = found->ppid,
                .fork.parent_tid = found->ppid,
        };
        Task *task;

        task = procfs_add_task(&join->table, mismatch->pid, mismatch->tid, found);
        if (!task)
                return error_origin(-ENOMEM);
        if (first && !reconcile->seeding) {
                task_table_inherit(&join->table, task->process, task_table_get_process(&join->table, found->ppid));
                program_reader_note_birth(&join->programs, task->process);
        }
        task->process->session = found->session;
        apply_leader(reconcile, mismatch->pid);
        if (reconcile->seeding)
                return 0;
        /* A task can be seen in /proc a moment before the kernel queues its FORK. */
        task->flags |= TASK_FORK_REPORTED;
        ++join->n_synthesised_forks;
        event_fill(&event, task);
        join_emit(join, &event);
        return 0;
}

/* A leader that had ended, and lives: only by exec does another thread become it. */
static int apply_exec(Reconcile *reconcile, Task *leader, const ProcfsTask *found, uint64_t now_ns) {
        Join *join = reconcile->join;
        Task after = *leader;
        Program *program = NULL;
        Event event = {
                .kind = EVENT_EXEC,
                .time_ns = now_ns,
                .pid = leader->tid,
                .tid = leader->tid,
                .synthesised = true,
        };
        int r;

        after.flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE | TASK_RECHECK | TASK_GONE);
        procfs_fill_task(&after, found);
        procfs_verify_task(&after, found);
        event_fill(&event, &after);
        r = program_reader_read_at_exec(&join->programs, &after, join->connector->empty, &program);
        if (r)
                return error_trace(r);
        event.program = program;
        join_emit(join, &event);
        task_table_revive(&join->table, leader);
        leader->flags = after.flags;
        leader->ruid = after.ruid;
        leader->euid = after.euid;
        leader->rgid = after.rgid;
        leader->egid = after.egid;
        memcpy(leader->comm, after.comm, sizeof(leader->comm));
        task_table_set_program(&join->table, leader->process, program);
        return 0;
}

/*
 * Those who are told of processes only know one by its leader: where that has ended
 * already, a zombie that other threads keep, it is told too, and its end.
 */
static int apply_born(Reconcile *reconcile, const Mismatch *mismatch, const ProcfsTask *found, uint64_t now_ns) {
        TaskTable *table = &reconcile->join->table;
        const Task *known = task_table_get_leader(table, mismatch->pid);
        ProcfsTask leader;
        int r;

        if (reconcile->seeding || mismatch->tid == mismatch->pid || (known && !leader_is_unseen(known)) ||
            !procfs_read_leader(reconcile->procfs_fd, mismatch->pid, &leader) || !leader.ended)
                return error_trace(apply_task_born(reconcile, mismatch, found, now_ns));

        r = apply_task_born(reconcile, &(Mismatch){ .pid = mismatch->pid, .tid = mismatch->pid }, &leader, now_ns);
        if (!r)
                r = apply_task_born(reconcile, mismatch, found, now_ns);
        if (!r)
                r = join_exit_synthesise_gone(reconcile->join, task_table_get_leader(table, mismatch->pid), now_ns);
        return error_trace(r);
}

/* Its parent first, of which it has its marks; no more than @depth of these. */
static int apply_found(Reconcile *reconcile, const Mismatch *mismatch, uint64_t now_ns, int depth) {
        const TaskTable *table = &reconcile->join->table;
        Task *task = task_table_get(table, mismatch->tid);
        const Task *parent;
        Task *known;
        ProcfsTask found;
        int r;

        if (task ? !(task->flags & TASK_UNKNOWN) || task->process->pid != mismatch->pid
                 : !task_table_is_free(table, mismatch->pid, mismatch->tid))
                return 0;
        if (!procfs_read_task(reconcile->procfs_fd, mismatch->pid, mismatch->tid, &found)) {
                reconcile->join->wants_reconcile |= procfs_is_short();
                return 0;
        }
        if (mismatch->start_time_ns && !procfs_starts_agree(found.start_time_ns, mismatch->start_time_ns))
                return 0;

        known = task_table_get_leader(table, mismatch->pid);
        if (!task && known && mismatch->tid == mismatch->pid && !leader_is_unseen(known) &&
            procfs_starts_agree(found.start_time_ns, known->start_time_ns))
                return error_trace(apply_exec(reconcile, known, &found, now_ns));

        parent = task_table_get(table, found.ppid);
        if (depth > 0 && found.ppid && !reconcile->seeding && (!parent || (parent->flags & TASK_UNKNOWN))) {
                r = apply_found(reconcile, &(Mismatch){ .pid = found.ppid, .tid = found.ppid }, now_ns, depth - 1);
                if (r)
                        return error_trace(r);
        }
        if (!task)
                return error_trace(apply_born(reconcile, mismatch, &found, now_ns));
        if (procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                apply_unknown(reconcile, task, &found, now_ns);
        return 0;
}

/* Its changes, each in its turn, as the kernel would have told them. */
static void apply_changed(Reconcile *reconcile, Task *task, uint64_t now_ns) {
        const Event event = {
                .time_ns = now_ns,
                .pid = task->process->pid,
                .tid = task->tid,
                .synthesised = true,
        };
        ProcfsTask found;

        if (!procfs_read_task(reconcile->procfs_fd, task->process->pid, task->tid, &found) ||
            !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return;
        if (task->ruid != found.ruid || task->euid != found.euid) {
                Event ids = event;

                ids.kind = EVENT_UID;
                ids.credentials.real_id = found.ruid;
                ids.credentials.effective_id = found.euid;
                join_change(reconcile->join, &ids);
        }
        if (task->rgid != found.rgid || task->egid != found.egid) {
                Event ids = event;

                ids.kind = EVENT_GID;
                ids.credentials.real_id = found.rgid;
                ids.credentials.effective_id = found.egid;
                join_change(reconcile->join, &ids);
        }
        if (!task_is_called(task, &found)) {
                Event name = event;

                name.kind = EVENT_COMM;
                memcpy(name.comm, found.comm, sizeof(name.comm));
                join_change(reconcile->join, &name);
        }
        procfs_verify_task(task, &found);
}

/* What is gone: a task, or a process of which no live task is known. */
static int apply_gone(Reconcile *reconcile, const Mismatch *mismatch, uint64_t now_ns) {
        Task *leader = task_table_get_leader(&reconcile->join->table, mismatch->pid);
        Task *task = task_table_get(&reconcile->join->table, mismatch->tid);

        if (task && task->start_time_ns == mismatch->start_time_ns && task->process->pid == mismatch->pid)
                return error_trace(join_exit_synthesise_gone(reconcile->join, task, now_ns));
        if (mismatch->unseen && leader && leader->process->n_live == 0 && leader->start_time_ns == mismatch->start_time_ns)
                return error_trace(join_exit_synthesise_process(reconcile->join, leader->process, now_ns));
        return 0;
}

/**
 * reconcile_apply() - the second half of a slice
 * @reconcile:  the comparison; the join's sources were read empty since
 *              reconcile_compare()
 *
 * Return: 0, or a negative errno.
 */
int reconcile_apply(Reconcile *reconcile) {
        uint64_t now_ns = join_wall(reconcile->join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        int r;

        r = exit_records_drain(&reconcile->join->records);
        for (size_t i = 0; r == 0 && i < reconcile->n_mismatches; ++i) {
                const Mismatch *mismatch = &reconcile->mismatches[i];
                Task *task = task_table_get(&reconcile->join->table, mismatch->tid);

                if (!mismatch->gone && !mismatch->changed)
                        r = apply_found(reconcile, mismatch, now_ns, PARENTS_MAX);
                else if (mismatch->gone)
                        r = apply_gone(reconcile, mismatch, now_ns);
                else if (task && task->start_time_ns == mismatch->start_time_ns && task->process->pid == mismatch->pid)
                        apply_changed(reconcile, task, now_ns);
        }
        reconcile->n_mismatches = 0;
        return error_trace(r);
}

/**
 * reconcile_seed() - fill an empty table from /proc
 * @reconcile:  the comparison; the sources listen already, so that a task is in /proc
 *              now, or its birth is in the queue, or both
 *
 * A task that ends while it is read is left out; its exit is in the queue too.
 * The queue is read between slices: however many tasks there are, it does not
 * overflow.
 *
 * Return: 0, or a negative errno.
 */
int reconcile_seed(Reconcile *reconcile) {
        int r;

        reconcile_start(reconcile);
        reconcile->phase = RECONCILE_FOUND;
        reconcile->processes = reconcile_open(reconcile, ".");
        reconcile->seeding = true;
        while (reconcile->phase != RECONCILE_IDLE) {
                bool drained = false;

                reconcile_compare(reconcile);
                while (!drained) {
                        r = join_turn(reconcile->join, &drained);
                        if (r)
                                return error_trace(r);
                }
                r = reconcile_apply(reconcile);
                if (r)
                        return error_trace(r);
        }
        reconcile->seeding = false;
        return 0;
}
