/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker status: the state of the broker, and whether anything was lost.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/base/output.h"
#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/json/json.h"
#include "clients/cli/text/status_text.h"
#include "clients/cli/verbs.h"

typedef struct StatusOptions StatusOptions;

struct StatusOptions {
        const char *socket_path;
        bool json;
};

/* Takes messages. Returns 1: the status came; 0: not yet; -1: it will not come, and the reason was printed. */
static int status_take(struct tb_client *client, const struct tb_status **ret_status) {
        const struct tb_message *message;
        int r;

        while ((r = connection_next(client, &message)) > 0) {
                if (message->type == TB_MESSAGE_STATUS) {
                        *ret_status = message->status;
                        return 1;
                }
                if (message->type == TB_MESSAGE_ERROR) {
                        connection_print_error(message->error);
                        return -1;
                }
        }
        if (r < 0)
                error_print("%s", tb_error_text(client));

        return r < 0 ? -1 : 0;
}

/* Waits for the status. Returns as status_take(). */
static int status_wait(struct tb_client *client, Answer *answer, const struct tb_status **ret_status) {
        int r, r_process;

        while (!answer_over(answer)) {
                struct pollfd pfd = { .fd = tb_fd(client), .events = tb_poll_events(client) };

                if (poll(&pfd, 1, answer_timeout_ms(answer)) < 0 && errno != EINTR) {
                        error_print("Cannot wait for the broker: %s.", strerror(errno));
                        return -1;
                }
                r_process = tb_process(client);
                r = status_take(client, ret_status);
                if (r != 0)
                        return r;
                if (r_process < 0) {
                        error_print("%s", tb_error_text(client));
                        return -1;
                }
        }

        return -1;
}

static int status_ask(const char *socket_path, struct tb_client *client, const struct tb_status **ret_status) {
        Answer answer = { 0 };
        int r;

        if (tb_request_status(client, NULL) < 0) {
                error_print("%s", tb_error_text(client));
                return -1;
        }

        answer_begin(&answer, socket_path);
        r = status_wait(client, &answer, ret_status);
        answer_end(&answer);

        return r;
}

static int status_write(const struct tb_status *status, bool json) {
        static Output output;
        char text[STATUS_TEXT_MAX];
        int r;

        output_init(&output, STDOUT_FILENO, NULL);
        if (json)
                r = json_write(json_status(status), &output);
        else
                r = output_write(&output, text, status_text(text, status));
        if (r >= 0)
                r = output_flush(&output);

        return output_verdict(r);
}

int verb_status(const char *socket_path, int argc, char **argv) {
        static const Option rows[] = {
                { OPTION_SET_TRUE, 0, "json", NULL, "one JSON object, with the names of the protocol",
                  .offset = offsetof(StatusOptions, json) },
                OPTION_SET_ROWS_COMMON(StatusOptions),
        };
        static const OptionSet set = {
                .verb = "status",
                .rows = rows,
                .n_rows = sizeof(rows) / sizeof(*rows),
                .arguments = true,
                .head = "Usage: taskbroker [--socket PATH] status [--json]\n"
                        "\n"
                        "Shows the broker's counters: what came from the kernel's two sources and what of it\n"
                        "was lost, events by kind, tasks, subscribers.\n"
                        "\n",
        };
        StatusOptions options = { .socket_path = socket_path };
        const struct tb_status *status;
        struct tb_client *client;
        int r;

        r = option_set_parse(&set, argc, argv, &options);
        if (r != VERB_CONTINUE)
                return r;
        if (optind < argc)
                return error_usage("status", "%s: status takes no arguments.", argv[optind]);

        if (connection_open(options.socket_path, "status", &client) < 0)
                return EXIT_STATUS_ERROR;
        r = status_ask(options.socket_path, client, &status);
        r = r > 0 ? status_write(status, options.json) : EXIT_STATUS_ERROR;
        tb_close(client);

        return r;
}
