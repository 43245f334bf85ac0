/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct Reconnect Reconnect;

struct Reconnect {
        int epoll_fd;                   /* the descriptor that the program waits for: has the socket and the timer */
        int timer_fd;

        bool timer_is_set;
        bool disconnected;              /* no connection: the timer wakes the program for the next attempt */
        bool before_welcome;            /* a new connection, without its Welcome */
        bool lost_reported;             /* the program knows of the loss, and not yet of the new connection */
        uint64_t lost_time_ns;          /* when the connection that was lost last broke */
        uint64_t epoch;                 /* as the last Welcome had it; 0: there was none yet */
        bool other_epoch;               /* the connection before had another one */
        uint32_t tries;                 /* attempts since the loss */
        struct tb_link link;
        char reason[512];
};

int reconnect_new(Reconnect **ret_reconnect);
Reconnect *reconnect_free(Reconnect *reconnect);

int reconnect_watch(Reconnect *reconnect, int fd, bool output);
void reconnect_set_lost(Reconnect *reconnect, const char *reason, uint64_t now_ns);
void reconnect_set_timer(Reconnect *reconnect);
void reconnect_wake(Reconnect *reconnect);
bool reconnect_is_due(Reconnect *reconnect);
bool reconnect_is_retryable(int error);
bool reconnect_error_is_retryable(enum tb_error_code code);

const struct tb_link *reconnect_set_restored(Reconnect *reconnect,
                                             enum tb_link_state state,
                                             uint64_t lost_time_ns,
                                             const char *reason);
