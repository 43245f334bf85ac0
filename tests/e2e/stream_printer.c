/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client of libtaskbroker with several streams, for tests. It reconnects, reads commands, one
 * a line, and prints each message as a line: its type, the number of its stream, the id of the
 * request that it answers, and what is in it.
 *
 *   events SNAPSHOT [UID]    begins a stream, of all users or of one
 *   samples                  begins a stream
 *   filter STREAM [UID]
 *   snapshot STREAM
 *   end STREAM
 */

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

static void print_message(const struct tb_message *message) {
        static const char *const states[] = {
                [TB_LINK_LOST] = "lost",
                [TB_LINK_RESUMED] = "resumed",
                [TB_LINK_RESTARTED] = "restarted",
        };

        printf("%d %" PRIu32 " %" PRIu64, message->type, message->stream, message->request_id);
        switch (message->type) {
        case TB_MESSAGE_SUBSCRIBED:
                printf(" subscribed %" PRIu64, message->subscribed->next_number);
                break;
        case TB_MESSAGE_EVENT:
                printf(" event %s %" PRIu64 " %" PRIu32 " %" PRIu32, tb_kind_name(message->event->kind),
                       message->event->number, message->event->pid, message->event->uid);
                break;
        case TB_MESSAGE_ERROR:
                printf(" error %u %s", message->error->code, message->error->field);
                break;
        case TB_MESSAGE_TASK:
                printf(" task %" PRIu32, message->task->pid);
                break;
        case TB_MESSAGE_SNAPSHOT_END:
                printf(" snapshot_end %" PRIu64, message->snapshot_end->number);
                break;
        case TB_MESSAGE_LINK:
                printf(" link %s", states[message->link->state]);
                break;
        case TB_MESSAGE_SAMPLING:
                printf(" sampling");
                break;
        case TB_MESSAGE_TASK_SAMPLE:
                printf(" task_sample %" PRIu32, message->task_sample->pid);
                break;
        case TB_MESSAGE_SAMPLE:
                printf(" sample %" PRIu64 " %" PRIu64 " %d", message->sample->number, message->sample->tasks,
                       message->sample->full);
                break;
        case TB_MESSAGE_RESTARTED:
                printf(" restarted %" PRIu64 " %" PRIu64, message->restarted->next_number,
                       message->restarted->unsent);
                break;
        case TB_MESSAGE_UNSUBSCRIBED:
                printf(" unsubscribed");
                break;
        default:
                printf(" other");
                break;
        }
        putchar('\n');
}

static int run_command(struct tb_client *client, const char *line) {
        struct tb_sampling sampling = { .interval_ms = 100 };
        struct tb_subscription subscription = { 0 };
        struct tb_filter filter = { 0 };
        uint32_t number = 0, uid = 0;
        char verb[16] = "";
        int n;

        n = sscanf(line, "%15s %" SCNu32 " %" SCNu32, verb, &number, &uid);
        if (n == 3) {
                filter.uids = &uid;
                filter.n_uids = 1;
        }
        subscription.snapshot = number;
        subscription.filter = filter;
        if (strcmp(verb, "events") == 0)
                return tb_subscribe(client, &subscription, NULL);
        if (strcmp(verb, "samples") == 0)
                return tb_sample(client, &sampling, NULL);
        if (strcmp(verb, "filter") == 0)
                return tb_change_filter(client, number, &filter, NULL);
        if (strcmp(verb, "snapshot") == 0)
                return tb_get_snapshot(client, number, NULL);
        if (strcmp(verb, "end") == 0)
                return tb_unsubscribe(client, number, NULL);

        return -1;
}

/* Runs the commands of the lines that are complete. Return: whether standard input goes on. */
static int read_commands(struct tb_client *client) {
        static char buffer[4096];
        static size_t n;
        ssize_t n_read;
        char *end;

        n_read = read(STDIN_FILENO, buffer + n, sizeof(buffer) - n - 1);
        if (n_read <= 0)
                return 0;

        n += (size_t)n_read;
        buffer[n] = 0;
        while ((end = strchr(buffer, '\n'))) {
                *end = 0;
                if (run_command(client, buffer) < 0)
                        printf("0 0 0 refused %s: %s\n", buffer, tb_error_text(client));
                n -= (size_t)(end + 1 - buffer);
                memmove(buffer, end + 1, n + 1);
        }
        return 1;
}

int main(void) {
        const struct tb_message *message;
        struct tb_client *client;
        int r;

        setlinebuf(stdout);
        r = tb_connect(NULL, &client);
        if (r >= 0)
                r = tb_set_reconnect(client);
        while (r >= 0) {
                struct pollfd pfds[] = {
                        { .fd = tb_fd(client), .events = tb_poll_events(client) },
                        { .fd = STDIN_FILENO, .events = POLLIN },
                };

                poll(pfds, 2, -1);
                if (pfds[1].revents && !read_commands(client)) {
                        tb_close(client);
                        return 0;
                }
                r = tb_process(client);
                while (tb_next(client, &message) > 0)
                        print_message(message);
        }
        return 1;
}
