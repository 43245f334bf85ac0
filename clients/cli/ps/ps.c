/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker ps: prints the tasks that are alive, from one snapshot.
 *
 * Owns the waiting for the snapshot and the order of the tasks. task_columns.c writes the
 * cells, tree.c makes the forest.
 *
 * The broker may send a snapshot that was made for another client a moment ago. It may
 * lack a process that our caller has just started. So ps asks again until it gets a
 * snapshot that was made after its own start.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/output.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/json/json.h"
#include "clients/cli/model/task_list.h"
#include "clients/cli/model/tree.h"
#include "clients/cli/ps/ps_options.h"
#include "clients/cli/text/task_table.h"
#include "clients/cli/verbs.h"

/* This subscription wants no events: it must not make the broker poll more often. */
#define PS_MAX_DELAY_MS 60000u

/* The broker shares a snapshot among clients for so long, and for the longer time if a user asks often. */
#define PS_SHARED_NS UINT64_C(50000000)
#define PS_OLD_NS UINT64_C(300000000)

typedef struct Ps Ps;

struct Ps {
        const PsOptions *options;
        struct tb_client *client;
        uint64_t begin_boot_ns;         /* our own start, CLOCK_BOOTTIME: the scale of the messages is not known then */
        Answer answer;                  /* the wait for the next message */
        TaskList tasks;
        TaskList parents;               /* all processes, if a column needs them */
        TaskColumnView view;
        Users users;
};

static int ps_out_of_memory(void) {
        error_print("There is too little memory for the tasks of this machine.");
        return EXIT_STATUS_ERROR;
}

static int ps_snapshot_end(Ps *ps, const struct tb_snapshot_end *end) {
        ps->view.now_ns = end->time_ns;
        if (end->tasks == ps->tasks.n_tasks)
                return EXIT_STATUS_OK;

        error_print("The broker reports %llu tasks, but %zu came: the broker is at fault.",
                    (unsigned long long)end->tasks,
                    ps->tasks.n_tasks);
        return EXIT_STATUS_ERROR;
}

static int ps_message(Ps *ps, const struct tb_message *message) {
        answer_begin(&ps->answer, ps->options->socket_path);

        switch (message->type) {
        case TB_MESSAGE_TASK:
                return task_list_add(&ps->tasks, message->task) < 0 ? ps_out_of_memory() : VERB_CONTINUE;
        case TB_MESSAGE_SNAPSHOT_END:
                return ps_snapshot_end(ps, message->snapshot_end);
        case TB_MESSAGE_ERROR:
                connection_print_error(message->error);
                return EXIT_STATUS_ERROR;
        default:
                return VERB_CONTINUE;
        }
}

static int ps_process(Ps *ps) {
        const struct tb_message *message;
        int r, r_process, r_ps;

        r_process = tb_process(ps->client);
        while ((r = connection_next(ps->client, &message)) > 0) {
                r_ps = ps_message(ps, message);
                if (r_ps != VERB_CONTINUE)
                        return r_ps;
        }
        if (r < 0 || r_process < 0) {
                error_print("%s", tb_error_text(ps->client));
                return EXIT_STATUS_ERROR;
        }

        return VERB_CONTINUE;
}

static int ps_take_snapshot(Ps *ps) {
        struct tb_subscription subscription = {
                .kinds = TB_KIND_BIT(TB_KIND_LOSS),
                .threads = ps->options->threads,
                .max_delay_ms = PS_MAX_DELAY_MS,
                .snapshot = true,
                .programs = ps->options->programs,
                .filter = ps->options->filter.wanted,
        };
        int r = VERB_CONTINUE;

        if (tb_subscribe(ps->client, &subscription, NULL) < 0) {
                error_print("%s", tb_error_text(ps->client));
                return EXIT_STATUS_ERROR;
        }

        answer_begin(&ps->answer, ps->options->socket_path);
        while (r == VERB_CONTINUE) {
                struct pollfd pfd = { .fd = tb_fd(ps->client), .events = tb_poll_events(ps->client) };

                if (poll(&pfd, 1, answer_timeout_ms(&ps->answer)) < 0 && errno != EINTR) {
                        error_print("Cannot wait for the broker: %s.", strerror(errno));
                        return EXIT_STATUS_ERROR;
                }
                r = ps_process(ps);
                if (r == VERB_CONTINUE && answer_over(&ps->answer))
                        r = EXIT_STATUS_ERROR;
        }
        answer_end(&ps->answer);

        return r;
}

/* Connects, and takes a snapshot. */
static int ps_try(Ps *ps) {
        int r;

        if (connection_open(ps->options->socket_path, "ps", &ps->client) < 0)
                return EXIT_STATUS_ERROR;
        r = ps_take_snapshot(ps);
        ps->client = tb_close(ps->client);

        return r;
}

static uint64_t ps_snapshot_age(const Ps *ps) {
        uint64_t now_ns = clock_now_time_ns();

        return now_ns > ps->view.now_ns ? now_ns - ps->view.now_ns : 0;
}

/* Waits until the broker makes a new snapshot. */
static void ps_pause(const Ps *ps) {
        uint64_t age_ns = ps_snapshot_age(ps), ns = age_ns < PS_SHARED_NS ? PS_SHARED_NS - age_ns : PS_SHARED_NS;

        nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
}

