/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hub: where events meet those who asked for them. Owns the feeds and the
 * clients, which come by admission and ask by requests. Knows no kernel source.
 */

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/event.h"
#include "broker/model/status.h"
#include "broker/output/feeds.h"
#include "broker/policy/quota.h"
#include "broker/server/client.h"

/*
 * Of the time that a subscriber lets us hold events back, one part in so many is
 * for reading the kernel less often, and the rest for sending less often.
 */
#define HUB_POLL_SHARE 4u

typedef struct Sampler Sampler;
typedef void (*HubReport)(Hub *hub, BrokerStatus *ret_status);
typedef void (*HubCatchUp)(Hub *hub);
typedef void (*HubRoom)(Hub *hub);

struct Hub {
        struct ev_loop *loop;
        uint64_t epoch;
        HubReport report;               /* the owner's part of the status */
        HubCatchUp catch_up;            /* the owner reads what its sources have; NULL: nothing */
        Policy policy;                  /* what applies to whoever connects */
        HubRoom room;                   /* connections were closed; NULL: nobody waits for that */

        Sampler *sampler;               /* not owned; NULL: there are no live statistics */

        Quota quota;
        Feeds feeds;
        ev_timer age;                   /* once a second, while there are feeds */
        ev_timer rest;                  /* while clients rest */
        List clients;                   /* who was served last first */
        List dead;                      /* to be freed at the end of the turn */
        size_t n_clients;
        size_t n_subscribers;
        size_t n_waiting;               /* subscriptions that wait until it is known what processes run */
        uint64_t turn_ns;               /* that requests took in this turn */
        size_t n_snapshot_budget;       /* bytes of snapshots that may be sent in this turn */
        uint32_t max_delay_ms;           /* the least max_delay_ms of all subscribers */

        uint64_t n_events[_EVENT_KIND_N];
        uint64_t n_reader_lost;
        uint64_t n_closed_for_errors;
        uint64_t n_closed_for_strict;
        uint64_t n_refused;             /* connections over the limit */
        uint64_t n_refused_namespace;   /* connections from another pid namespace */
        uint64_t n_snapshot_subscribers;
        uint64_t n_resumed;
};

void hub_init(Hub *hub,
              struct ev_loop *loop,
              uint64_t epoch,
              TaskTable *table,
              ProgramReader *programs,
              size_t feed_bytes_max,
              const QuotaLimits *limits,
              HubReport report);
void hub_deinit(Hub *hub);

void hub_add(Hub *hub, Client *client);
void hub_note_served(Hub *hub, Client *client);
void hub_defer_free(Hub *hub, Client *client);
void hub_set_policy(Hub *hub, const Policy *policy);
void hub_stop(Hub *hub);

void hub_end_feed(Hub *hub, const Feed *feed);
void hub_schedule_resume(Hub *hub);
void hub_measure_max_delay(Hub *hub);

void hub_publish(Hub *hub, const Event *event, int64_t realtime_offset_ns);
int hub_end_turn(Hub *hub);
