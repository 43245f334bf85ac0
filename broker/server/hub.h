/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hub: the server, put together. It owns the feeds, the connections and the quotas; it
 * hands events to the feeds, and ends each turn of the loop. It has no access to the
 * kernel's sources: the daemon reads these, and calls hub_publish() and hub_end_turn().
 */

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/event.h"
#include "broker/output/feeds.h"
#include "broker/policy/policy.h"
#include "broker/policy/quota.h"
#include "broker/server/connections.h"
#include "broker/server/request_handler.h"
#include "broker/server/sampler.h"
#include "broker/server/status_report.h"
#include "broker/server/subscription.h"

typedef struct Hub Hub;

struct Hub {
        struct ev_loop *loop;           /* not owned */
        Policy policy;                  /* applies to clients that connect from now on */
        Quota quota;
        Feeds feeds;
        Connections connections;        /* each belongs to a Client */
        Subscriptions subscriptions;
        StatusReport status;
        RequestHandler requests;
        Sampler *sampler;               /* not owned; NULL: there are no live statistics */

        ev_timer age;                   /* once a second, while there are feeds */
        ev_timer work;                  /* while work is left for the next turn */
        uint32_t max_delay_ms;          /* the least delay that a subscriber allows */
        bool has_room;                  /* connections were closed in the last turn */
};

void hub_init(Hub *hub,
              struct ev_loop *loop,
              uint64_t epoch,
              TaskTable *table,
              ProgramReader *programs,
              size_t feed_bytes_max,
              const QuotaLimits *limits,
              StatusReportFill fill);
void hub_deinit(Hub *hub);

void hub_set_sampler(Hub *hub, Sampler *sampler);
void hub_set_policy(Hub *hub, const Policy *policy);
void hub_stop(Hub *hub);

uint64_t hub_poll_interval_ns(const Hub *hub);
bool hub_needs_programs(const Hub *hub);
void hub_on_programs(Hub *hub);

void hub_publish(Hub *hub, const Event *event);
bool hub_needs_drain(const Hub *hub);
int hub_end_turn(Hub *hub);