/* Takes a snapshot that is not older than ps. An old snapshot that comes twice is the newest: nothing has happened. */
static int ps_take_fresh(Ps *ps) {
        int r;

        for (bool again = false;; again = true) {
                r = ps_try(ps);
                if (r != EXIT_STATUS_OK || clock_to_boot_ns(ps->view.now_ns) >= ps->begin_boot_ns ||
                    (again && ps_snapshot_age(ps) >= PS_OLD_NS))
                        return r;
                ps_pause(ps);
                task_list_deinit(&ps->tasks);
        }
}

static bool ps_wants_parents(const PsOptions *options) {
        for (size_t i = 0; i < options->n_columns; ++i)
                if (options->columns[i]->parent)
                        return true;
        for (size_t i = 0; i < options->n_keys; ++i)
                if (options->keys[i].column->parent)
                        return true;

        return false;
}

/* The parents of the tasks may not match the filter: all processes are asked for. */
static int ps_take_parents(Ps *ps) {
        static PsOptions options;
        static Ps all;
        int r;

        options.socket_path = ps->options->socket_path;
        all.options = &options;
        r = ps_try(&all);
        if (r != EXIT_STATUS_OK)
                return r;

        ps->parents = all.tasks;
        if (task_list_index(&ps->parents) < 0)
                return ps_out_of_memory();
        ps->view.parents = &ps->parents;
        return EXIT_STATUS_OK;
}

/* Tasks that are equal by all keys are sorted by number, so that the order is always the same. */
static int ps_compare(const void *a, const void *b, void *closure) {
        const struct tb_task *one = *(const struct tb_task *const *)a, *other = *(const struct tb_task *const *)b;
        const Ps *ps = closure;
        int r;

        for (size_t i = 0; i < ps->options->n_keys; ++i) {
                const PsKey *key = ps->options->keys + i;

                r = task_column_compare(key->column, &ps->view, one, other);
                if (r != 0)
                        return key->reverse ? -r : r;
        }
        if (one->pid != other->pid)
                return one->pid < other->pid ? -1 : 1;

        return (one->tid > other->tid) - (one->tid < other->tid);
}

static int ps_write_table(const Ps *ps,
                          const struct tb_task *const *tasks,
                          TreeNode *const *nodes,
                          size_t n_tasks,
                          Output *output) {
        TaskTable table = {
                .n_columns = ps->options->n_columns,
                .view = ps->view,
                .utf8 = terminal_utf8(),
                .header = ps->options->header,
                .width = terminal_width(output->fd),
        };

        memcpy(table.columns, ps->options->columns, sizeof(table.columns));
        return task_table_write(&table, tasks, nodes, n_tasks, output);
}

static int ps_write(const Ps *ps, const struct tb_task *const *tasks, TreeNode *const *nodes, size_t n_tasks) {
        static Output output;
        int r = 0;

        output_init(&output, STDOUT_FILENO, NULL);
        if (ps->options->json) {
                for (size_t i = 0; i < n_tasks && r >= 0; ++i)
                        r = json_write(json_task(tasks[i]), &output);
        } else {
                r = ps_write_table(ps, tasks, nodes, n_tasks, &output);
        }
        if (r >= 0)
                r = output_flush(&output);

        return output_verdict(r);
}

static int ps_write_tree(const Ps *ps, const struct tb_task **tasks, size_t n_tasks) {
        Tree tree;
        int r;

        if (tree_init(&tree, tasks, n_tasks) < 0)
                return ps_out_of_memory();

        for (size_t i = 0; i < n_tasks; ++i)
                tasks[i] = tree.order[i]->task;
        r = ps_write(ps, tasks, tree.order, n_tasks);
        tree_deinit(&tree);

        return r;
}

static int ps_print(Ps *ps) {
        size_t n_tasks = ps->tasks.n_tasks;
        const struct tb_task **tasks;
        int r;

        tasks = calloc(n_tasks + 1, sizeof(*tasks));
        if (!tasks)
                return ps_out_of_memory();

        for (size_t i = 0; i < n_tasks; ++i)
                tasks[i] = ps->tasks.tasks + i;
        qsort_r(tasks, n_tasks, sizeof(*tasks), ps_compare, ps);

        if (ps->options->tree)
                r = ps_write_tree(ps, tasks, n_tasks);
        else
                r = ps_write(ps, tasks, NULL, n_tasks);
        free(tasks);

        return r;
}

int verb_ps(const char *socket_path, int argc, char **argv) {
        static PsOptions options;
        static Ps ps;
        int r;

        options.socket_path = socket_path;
        options.header = true;
        r = ps_options_read(&options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;

        ps.options = &options;
        ps.view.users = &ps.users;
        ps.users.numeric = options.numeric;
        ps.begin_boot_ns = clock_now_boot_ns();
        r = ps_take_fresh(&ps);
        if (r == EXIT_STATUS_OK && ps_wants_parents(&options))
                r = ps_take_parents(&ps);
        if (r == EXIT_STATUS_OK)
                r = ps_print(&ps);
        /* As in procps: no task matches the filter. */
        if (r == EXIT_STATUS_OK && ps.tasks.n_tasks == 0)
                r = EXIT_STATUS_ERROR;
        task_list_deinit(&ps.tasks);
        task_list_deinit(&ps.parents);

        return r;
}
