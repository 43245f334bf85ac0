/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files in which the kernel suite's programs write down what they did and
 * saw: arrays of fixed records, in the machine's byte order, read by support.py
 * and crowd.py.
 *
 * storm and reuse write TruthRecord (what was really made), crowd writes
 * CrowdRecord, witness writes WitnessRecord (the kernel's messages, as a listener
 * that never falls behind gets them), collect writes CollectRecord (the broker's
 * events, as a subscriber gets them). Nothing here is part of the project's interfaces.
 */

#include <stdint.h>

enum {
        TRUTH_PROCESS = 1,
        TRUTH_THREAD = 2,
};

/* One task that storm made. A pid names many tasks in one run: (maker, sequence) names one. */
struct TruthRecord {
        uint32_t maker;         /* pid of the process that made it */
        uint32_t sequence;      /* in the maker's order */
        uint32_t type;          /* TRUTH_PROCESS or TRUTH_THREAD */
        uint32_t pid;
        uint32_t tid;
        uint32_t status;        /* as wait(2) gives it; threads: what they gave to exit, shifted alike */
        uint64_t cpu_us;        /* rusage: user + system; 0 for threads */
};

/* One process of a crowd. */
struct CrowdRecord {
        uint32_t maker;         /* pid of the process that made it */
        uint32_t worker;        /* pid of the worker that it descends from */
        uint32_t kind;          /* in crowd's order */
        uint32_t pid;
        uint32_t stays;         /* 1: it stays until the crowd gets the order to go */
        uint32_t unused;
        uint64_t born_ns;       /* CLOCK_MONOTONIC, just before it was made */
};

enum {
        WITNESS_CONNECTOR = 1,
        WITNESS_TASKSTATS = 2,
};

/* One kernel message. */
struct WitnessRecord {
        uint32_t source;        /* WITNESS_* */
        uint32_t cpu;           /* connector only */
        uint32_t sequence;      /* connector: of that cpu; taskstats: nlmsg_seq */
        uint32_t what;          /* connector: PROC_EVENT_*; taskstats: ac_flag */
        uint32_t pid;           /* connector: the process, fork: the child's; taskstats: ac_tgid */
        uint32_t tid;
        uint64_t stamp_ns;      /* connector: the kernel's CLOCK_MONOTONIC; taskstats: the reader's */
};

/* flags of CollectRecord */
enum {
        COLLECT_TASK_UNKNOWN = 1 << 0,
        COLLECT_SYNTHESISED = 1 << 1,
        COLLECT_PROCESS_ENDED = 1 << 2,
        COLLECT_STATS = 1 << 3,
        COLLECT_PROCESS_STATS = 1 << 4,
        COLLECT_TERMINATION = 1 << 5,
        COLLECT_PROCESS_TERMINATION = 1 << 6,
        COLLECT_AT_LEAST = 1 << 7,
        COLLECT_CPU_KNOWN = 1 << 8,
};

/* One event of the stream. */
struct CollectRecord {
        uint64_t number;
        uint64_t time_ns;
        int64_t realtime_offset_ns;
        uint64_t start_time_ns;
        uint64_t loss_count;
        uint64_t cpu_ns;                /* exit: stats, cpu_run_virtual_total_ns */
        uint64_t process_cpu_ns;        /* exit: process_stats, cpu_run_virtual_total_ns */
        uint32_t kind;                  /* TB_KIND_* */
        uint32_t cpu;
        uint32_t pid;
        uint32_t tid;
        uint32_t ppid;
        uint32_t uid;
        uint32_t parent_pid;            /* fork */
        uint32_t status;                /* exit: of the task, put together as wait(2) gives it */
        uint32_t process_status;        /* exit: of the process, where it differs from the task's */
        uint32_t stats_pid;             /* exit: stats, ac_pid */
        uint32_t stats_status;          /* exit: stats, ac_exitcode */
        uint32_t tasks;                 /* exit: process_stats */
        uint32_t tasks_missing;         /* exit: process_stats */
        uint32_t detail;                /* uid, gid: the real id; ptrace: the tracer's pid */
        uint32_t stats_missing;         /* exit */
        uint32_t loss_source;
        uint32_t loss_reason;
        uint32_t flags;                 /* COLLECT_* */
        char comm[16];
};
