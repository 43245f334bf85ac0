/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/model/live.h"

typedef struct LiveLink LiveLink;
typedef struct LiveSettings LiveSettings;

#define LIVE_LINK_FDS 2

struct LiveSettings {
        const char *socket_path; /* NULL: the default of tb_connect() */
        const char *verb;        /* the verb that asks, for the broker's status */
        uint32_t interval_ms;
        enum tb_sample_scope scope;
        uint32_t groups;                /* TB_STATS_BIT()s; 0: all */
        bool events;                    /* also forks and names between the samples */
        bool programs;                  /* command lines; needs events */
        const struct tb_filter *filter; /* NULL: no filter; read only by live_link_open() */
};

/* The two connections that fill a model. They reconnect if the broker is restarted. */
struct LiveLink {
        Live *live;
        LiveSettings settings;
        struct tb_client *samples;
        struct tb_client *events; /* NULL: not asked for */
        bool pending;             /* messages after a sample were received, but not taken */
        bool down;                /* a connection is lost, and is tried again */
        unsigned int away;        /* bits of the lost connections */
        char down_reason[CONNECTION_TEXT_MAX];
        Answer answer;            /* the wait for the first answer */
        uint64_t heard_ns;        /* clock_now_ns() of the last sample; 0: none is due */
        char error[CONNECTION_TEXT_MAX]; /* why live_link_process() failed */
};

/* Bits of the result of live_link_process(). */
enum {
        LIVE_LINK_SAMPLE = 1 << 0, /* a sample is complete */
        LIVE_LINK_ROWS = 1 << 1,   /* rows came, went or changed */
        LIVE_LINK_STATE = 1 << 2,  /* the connection broke or came back */
        LIVE_LINK_BUSY = 1 << 3,   /* the broker has not answered yet: it is busy */
};

/*
 * Opens the connections. Returns 0, or a negative errno, and `error` is a sentence. An
 * open link is closed first: to change the interval, the scope or the filter, open it
 * again. The rows of the model are removed; its histories stay.
 */
int live_link_open(LiveLink *link, Live *live, const LiveSettings *settings);
void live_link_close(LiveLink *link);

/* Fills in what to poll for. Returns the number of @pfds that are used. */
int live_link_poll(const LiveLink *link, struct pollfd pfds[static LIVE_LINK_FDS]);

/*
 * Takes the messages that came. To be called when poll(2) says so, and at the latest at
 * `answer.next`, unless that is 0. Stops after a complete sample, so that each sample can be shown.
 * Then live_link_pending() is true if messages are left.
 *
 * Return: Bits for what came; or a negative errno, after which the link must be closed,
 *         and `error` has the reason.
 */
int live_link_process(LiveLink *link);
bool live_link_pending(const LiveLink *link);

/*
 * Whether a sample is overdue while the connection is there: the broker hangs, is stopped or
 * very busy. Then @text is a sentence.
 */
bool live_link_overdue(const LiveLink *link, uint64_t now_ns, char text[static CONNECTION_TEXT_MAX]);

/* NULL before the broker has answered. */
const struct tb_welcome *live_link_welcome(const LiveLink *link);
