/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TaskTable: the live tasks, by number, and the processes they make up. Knows no
 * source and no socket; the join and the /proc reader keep it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/base/pool.h"
#include "broker/model/event.h"
#include "broker/model/program.h"
#include "broker/model/taskstats.h"

typedef struct Process Process;
typedef struct Task Task;
typedef struct TaskTable TaskTable;

enum {
        /* Found in /proc rather than born before our eyes: the start is known to 10 ms. */
        TASK_SEEDED = 1u << 0,
        /* Ended, or never seen, but its process lives: holds the process' number. */
        TASK_GONE = 1u << 1,
        /* Ids changed since the last exec. */
        TASK_CREDENTIALS_CHANGED = 1u << 2,
        /* Its end was told; one late EXIT of the connector for this number is a stray. */
        TASK_LATE_EXIT_EXPECTED = 1u << 3,
        /* Name and ids are not known: the birth was lost. */
        TASK_UNKNOWN = 1u << 4,
        /* Born while delay accounting was on: the kernel counts its delays. */
        TASK_COUNTED = 1u << 5,
        /* Seeded, and its birth was told all the same: a FORK that is still to come is the same birth. */
        TASK_FORK_REPORTED = 1u << 6,
        /* A thread of the kernel's. */
        TASK_KERNEL = 1u << 7,
        /* /proc keeps it from the owner of its ids: it has privileges, or may not be looked into. */
        TASK_NONDUMPABLE = 1u << 8,
        /* That is not known, but feared: nobody has looked since its last exec. */
        TASK_RECHECK = 1u << 9,
};

struct Task {
        Process *process;
        List link;                      /* of process->tasks */
        uint64_t start_time_ns;         /* since the epoch; with the number, its identity */
        uint32_t tid;
        uint32_t ruid, euid, rgid, egid;
        uint16_t flags;
        char comm[COMM_SIZE];
        uint32_t sampled;               /* tells whether it has run since it was last sampled; 0: never was */
        uint32_t changed_sweep;         /* the last sweep that found it changed */
};

struct Process {
        uint32_t pid;
        uint32_t ppid;                  /* 0: none or not known */
        uint32_t n_live;                /* tasks not gone; 0: all that lives of it was never seen */
        bool seeded;                    /* older than the broker */
        bool ran_as_other_user;                   /* something that it used was not used as its owner's */
        bool creds_stale;                    /* messages were lost that may have changed its ids */
        bool hidden;                    /* when last looked at since its exec, /proc did not show it to its owner */
        bool has_wait_status;           /* the kernel marked the task that ended the process, with: */
        uint32_t wait_status;
        List tasks;
        TaskStats *totals;              /* of its tasks that ended; NULL before the first */
        Program *program;               /* what it runs; NULL: not asked for */
        uint64_t marks;                 /* of the subtrees that it belongs to */
        uint32_t session;               /* 0: none or not known */
        uint32_t sampled;               /* as of a task: of its tasks' number and ends */
        uint32_t changed_sweep;
};

struct TaskTable {
        Task **pages[4096];             /* by tid >> 10; each has 1024 tasks, by the rest */
        Pool tasks;
        Pool processes;
        Pool totals;
        size_t n_pages;
        size_t n_live_tasks;
        size_t n_live_processes;
        size_t n_program_bytes;
};

void task_table_init(TaskTable *table);
void task_table_deinit(TaskTable *table);

Task *task_table_get(const TaskTable *table, uint32_t tid);
Task *task_table_next(const TaskTable *table, uint32_t from_tid);
Task *task_table_next_kept(const TaskTable *table, uint32_t from_tid);
Task *task_table_next_leader(const TaskTable *table, uint32_t from_pid);
Task *task_table_get_leader(const TaskTable *table, uint32_t pid);
Process *task_table_get_process(const TaskTable *table, uint32_t pid);
Task *process_first_live(const Process *process);
bool leader_is_unseen(const Task *leader);
bool task_table_is_free(const TaskTable *table, uint32_t pid, uint32_t tid);
Task *task_table_add(TaskTable *table, uint32_t pid, uint32_t tid);
void task_table_end_task(TaskTable *table, Task *task);
void task_table_end_process(TaskTable *table, Process *process);
void task_table_revive(TaskTable *table, Task *leader);
TaskStats *task_table_totals(TaskTable *table, Process *process);
void task_table_set_program(TaskTable *table, Process *process, Program *program);
void task_table_inherit(TaskTable *table, Process *process, const Process *parent);
size_t task_table_bytes(const TaskTable *table);
