/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The connection to the broker, for all verbs: opens it, and prints for a person why
 * that or a request failed. Owns nothing.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/format.h"
#include "clients/cli/connect/connection.h"

/* Says which verb of the command this is, for the broker's status. */
void connection_introduce(struct tb_client *client, const char *verb) {
        char name[32];

        snprintf(name, sizeof(name), "taskbroker %s", verb);
        /* The texts are short: NOLINTNEXTLINE(bugprone-unused-return-value) */
        (void)tb_set_client_info(client, name, TASKBROKER_VERSION);
}

/* Connects as a verb. On failure prints why, and returns a negative errno. */
int connection_open(const char *socket_path, const char *verb, struct tb_client **ret_client) {
        char text[512];
        int r;

        r = tb_connect(socket_path, ret_client);
        if (r < 0) {
                tb_connect_error_text(socket_path, r, text, sizeof(text));
                error_print("%s", text);
                return r;
        }

        connection_introduce(*ret_client, verb);
        return 0;
}

/* Takes the next message, as tb_next() does, and notes the time scale of each Welcome. */
int connection_next(struct tb_client *client, const struct tb_message **ret_message) {
        int r = tb_next(client, ret_message);

        if (r > 0 && ((*ret_message)->type == TB_MESSAGE_WELCOME || (*ret_message)->type == TB_MESSAGE_LINK) &&
            tb_client_welcome(client))
                clock_set_epoch_ns(tb_client_welcome(client)->boot_epoch_ns);

        return r;
}

void connection_print_error(const struct tb_error *error) {
        if (error->field[0])
                error_print("The broker refused the request: %s (%s)", error->message, error->field);
        else
                error_print("The broker says: %s", error->message);
}

/* Writes how long the connection was lost, and how many tries it took. */
static void connection_describe_outage(char *text, size_t n_text, const struct tb_link *link, uint64_t now_ns) {
        uint64_t away_ns = link->lost_time_ns < now_ns ? now_ns - link->lost_time_ns : 0;
        char duration[FORMAT_MAX];
        int n;

        n = snprintf(text, n_text, "Connected again after %s", format_duration(duration, away_ns));
        if (link->tries > 1)
                snprintf(text + n, n_text - (size_t)n, " and %" PRIu32 " tries", link->tries);
}

/**
 * connection_describe() - describe the state of the connection
 * @text:       output: a sentence without the dot at its end
 * @link:       the state, from the library
 * @now_ns:     clock_now_time_ns()
 *
 * Return: @text. It may have parts from the broker.
 */
const char *connection_describe(char text[static CONNECTION_TEXT_MAX], const struct tb_link *link, uint64_t now_ns) {
        const char *reason = link->reason ? link->reason : "";
        int n_reason = (int)strlen(reason);
        char outage[80];

        if (n_reason > 0 && reason[n_reason - 1] == '.')
                --n_reason;

        switch (link->state) {
        case TB_LINK_LOST:
                snprintf(text, CONNECTION_TEXT_MAX, "%.*s; trying again", n_reason, reason);
                break;
        case TB_LINK_RESUMED:
                connection_describe_outage(outage, sizeof(outage), link, now_ns);
                snprintf(text, CONNECTION_TEXT_MAX, "%s: the stream goes on where it was", outage);
                break;
        case TB_LINK_RESTARTED:
                connection_describe_outage(outage, sizeof(outage), link, now_ns);
                snprintf(text,
                         CONNECTION_TEXT_MAX,
                         "%s: what happened in between is not known (%.*s)",
                         outage,
                         n_reason,
                         reason);
                break;
        }

        return text;
}
