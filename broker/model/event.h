/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Event: one kernel fact about one task, the narrow waist between the kernel's
 * formats and the wire. Parsers make it, the join completes it, the encoder
 * reads it. The meaning of each field is said in event.proto.
 *
 * Here too `tid` is a task and `pid` a process, as user space has it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/model/owner.h"
#include "broker/model/program.h"
#include "broker/model/taskstats.h"

typedef struct Event Event;
typedef struct Termination Termination;

/* Numbers of the wire's EventKind. */
typedef enum EventKind {
        EVENT_FORK = 1,
        EVENT_EXEC = 2,
        EVENT_EXIT = 3,
        EVENT_COMM = 4,
        EVENT_UID = 5,
        EVENT_GID = 6,
        EVENT_SID = 7,
        EVENT_PTRACE = 8,
        EVENT_COREDUMP = 9,
        EVENT_LOSS = 10,
        _EVENT_KIND_N,
} EventKind;

#define EVENT_BIT(kind) (1u << (kind))

typedef enum StatsMissing {
        STATS_MISSING_NO = 0,
        STATS_MISSING_LOST = 1,
        STATS_MISSING_NOT_WITNESSED = 2,
} StatsMissing;

typedef enum LossSource {
        LOSS_CONNECTOR = 1,
        LOSS_TASKSTATS = 2,
        LOSS_READER = 3,
} LossSource;

typedef enum LossReason {
        LOSS_OVERRUN = 1,
        LOSS_MUTED = 2,
        LOSS_FELL_BEHIND = 3,
} LossReason;

/* A wait status, as the kernel's exit_code has it. */
struct Termination {
        uint32_t exit_code;
        uint32_t term_signal;
        bool core_dumped;
};

struct Event {
        EventKind kind;
        uint32_t cpu;
        /* Parser: CLOCK_MONOTONIC. After the join: since the epoch. */
        uint64_t time_ns;
        uint32_t pid;
        uint32_t tid;
        uint32_t ppid;
        uint32_t uid;
        uint64_t start_time_ns;
        char comm[COMM_SIZE];
        bool task_unknown;
        bool synthesised;
        bool only_for_sets;             /* told only where a subscription's set of tasks changes by it */
        const Program *program;         /* NULL: not known; valid during the emit call */
        uint64_t marks;                 /* of the subtrees that the process belongs to */
        Owner owner;                    /* whose the task is, after the event */

        union {
                struct {
                        uint32_t parent_pid;
                        uint32_t parent_tid;
                } fork;
                struct {
                        bool comm_stale;
                        uint32_t caller_tid;    /* the thread that called it, if not the leader: it still has this number in the table */
                } exec;
                struct {
                        uint32_t wait_status;
                        uint32_t process_wait_status;
                        uint32_t exit_signal;
                        bool process_ended;
                        StatsMissing stats_missing;
                        const TaskStats *stats;         /* valid during the emit call */
                        const TaskStats *process_stats; /* the same; NULL: stats are the totals */
                } exit;
                struct {
                        char old_comm[COMM_SIZE];
                } comm_change;
                struct {
                        uint32_t real_id;
                        uint32_t effective_id;
                } credentials;
                struct {
                        uint32_t tracer_pid;
                        uint32_t tracer_tid;
                } ptrace;
                struct {
                        uint64_t count;
                        LossSource source;
                        LossReason reason;
                        bool at_least;
                        bool cpu_known;
                        uint64_t since_time_ns;
                } loss;
        };
};

Termination termination_from_wait_status(uint32_t wait_status);
bool event_is_of_process(const Event *event);
bool event_changes_owner(const Event *event);
