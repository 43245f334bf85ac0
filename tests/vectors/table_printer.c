/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client of libtaskbroker that follows the live processes with a tb_table, for the recordings
 * of tests/vectors. It prints each value as `taskbroker watch --json` does, and at its end the table:
 *
 *   {"kind": "table", "processes": [{"id", "pid", "uid", "comm"}, ...]}
 *
 * It takes the options of watch that the recordings name. Only --threads and --args have an effect.
 */

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/json/json.h"

static void print_line(struct json_object *object) {
        size_t n;
        const char *line = json_line(object, &n);

        printf("%.*s\n", (int)n, line);
        json_object_put(object);
}

static void print_table(const struct tb_table *table) {
        struct json_object *object = json_object_new_object(), *rows = json_object_new_array();
        const struct tb_process *process = NULL;
        size_t n = 0;

        while ((process = tb_table_next(table, process))) {
                struct json_object *row = json_object_new_object();

                json_add_id(row, "id", process->pid, process->start_boot_ns);
                json_add_number(row, "pid", process->pid);
                json_add_known(row, "uid", process->uid, process->uid_known);
                json_add_known_text(row, "comm", process->comm, process->comm_known);
                json_object_array_add(rows, row);
                ++n;
        }
        json_add_text(object, "kind", "table");
        json_object_object_add(object, "processes", rows);
        if (n == tb_table_count(table) && tb_table_is_complete(table))
                print_line(object);
}

/* Return: whether the stream goes on. */
static bool take_message(struct tb_table *table, const struct tb_message *message) {
        if (tb_table_apply(table, message) < 0)
                return false;

        switch (message->type) {
        case TB_MESSAGE_EVENT:
                print_line(json_event(message->event));
                return true;
        case TB_MESSAGE_TASK:
                print_line(json_task(message->task));
                return true;
        case TB_MESSAGE_SNAPSHOT_END:
                print_line(json_snapshot_end(message->snapshot_end));
                return true;
        default:
                return message->type != TB_MESSAGE_ERROR;
        }
}

static int follow(struct tb_client *client, struct tb_table *table, const struct tb_subscription *subscription) {
        const struct tb_message *message;
        int r, r_next = 0;

        r = tb_set_reconnect(client);
        if (r >= 0)
                r = tb_subscribe(client, subscription, NULL);
        while (r >= 0) {
                struct pollfd pfd = { .fd = tb_fd(client), .events = tb_poll_events(client) };

                poll(&pfd, 1, -1);
                r = tb_process(client);
                while ((r_next = tb_next(client, &message)) > 0)
                        if (!take_message(table, message))
                                return 0;
                if (r_next < 0)
                        r = r_next;
        }

        fprintf(stderr, "%s\n", tb_error_text(client));
        return r;
}

int main(int argc, char **argv) {
        struct tb_subscription subscription = { .kinds = TB_KINDS_ALL, .snapshot = true };
        struct tb_client *client = NULL;
        struct tb_table *table;
        int r;

        for (int i = 1; i < argc; ++i) {
                subscription.threads |= strcmp(argv[i], "--threads") == 0;
                subscription.programs |= strcmp(argv[i], "--args") == 0;
        }

        r = tb_table_new(&table);
        if (r < 0)
                return 1;
        r = tb_connect(NULL, &client);
        if (r >= 0)
                r = follow(client, table, &subscription);
        print_table(table);
        tb_close(client);
        tb_table_free(table);
        return r < 0 ? 1 : 0;
}
