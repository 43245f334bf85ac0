/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/connect/connection.h"
#include "clients/cli/model/live.h"

typedef struct LiveLink LiveLink;
typedef struct LiveSettings LiveSettings;

#define LIVE_LINK_FDS 2

struct LiveSettings {
        const char *socket_path; /* NULL: as tb_connect() has it */
        uint32_t interval_ms;
        enum tb_sample_scope scope;
        uint32_t groups;                /* TB_STATS_BIT()s; 0: all */
        bool events;                    /* births and names between the samples too */
        bool programs;                  /* command lines; needs events */
        const struct tb_filter *filter; /* NULL: none; read at live_link_open() only */
};

/* The two connections that feed a model. They come back by themselves if the broker goes away. */
struct LiveLink {
        Live *live;
        LiveSettings settings;
        struct tb_client *samples;
        struct tb_client *events; /* NULL: not asked for */
        bool pending;             /* messages behind a sample were received, and not taken */
        bool down;                /* one of them is away, and being tried */
        unsigned int away;        /* which: bits */
        char down_reason[CONNECTION_TEXT_MAX];
        uint64_t answer_deadline;  /* clock_now_ns(): by then the broker must have answered; 0: it has */
        char error[CONNECTION_TEXT_MAX]; /* why live_link_process() failed */
};

/* What live_link_process() brought: bits. */
enum {
        LIVE_LINK_SAMPLE = 1 << 0, /* a sample is complete */
        LIVE_LINK_ROWS = 1 << 1,   /* rows came, went or changed */
        LIVE_LINK_STATE = 1 << 2,  /* the connection broke or came back */
};

/*
 * Opens: 0, or a negative errno, and `error` is a sentence. A link that is open
 * already is closed first; the model's rows go, its histories stay. So changing
 * the interval, the scope or the filter is opening again.
 */
int live_link_open(LiveLink *link, Live *live, const LiveSettings *settings);
void live_link_close(LiveLink *link);

/* What to poll for. Returns how many of @pfds are used. */
int live_link_poll(const LiveLink *link, struct pollfd pfds[static LIVE_LINK_FDS]);

/*
 * Takes what came; to be called when poll(2) says so, and at the latest at
 * `answer_deadline`. Stops after a complete sample, so that each is seen: a call
 * that returns LIVE_LINK_SAMPLE may have left messages, and live_link_pending()
 * says so.
 *
 * Return: what came, as bits; or a negative errno, for good, and `error` says why.
 */
int live_link_process(LiveLink *link);
bool live_link_pending(const LiveLink *link);

/* NULL until it came. */
const struct tb_welcome *live_link_welcome(const LiveLink *link);
