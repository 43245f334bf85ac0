/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The connections of the live model: one for samples, and one for the snapshot and
 * events, which is optional.
 *
 * Owns both clients; the caller owns the model. Knows nothing about rows.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/connect/connection.h"
#include "clients/cli/base/clock.h"
#include "clients/cli/base/format.h"
#include "clients/cli/model/live_link.h"
#include "clients/cli/model/live_messages.h"

/* Events only add names and exits to the samples: the broker may send them late. */
#define LIVE_LINK_MAX_DELAY_MS 200u

#define LIVE_LINK_KINDS                                                                                                \
        (TB_KIND_BIT(TB_KIND_FORK) | TB_KIND_BIT(TB_KIND_EXEC) | TB_KIND_BIT(TB_KIND_EXIT) |                           \
         TB_KIND_BIT(TB_KIND_COMM) | TB_KIND_BIT(TB_KIND_UID) | TB_KIND_BIT(TB_KIND_LOSS))

/* A sample is overdue after two intervals and this time. */
#define LIVE_LINK_OVERDUE_NS UINT64_C(20000000000)

void live_link_close(LiveLink *link) {
        link->samples = tb_close(link->samples);
        link->events = tb_close(link->events);
        link->down = false;
        link->away = 0;
        link->pending = false;
        link->heard_ns = 0;
        answer_end(&link->answer);
}

/* Keeps the text of an error, and returns the error. */
static int live_link_fail(LiveLink *link, int error, const char *text) {
        snprintf(link->error, sizeof(link->error), "%s", text);
        return error;
}

static int live_link_connect(LiveLink *link, struct tb_client **ret_client) {
        int r;

        r = tb_connect(link->settings.socket_path, ret_client);
        if (r < 0) {
                tb_connect_error_text(link->settings.socket_path, r, link->error, sizeof(link->error));
                return r;
        }

        connection_introduce(*ret_client, link->settings.verb);
        r = tb_set_reconnect(*ret_client);
        return r < 0 ? live_link_fail(link, r, tb_error_text(*ret_client)) : 0;
}

static int live_link_open_samples(LiveLink *link) {
        struct tb_sampling sampling = {
                .interval_ms = link->settings.interval_ms,
                .scope = link->settings.scope,
                .groups = link->settings.groups,
        };
        int r;

        if (link->settings.filter)
                sampling.filter = *link->settings.filter;
        r = live_link_connect(link, &link->samples);
        if (r < 0)
                return r;

        r = tb_sample(link->samples, &sampling, NULL);
        return r < 0 ? live_link_fail(link, r, tb_error_text(link->samples)) : 0;
}

static int live_link_open_events(LiveLink *link) {
        struct tb_subscription subscription = {
                .kinds = LIVE_LINK_KINDS,
                .threads = link->settings.scope == TB_SAMPLE_THREADS,
                .max_delay_ms = LIVE_LINK_MAX_DELAY_MS,
                .snapshot = true,
                .programs = link->settings.programs,
        };
        int r;

        if (link->settings.filter)
                subscription.filter = *link->settings.filter;
        r = live_link_connect(link, &link->events);
        if (r < 0)
                return r;

        r = tb_subscribe(link->events, &subscription, NULL);
        return r < 0 ? live_link_fail(link, r, tb_error_text(link->events)) : 0;
}

int live_link_open(LiveLink *link, Live *live, const LiveSettings *settings) {
        int r;

        live_link_close(link);
        link->live = live;
        link->settings = *settings;
        live_reset(live, settings->scope == TB_SAMPLE_THREADS);

        r = live_link_open_samples(link);
        if (r >= 0 && settings->events)
                r = live_link_open_events(link);
        link->settings.filter = NULL;
        if (r < 0) {
                live_link_close(link);
                return r;
        }

        answer_begin(&link->answer, settings->socket_path);
        return 0;
}

int live_link_poll(const LiveLink *link, struct pollfd pfds[static LIVE_LINK_FDS]) {
        int n = 0;

        pfds[n++] = (struct pollfd){.fd = tb_fd(link->samples), .events = tb_poll_events(link->samples)};
        if (link->events)
                pfds[n++] = (struct pollfd){.fd = tb_fd(link->events), .events = tb_poll_events(link->events)};

        return n;
}

