/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/filter_copy.h"

typedef struct Reconnect Reconnect;

struct Reconnect {
        int epoll_fd;                   /* what the program waits for: the socket, or the timer */
        int timer_fd;

        bool down;                      /* no connection: the timer wakes for the next try */
        bool away;                      /* the program was told that the connection is lost, and not yet that it is back */
        uint32_t tries;                 /* since then */
        struct tb_link link;
        char reason[512];

        bool asked;                     /* there is a subscription: */
        uint64_t request_id;            /* as the program knows it */
        bool samples;                   /* or rather: samples are wanted */
        struct tb_subscription subscription; /* its filter is the copy's */
        struct tb_sampling sampling;    /* the same */
        FilterCopy filter;

        bool in_place;                  /* the stream can be resumed: */
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;           /* of the first event that was not handed out */
};

int reconnect_new(Reconnect **ret_reconnect);
Reconnect *reconnect_free(Reconnect *reconnect);

int reconnect_watch(Reconnect *reconnect, int fd, bool output);
void reconnect_lose(Reconnect *reconnect, const char *reason);
void reconnect_wait(Reconnect *reconnect);
bool reconnect_is_due(Reconnect *reconnect);
bool reconnect_is_curable(int error);
bool reconnect_error_is_curable(enum tb_error_code code);

int reconnect_keep(Reconnect *reconnect,
                   const struct tb_subscription *subscription,
                   const struct tb_sampling *sampling,
                   uint64_t request_id);
void reconnect_note(Reconnect *reconnect, const struct tb_message *message, uint64_t epoch);
const struct tb_link *reconnect_back(Reconnect *reconnect, enum tb_link_state state, const char *reason);
