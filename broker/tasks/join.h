/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Join: the two sources become one stream of complete events. Owns the task
 * table and the records that wait; reads the sources, which the root owns; hands
 * each finished event to its owner by a callback. During that the table has what
 * was before a change, and the event what is after it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/model/status.h"
#include "broker/tasks/comm_reader.h"
#include "broker/tasks/exit_records.h"
#include "broker/tasks/program_reader.h"
#include "broker/tasks/recheck_queue.h"
#include "broker/tasks/task_table.h"

typedef struct Join Join;
typedef void (*JoinEmit)(Join *join, const Event *event);

#define JOIN_STRAYS 64u

struct Join {
        Connector *connector;
        KernelFeatures *features;
        JoinEmit emit;

        TaskTable table;
        ExitRecords records;
        CommReader names;
        RecheckQueue recheck_queue;
        ProgramReader programs;
        int64_t realtime_offset_ns;     /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
        uint64_t start_ns;              /* monotonic */

        uint64_t n_stats_missing;       /* of this turn's exits */
        uint64_t last_time_ns;          /* of the last event emitted */

        bool wants_reconcile;           /* the table may differ from /proc */
        bool births_lost;               /* connector messages were lost, some time */
        bool owners_stale;            /* all that are in the table: nobody was looked at since */
        bool lossy;                  /* connector messages were lost lately: records may wait in vain */
        uint64_t lossy_since_ns;     /* monotonic: when it became so */
        uint64_t lossy_ns;           /* monotonic: of the last loss */
        bool was_muted;                 /* until the blind time is told */
        uint64_t muted_since_ns;        /* monotonic */
        uint64_t n_blind;               /* ends of the blind time, so far */

        uint32_t strays[JOIN_STRAYS];   /* tasks whose end was concluded, and may be told late */
        uint32_t i_stray, n_strays;     /* the next place; how many are taken */
        uint64_t n_synthesised;         /* exits */
        uint64_t n_synthesised_forks;
};

void join_init(Join *join, Connector *connector, ExitListener *listener, KernelFeatures *features, int procfs_fd, JoinEmit emit);
void join_deinit(Join *join);

int join_turn(Join *join, bool *ret_drained);
int join_tick(Join *join);
void join_set_realtime_offset(Join *join, int64_t offset_ns);
bool join_is_settled(const Join *join);
void join_note_muted(Join *join, uint64_t since_ns);

uint64_t join_wall(const Join *join, uint64_t monotonic_ns);
void join_emit(Join *join, Event *event);
void join_change(Join *join, Event *event);
