/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Task and Process: what the broker knows of a live thread, and of the process that it
 * belongs to. Plain: the task table owns them, the join changes them, all others read.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/base/util.h"
#include "broker/model/program.h"
#include "broker/model/taskstats.h"

typedef struct Process Process;
typedef struct ProcessId ProcessId;
typedef struct Task Task;

/* A process by its identity, in a relation to another one. All zero: not known. */
struct ProcessId {
        uint32_t pid;                   /* 0, if it is known: no such process */
        bool known;
        uint64_t start_time_ns;         /* by the boot clock, see clock.h; 0: not known */
};

enum {
        /* Found in /proc, its fork was not seen: the start is known to 10 ms. */
        TASK_SEEDED = 1u << 0,
        /* Ended, or never seen, but its process lives: it holds the process' number. */
        TASK_GONE = 1u << 1,
        /* Ids changed since the last exec. */
        TASK_CREDENTIALS_CHANGED = 1u << 2,
        /* An exit of this number was synthesised: the connector's own EXIT may still come, and is dropped. */
        TASK_LATE_EXIT_EXPECTED = 1u << 3,
        /* Name and ids are not known: the fork was lost. */
        TASK_UNKNOWN = 1u << 4,
        /* Forked while delay accounting was on: the kernel counts its delays. */
        TASK_COUNTED = 1u << 5,
        /* Seeded, and its fork was reported: a FORK that is still in the queue is the same fork. */
        TASK_FORK_REPORTED = 1u << 6,
        /* A kernel thread. */
        TASK_KERNEL = 1u << 7,
        /* Since its ids or its program changed, /proc did not show it to the owner of its ids. */
        TASK_NONDUMPABLE = 1u << 8,
        /* Its owner was not checked since its last exec. If it ran under other ids, it is marked as not dumpable. */
        TASK_OWNER_STALE = 1u << 9,
        /* Was exiting when the table was seeded: its record may have come before that. */
        TASK_EXITING_AT_START = 1u << 10,
        /* Its name was not read since an exec, its own or its parent's: comm may be the name before that. */
        TASK_COMM_STALE = 1u << 11,
        /* Its name is from its record: a later exec may have set that name. */
        TASK_COMM_FROM_RECORD = 1u << 12,

        /* Its name or its owner is still to be read in /proc. */
        TASK_STALE = TASK_OWNER_STALE | TASK_COMM_STALE,
};

/* A FORK comes later than the start that /proc has, by a tick and a little. A still later one is checked by /proc. */
#define TASK_FORK_DELAY_NS (20 * NSEC_PER_MSEC)
/* The kernel makes a fork event at most so long after the start that /proc has. */
#define TASK_FORK_DELAY_MAX_NS NSEC_PER_SEC

/* The exit of the task was not seen, or not yet. */
#define TASK_EXIT_SIGNAL_UNKNOWN UINT8_MAX

struct Task {
        Process *process;
        List link;                      /* in process->tasks */
        List recheck_link;              /* in the table's queue of stale tasks; self-linked: not there */
        uint64_t start_time_ns;         /* by the boot clock, see clock.h; with the number, its identity */
        uint32_t tid;
        uint32_t ruid, euid, rgid, egid;
        uint16_t flags;
        uint8_t exit_signal;            /* a leader that ended: the parent gets it at the end of the process; 0: none */
        char comm[COMM_SIZE];
        uint32_t sampled;               /* digest of its use when it was last sampled; 0: never sampled */
        uint32_t changed_sweep;         /* the last sweep that found it changed */
};

