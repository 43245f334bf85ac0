/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/filter_copy.h"
#include "clients/lib/named_starts.h"

typedef struct Kept Kept;
typedef struct Reconnect Reconnect;

/* A subscription that the program asked for. */
struct Kept {
        uint64_t request_id;            /* the id that the program knows */
        bool samples;                   /* the subscription is to samples: */
        struct tb_subscription subscription; /* points into filter */
        struct tb_sampling sampling;    /* points into filter, too */
        FilterCopy filter;
        NamedStarts starts;             /* the processes that its numbers name */
};

struct Reconnect {
        int epoll_fd;                   /* the descriptor that the program waits for: has the socket and the timer */
        int timer_fd;

        bool disconnected;                      /* no connection: the timer wakes the program for the next attempt */
        bool lost_reported;                      /* the program knows of the loss, and not yet of the new connection */
        uint32_t tries;                 /* attempts since the loss */
        struct tb_link link;
        char reason[512];

        bool has_subscription;          /* kept is a subscription that is made again */
        bool has_asked;                 /* asked is a later request without an answer: it replaces kept if accepted */
        Kept *kept;                     /* one of subscriptions */
        Kept *asked;                    /* the other */
        Kept subscriptions[2];

        bool resumable;                  /* the stream can be resumed: */
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;           /* number of the first event that the program has not got */
};

int reconnect_new(Reconnect **ret_reconnect);
Reconnect *reconnect_free(Reconnect *reconnect);

int reconnect_watch(Reconnect *reconnect, int fd, bool output);
void reconnect_set_lost(Reconnect *reconnect, const char *reason, uint64_t now_ns);
void reconnect_set_timer(Reconnect *reconnect);
bool reconnect_is_due(Reconnect *reconnect);
bool reconnect_is_retryable(int error);
bool reconnect_error_is_retryable(enum tb_error_code code);

int reconnect_keep(Reconnect *reconnect,
                   const struct tb_subscription *subscription,
                   const struct tb_sampling *sampling,
                   uint64_t request_id);
void reconnect_track(Reconnect *reconnect,
                     const struct tb_message *message,
                     const NamedStarts *starts,
                     uint64_t epoch);
const struct tb_link *reconnect_set_restored(Reconnect *reconnect, enum tb_link_state state, const char *reason);
