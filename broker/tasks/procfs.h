/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Procfs: reads tasks in /proc, for the table. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/util.h"
#include "broker/tasks/task_table.h"

typedef struct ProcfsTask ProcfsTask;

/* A task as /proc shows it. */
struct ProcfsTask {
        char comm[COMM_SIZE];
        uint32_t ppid;
        uint32_t session;
        bool kernel_thread;
        uint32_t n_threads;     /* live threads of its process, and the leader */
        bool ended;             /* a zombie */
        bool execed;            /* a leader: its process called exec since its fork */
        bool stopped;           /* by a tracer, or it waits for a disk: an exec may be under way */
        bool exiting;           /* on its way there: its memory may have gone */
        uint64_t start_time_ns; /* by the boot clock, see clock.h; rounded down to the tick of 10 ms */
        uint32_t ruid, euid, rgid, egid;
        bool nondumpable;       /* hidden from the owner of these ids, as far as is known */
        bool in_namespace;      /* in a user namespace: nondumpable, unless its owner made the namespace */
        bool exe_known;         /* a reader of executables was asked too, before all else was read */
        uint32_t exe;
};

/*
 * A slice of readings ends after this much processor time. A process makes its own status long and slow by
 * setgroups(): the kernel takes 17 ms for 65536 groups.
 */
#define PROCFS_SLICE_NS (5 * NSEC_PER_MSEC)

/* Two clocks are not read at the same moment, and a record's age is rounded. */
#define PROCFS_START_TOLERANCE_NS NSEC_PER_MSEC

uint64_t procfs_slice_begin(void);
bool procfs_slice_is_over(uint64_t begin_ns);
ssize_t procfs_read_file(int dir_fd, const char *path, char *buffer, size_t n_buffer);
bool procfs_parse_stat(char *text, ProcfsTask *ret_found);
bool procfs_in_user_namespace(int procfs_fd, uint32_t pid);
bool procfs_note_owner(Task *task, const ProcfsTask *found);
bool procfs_starts_agree(uint64_t found_ns, uint64_t known_ns);
bool procfs_check_owner(int task_fd, const Task *task, bool *ret_shown);
bool procfs_read_stat(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found);
bool procfs_read_owner(int procfs_fd, uint32_t pid, uint32_t tid, uint32_t *ret_uid);
bool procfs_read_task(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found);
bool procfs_is_short(void);
bool procfs_read_leader(int procfs_fd, uint32_t pid, ProcfsTask *ret_found);
bool procfs_process_lives(int procfs_fd, const Task *leader);
void procfs_verify_task(Task *task, const ProcfsTask *found);
void procfs_fill_task(Task *task, const ProcfsTask *found);
bool procfs_fill_parent(TaskTable *table, Process *process, const ProcfsTask *found);
Task *procfs_add_task(TaskTable *table, uint32_t pid, uint32_t tid, const ProcfsTask *found);
uint32_t procfs_number(const char *name);
