/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Join: the state that all parts of the join share, and the three ways in which an event
 * leaves it. An event reports a change of the task table. Its consumers need the task as
 * it was before (Event.task_before) and as it is after (the event's own members). So the
 * event is emitted first, and the table is changed afterwards:
 *
 *   join_commit()       a change of a live task
 *   join_commit_exit()  the end of a task, and of its process
 *   join_emit()         a fork, whose task is in the table already; and a loss
 *
 * No other code of the join calls the consumers. join.c stands on top of all parts.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/util.h"
#include "broker/kernel/connector.h"
#include "broker/model/status.h"
#include "broker/tasks/comm_reader.h"
#include "broker/tasks/exe_reader.h"
#include "broker/tasks/exit_records.h"
#include "broker/tasks/late_exits.h"
#include "broker/tasks/program_reader.h"
#include "broker/tasks/task_change.h"
#include "broker/tasks/task_table.h"

/* How long after the table was seeded an EXIT from before that may come. */
#define JOIN_START_GRACE_NS NSEC_PER_SEC

typedef struct Join Join;
typedef void (*JoinEmit)(Join *join, const Event *event);

/* See join_adoption.c. */
typedef struct JoinAdoption {
        uint32_t next_pid;              /* where the pass goes on; 0: no pass runs */
        uint32_t n_left;                /* processes of the pass whose parents are still not known */
        uint32_t wait_ticks, ticks;     /* until they are read again: in all, and left */
} JoinAdoption;

struct Join {
        Connector *connector;           /* not owned */
        KernelFeatures *features;       /* not owned */
        JoinEmit emit;

        TaskTable table;
        ExitRecords records;
        LateExits late_exits;
        CommReader comm_reader;
        ExeReader exe_reader;
        JoinAdoption adoption;
        uint32_t recheck_tid;           /* where the next tick goes on */
        ProgramReader programs;
        int64_t time_offset_ns;     /* the time scale of clock.h minus CLOCK_MONOTONIC */
        uint64_t start_ns;              /* monotonic */
        uint64_t start_grace_ns;        /* monotonic: until then the records of older tasks may be missing */

        uint64_t n_stats_missing;       /* exits of this turn without their record */
        uint64_t last_time_ns;          /* time of the last event emitted */

        bool wants_reconcile;           /* the table may differ from /proc */
        bool forks_lost;                /* connector messages were lost since the start */
        bool owners_stale;              /* all processes are marked creds_stale, none was checked since */
        bool lossy; /* connector messages were lost lately: the EXIT of a record may be among them */
        uint64_t lossy_since_ns;        /* monotonic: when it became so */
        uint64_t lossy_ns;              /* monotonic: of the last loss */
        bool was_muted;                 /* until the loss of the blind time is emitted */
        uint64_t muted_since_ns;        /* monotonic */
        uint64_t n_blind;               /* exits of the blind time, so far */
        bool can_be_silenced;           /* set by the owner: any user can silence the connector */
        uint32_t n_acks_forgotten;      /* foreign acknowledgements when join_silence_forget() last marked processes */
        bool reconciling;               /* set by the owner: the table is compared with /proc */
        bool unreported; /* the messages that are known to be lost are those that were never sent */

        uint64_t n_synthesised;         /* exits */
        uint64_t n_synthesised_forks;
};

uint64_t join_time_ns(const Join *join, uint64_t monotonic_ns);
void join_mask_stats(const Join *join, TaskStats *stats, const Task *task);

void join_emit(Join *join, Event *event);
void join_commit(Join *join, Event *event, Task *task, const TaskChange *change);
void join_commit_exit(Join *join, Event *event, Task *task, Process *process);