struct Process {
        uint64_t pid : 22;
        uint64_t session : 22;          /* 0: none or not known */
        uint64_t n_acks_compared : 20;  /* see process_note_compared() */
        uint32_t serial;                /* never used again for this number: with it, its identity in the table */
        uint32_t n_live : 24;           /* tasks not gone; 0: its live tasks were never seen */
        bool has_wait_status : 1;       /* the kernel marked the task that ended the process, with: wait_status */
        bool has_leader_status : 1;     /* the leader ended first, with: wait_status */
        bool sampled : 1;               /* nothing but the use of its tasks changed since it was last sampled */
        bool sampled_with_parent : 1;   /* its parent was known then */
        bool exe_known : 1;             /* its executable was read since its last exec */
        bool never_compared : 1;        /* see process_note_compared() */
        uint32_t n_children : 24;       /* processes in the table that have it as present parent */
        bool suspect : 1;               /* its ids or its parent's changed: only /proc, read in full, shows its owner */
        bool execed : 1;                /* called exec since its fork, or may have; AC_FLAG_FORK says the same */
        bool privileged_before : 1;     /* AC_FLAG_SU may be older than the reading of /proc that showed its owner */
        bool in_own_namespace : 1;      /* in a user namespace that its owner made: AC_FLAG_SU says nothing */
        bool uid_by_exec : 1, gid_by_exec : 1; /* ids of a leader that has ended: of the exec that is to come */
        bool creds_stale : 1;           /* messages were lost that may have changed its ids */
        bool nondumpable : 1;           /* /proc did not show it to its owner when it was last checked since its exec */
        uint32_t exe;                   /* digest of the executable, if it is known */

        /* The origin: the first parent that is known. It stays for life. See process_origin(). */
        uint64_t origin_pid : 22;
        uint64_t parent_pid : 22;       /* the number as it was last read; the process is parent_serial */
        uint64_t wait_status : 16;
        bool origin_known : 1;
        bool origin_is_maker : 1;       /* the fork event was seen, or there is no parent: the origin forked it */
        bool has_no_parent : 1;         /* see parents_present() */
        bool seeded : 1;                /* older than the broker */
        uint64_t origin_start_ns;       /* the start of the origin; 0: not known */
        List tasks;
        TaskStats *totals;              /* sums over its tasks that ended; NULL before the first */
        Program *program;               /* its program; NULL: no subscription asked for programs */
        uint64_t marks;                 /* subtrees that it belongs to, as bits */
        uint32_t changed_sweep;
        uint32_t peak_rss, peak_vm;     /* the largest that an answer had: see process_peaks.h */
        uint32_t parent_serial;         /* the process that had the number parent_pid; 0: not known */
};

_Static_assert(sizeof(Process) <= 96, "a process with its task takes at most 200 bytes");

/* The number of a task, of which the kernel uses 22 bits (PID_MAX_LIMIT). */
static inline uint32_t process_number(uint32_t pid) {
        return pid & 0x3fffffu;
}

/* The leader of a process, gone or not. */
static inline const Task *process_leader(const Process *process) {
        return container_of(process->tasks.next, Task, link);
}

/* The first parent of a process that is known. */
static inline ProcessId process_origin(const Process *process) {
        return (ProcessId){
                .pid = process->origin_pid,
                .known = process->origin_known,
                .start_time_ns = process->origin_start_ns,
        };
}

/* Sets the executable of a process, as it was read; see exe_reader.h. */
static inline void process_set_exe(Process *process, uint32_t exe) {
        process->exe_known = true;
        process->exe = exe;
}

/* The bits of a count of acknowledgements that a process has. */
#define PROCESS_ACKS_MASK ((UINT32_C(1) << 20) - 1)

/* Whether a process, or the process that forked it, was compared with /proc after so many foreign acknowledgements. */
static inline bool process_is_compared(const Process *process, uint32_t n_acks) {
        return !process->never_compared && ((process->n_acks_compared - n_acks) & PROCESS_ACKS_MASK) <=
                                                   PROCESS_ACKS_MASK / 2;
}

/*
 * Notes that /proc has the ids of a process that the table has, and that its owner was checked.
 * @n_acks: the connector's foreign acknowledgements before the reading. Each silence ends with
 * one. So no exec before it is hidden that gave the process other ids.
 */
static inline void process_note_compared(Process *process, uint32_t n_acks) {
        if (process_is_compared(process, n_acks))
                return;
        process->n_acks_compared = n_acks & PROCESS_ACKS_MASK;
        process->never_compared = false;
}

/* The process that the kernel named as parent at the fork; it forked the process, unless by CLONE_PARENT. */
static inline ProcessId process_maker(const Process *process) {
        return process->origin_is_maker ? process_origin(process) : (ProcessId){};
}
