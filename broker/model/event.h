/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Event: one kernel fact about one task, the narrow waist between the kernel's
 * formats and the wire. Parsers make it, the join completes it, the encoder
 * reads it. event.proto documents each field.
 *
 * Here too `tid` is a task and `pid` a process, as user space has it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/model/owner.h"
#include "broker/model/program.h"
#include "broker/model/task.h"
#include "broker/model/taskstats.h"
#include "proto/event_kinds.h"

typedef struct Event Event;

/* Numbers of the wire's EventKind: the rows of proto/event_kinds.h. */
typedef enum EventKind {
#define KIND(NAME, name, number, ...) EVENT_##NAME = (number),
        EVENT_KINDS(KIND)
#undef KIND
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
        LOSS_FILTER = 4,
} LossSource;

typedef enum LossReason {
        LOSS_OVERRUN = 1,
        LOSS_MUTED = 2,
        LOSS_FELL_BEHIND = 3,
        LOSS_OVER_BUDGET = 4,
        LOSS_UNREPORTED = 5,
} LossReason;

struct Event {
        EventKind kind;
        uint32_t cpu;
        uint64_t time_ns;               /* on the time scale of clock.h */
        int64_t time_offset_ns;     /* the time scale minus CLOCK_MONOTONIC, as used for time_ns */
        uint32_t pid;
        uint32_t tid;
        uint32_t uid;
        uint64_t start_time_ns;
        uint64_t process_start_ns;      /* the start of the leader; 0: not known */
        ProcessId origin;               /* see Process */
        ProcessId maker;                /* the same, if it forked the process */
        ProcessId parent;               /* the present parent: at a fork the first one, at an exit the last one */
        char comm[COMM_SIZE];
        bool task_unknown;
        bool comm_stale;                /* comm may be the name before an exec */
        bool synthesised;
        bool only_for_sets;             /* sent only to feeds whose set of tasks changes by it */
        const Program *program;         /* NULL: not known; valid during the emit call */
        bool program_inherited;         /* the process has called no exec, and has the program of its parent */
        uint64_t marks;                 /* subtrees that the process belongs to, as bits */
        Owner owner;                    /* the task's owner, after the event */

        /* The task as it was before the event; valid during the emit call. */
        const Task *task_before;        /* the task; NULL: not known, or forked by the event */
        const Task *leader_before;      /* its process' leader, gone or not; NULL: as above */

        union {
                /* fork, comm_change, credentials, ptrace: plain fields */
#define MEMBER_U32(name) uint32_t name;
#define MEMBER_COMM(name) char name[COMM_SIZE];
#define MEMBER_PROCESS(name) ProcessId name;
#define MEMBER_START(name) uint64_t name;
#define MEMBER(member, name, type, ...) MEMBER_##type(name)
#define STRUCT(member) struct { EVENT_FIELDS_##member(MEMBER) } member;
                EVENT_STRUCTS(STRUCT)
#undef STRUCT
#undef MEMBER
#undef MEMBER_START
#undef MEMBER_PROCESS
#undef MEMBER_COMM
#undef MEMBER_U32
                struct {
                        bool superseded;        /* a later exec or name of the process is in the same batch */
                        bool forks;             /* a later fork of the process is in the same batch */
                        uint32_t caller_tid; /* the thread that called it, if not the leader: it still has this number
                                                in the table */
                } exec;
                struct {
                        uint32_t wait_status;
                        uint32_t process_wait_status;
                        bool status_unknown;            /* wait_status is 0 */
                        bool process_status_unknown;    /* process_wait_status is 0 */
                        uint32_t exit_signal;
                        bool exit_signal_unknown;       /* exit_signal is 0; it is unknown too if synthesised */
                        uint32_t n_acks;        /* foreign acknowledgements of the connector before it */
                        bool process_ended;
                        StatsMissing stats_missing;
                        const TaskStats *stats;         /* valid during the emit call */
                        const TaskStats *process_stats; /* the same; NULL: stats are the totals */
                } exit;
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

void event_fill(Event *event, const Task *task);
bool event_is_of_process(const Event *event);
const Event *event_of_process(const Event *event, Event *storage);
bool event_changes_task(const Event *event);
bool event_changes_set(const Event *event);
bool event_shows_status(const Event *event);
uint32_t event_default_kinds(void);
bool event_kind_is_known(int64_t kind);