static int live_link_state(LiveLink *link, const struct tb_client *client, const struct tb_link *state) {
        unsigned int bit = client == link->samples ? 1u : 2u;
        bool was_down = link->down;

        /* A loss before the first answer is reported at once, as a failed connect is. */
        if (link->answer.deadline && client == link->samples)
                return live_link_fail(link, -EPIPE, state->reason);

        if (state->state == TB_LINK_LOST)
                link->away |= bit;
        else
                link->away &= ~bit;
        link->down = link->away != 0;

        /* A user sees one connection: down if one of the two is lost, up if both are back. */
        if (link->down == was_down)
                return 0;
        connection_describe(link->down_reason, state, clock_now_time_ns());
        return LIVE_LINK_STATE;
}

static int live_link_refused(LiveLink *link, const struct tb_error *error) {
        if (error->code == TB_ERROR_UNKNOWN_FIELD)
                return live_link_fail(link, -EOPNOTSUPP,
                                      "This broker is too old for live statistics: restart it after the update.");
        if (error->field[0])
                snprintf(link->error, sizeof(link->error), "The broker refused the request: %s (%s)", error->message,
                         error->field);
        else
                snprintf(link->error, sizeof(link->error), "The broker says: %s", error->message);

        return -EREMOTEIO;
}

/* Returns bits of LIVE_LINK_..., or a negative errno. */
static int live_link_message(LiveLink *link, const struct tb_client *client, const struct tb_message *message) {
        int bits = 0, r;

        switch (message->type) {
        case TB_MESSAGE_ERROR:
                return live_link_refused(link, message->error);
        case TB_MESSAGE_LINK:
                bits = live_link_state(link, client, message->link);
                if (bits < 0)
                        return bits;
                break;
        case TB_MESSAGE_SAMPLING:
                answer_end(&link->answer);
                link->heard_ns = clock_now_ns();
                break;
        case TB_MESSAGE_SAMPLE:
                bits = LIVE_LINK_SAMPLE;
                link->heard_ns = clock_now_ns();
                break;
        case TB_MESSAGE_TASK:
        case TB_MESSAGE_EVENT:
                bits = LIVE_LINK_ROWS;
                break;
        default:
                break;
        }

        r = live_messages_take(link->live, message);
        return r < 0 ? live_link_fail(link, r, "There is too little memory for the tasks of this machine.") : bits;
}

/* Without @receive, takes only messages that were received before. */
static int live_link_take(LiveLink *link, struct tb_client *client, bool receive) {
        const struct tb_message *message;
        int bits = 0, r, r_process = 0;

        if (receive)
                r_process = tb_process(client);
        while ((r = connection_next(client, &message)) > 0) {
                r = live_link_message(link, client, message);
                if (r < 0)
                        return r;
                bits |= r;
                if (bits & LIVE_LINK_SAMPLE)
                        return bits;
        }
        if (r < 0 || r_process < 0)
                return live_link_fail(link, r < 0 ? r : r_process, tb_error_text(client));

        return bits;
}

int live_link_process(LiveLink *link) {
        char text[ANSWER_TEXT_MAX];
        int bits = 0, r;

        /* Events first, so that the tasks of a sample have their names. */
        if (link->events) {
                bits = live_link_take(link, link->events, true);
                if (bits < 0)
                        return bits;
        }

        r = live_link_take(link, link->samples, !link->pending);
        if (r < 0)
                return r;
        link->pending = r & LIVE_LINK_SAMPLE;
        bits |= r;

        r = answer_check(&link->answer);
        if (r == ANSWER_OVER)
                return live_link_fail(link, -ETIMEDOUT, answer_describe(&link->answer, text));

        return r == ANSWER_BUSY ? bits | LIVE_LINK_BUSY : bits;
}

bool live_link_pending(const LiveLink *link) { return link->pending; }

bool live_link_overdue(const LiveLink *link, uint64_t now_ns, char text[static CONNECTION_TEXT_MAX]) {
        uint64_t limit_ns = LIVE_LINK_OVERDUE_NS + 2 * UINT64_C(1000000) * link->settings.interval_ms;
        char duration[FORMAT_MAX];

        if (!link->heard_ns || link->down || now_ns < link->heard_ns + limit_ns)
                return false;

        snprintf(text, CONNECTION_TEXT_MAX,
                 "No sample for %s: the broker hangs, is stopped or very busy; look at its log, or restart it.",
                 format_duration(duration, now_ns - link->heard_ns));
        return true;
}

const struct tb_welcome *live_link_welcome(const LiveLink *link) {
        return link->samples ? tb_client_welcome(link->samples) : NULL;
}
