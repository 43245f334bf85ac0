/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slice has two halves, with a turn of the join between them. The first looks
 * for tasks of which the table and /proc disagree; most often because the event
 * that explains it is still in the queue. After the queue was read empty, those
 * that are still in question are settled, by the table's present state: a task
 * that is gone is told to have ended; one that was found, and that is alive at a
 * second look, is told to have been born. If that one ends after the second look,
 * its EXIT is still to come.
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
#include "broker/tasks/ends.h"
#include "broker/tasks/reconcile.h"

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
        reconcile->n_suspects = 0;
}

static bool starts_agree(uint64_t a_ns, uint64_t b_ns) {
        return a_ns <= b_ns + PROCFS_START_TOLERANCE_NS && b_ns <= a_ns + PROCFS_START_TOLERANCE_NS;
}

static void reconcile_look_for_gone(Reconcile *reconcile) {
        for (size_t i = 0; i < RECONCILE_SLICE; ++i) {
                const Task *task = task_table_next(&reconcile->join->table, reconcile->next_tid);
                ProcfsTask found;

                if (!task) {
                        reconcile->phase = RECONCILE_FOUND;
                        reconcile->processes = reconcile_open(reconcile, ".");
                        return;
                }
                reconcile->next_tid = task->tid + 1;
                if (!procfs_read_task(reconcile->procfs_fd, task->process->pid, task->tid, &found) ||
                    !starts_agree(found.start_time_ns, task->start_time_ns))
                        reconcile->suspects[reconcile->n_suspects++] = (Suspect){
                                .gone = true,
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
                }
        }
}

static void reconcile_look_for_found(Reconcile *reconcile) {
        for (size_t i = 0; i < RECONCILE_SLICE; ++i) {
                ProcfsTask found;
                uint32_t tid;

                if (!reconcile_next(reconcile, &tid)) {
                        reconcile_close(&reconcile->processes);
                        reconcile->phase = RECONCILE_IDLE;
                        return;
                }
                if (!task_table_get(&reconcile->join->table, tid) &&
                    procfs_read_task(reconcile->procfs_fd, reconcile->pid, tid, &found))
                        reconcile->suspects[reconcile->n_suspects++] = (Suspect){
                                .pid = reconcile->pid,
                                .tid = tid,
                                .start_time_ns = found.start_time_ns,
                        };
        }
}

/**
 * reconcile_look() - the first half of a slice
 * @reconcile:  the comparison
 *
 * Then the join's sources are read; then reconcile_settle().
 */
void reconcile_look(Reconcile *reconcile) {
        reconcile->n_suspects = 0;
        if (reconcile->phase == RECONCILE_GONE)
                reconcile_look_for_gone(reconcile);
        else if (reconcile->phase == RECONCILE_FOUND)
                reconcile_look_for_found(reconcile);
}

static int settle_found(Reconcile *reconcile, const Suspect *suspect, uint64_t now_ns) {
        Join *join = reconcile->join;
        Event event = {
                .kind = EVENT_FORK,
                .time_ns = now_ns,
                .pid = suspect->pid,
                .tid = suspect->tid,
                .synthesised = true,
        };
        ProcfsTask found;
        Task *task;

        if (!task_table_is_free(&join->table, suspect->pid, suspect->tid) ||
            !procfs_read_task(reconcile->procfs_fd, suspect->pid, suspect->tid, &found) ||
            !starts_agree(found.start_time_ns, suspect->start_time_ns))
                return 0;
        task = procfs_add_task(&join->table, suspect->pid, suspect->tid, &found);
        if (!task)
                return error_origin(-ENOMEM);
        /* A task can be seen in /proc a moment before the kernel queues its FORK. */
        task->flags |= TASK_BIRTH_TOLD;
        event.fork.parent_pid = event.fork.parent_tid = found.ppid;
        event_fill(&event, task);
        join_emit(join, &event);
        return 0;
}

/**
 * reconcile_settle() - the second half of a slice
 * @reconcile:  the comparison; the join's sources were read empty since
 *              reconcile_look()
 *
 * Return: 0, or a negative errno.
 */
int reconcile_settle(Reconcile *reconcile) {
        uint64_t now_ns = join_wall(reconcile->join, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        int r;

        r = records_drain(&reconcile->join->records);
        for (size_t i = 0; r == 0 && i < reconcile->n_suspects; ++i) {
                const Suspect *suspect = &reconcile->suspects[i];
                Task *task = task_table_get(&reconcile->join->table, suspect->tid);

                if (!suspect->gone)
                        r = settle_found(reconcile, suspect, now_ns);
                else if (task && task->start_time_ns == suspect->start_time_ns && task->process->pid == suspect->pid)
                        r = ends_conclude_gone(reconcile->join, task, now_ns);
        }
        reconcile->n_suspects = 0;
        return error_trace(r);
}
