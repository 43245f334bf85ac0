/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker history: shows what taskbroker record has recorded.
 *
 * Opens the database, starts the pager, and calls the function of the verb. The database is
 * only read, in one transaction, so that a recorder can write to it meanwhile.
 */

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/signals.h"
#include "clients/cli/db/db_file.h"
#include "clients/cli/history/history_pager.h"
#include "clients/cli/history/history_verbs.h"
#include "clients/cli/verbs.h"

static const struct {
        const char *name;
        int (*run)(History *history);
} history_verbs[] = {
        { "list", history_list }, { "top", history_top }, { "tree", history_tree }, { "at", history_at },
        { "who", history_who }, { "diff", history_diff }, { "graph", history_graph },
};

#define N_VERBS (sizeof(history_verbs) / sizeof(*history_verbs))

/* The number of the verb; N_VERBS if there is no such verb. */
static size_t history_find_verb(const char *name) {
        size_t i = 0;

        while (i < N_VERBS && strcmp(history_verbs[i].name, name) != 0)
                ++i;

        return i;
}

static int history_stop(void *data) {
        (void)data;
        return signals_caught();
}

static int history_open(History *history) {
        if (history->options.db_path)
                snprintf(history->path, sizeof(history->path), "%s", history->options.db_path);
        else
                db_file_default(history->path, false);
        if (db_file_open_read(&history->db, history->path) < 0 ||
            db_exec(&history->db, "PRAGMA temp_store = MEMORY; BEGIN") < 0 ||
            history_clock_load(&history->clock, &history->db) < 0)
                return history_fail(history);
        db_progress(&history->db, history_stop, NULL);

        return VERB_CONTINUE;
}

static void history_begin_output(History *history) {
        int fd = STDOUT_FILENO;
        bool colour;

        output_init(&history->output.output, fd, signals_flag());
        history->users.numeric = history->options.numeric;
        if (!history->output.output.terminal || history->options.no_pager || history->options.form != HISTORY_TABLE)
                return;
        colour = history->output.output.colour;
        fd = history_pager_open(&history->pager);
        if (fd < 0)
                return;
        output_init(&history->output.output, fd, signals_flag());
        history->output.output.colour = colour;
}

static int history_end_output(History *history, int status) {
        int r = output_finish(&history->output.output);

        if (history->output.error)
                r = history->output.error;
        if (history->pager)
                history_pager_close(history->output.output.fd, history->pager);
        if (status != VERB_CONTINUE)
                return status;

        return r < 0 ? output_verdict(r) : EXIT_STATUS_OK;
}

int verb_history(const char *socket_path, int argc, char **argv) {
        static History history;
        size_t verb = 0;
        int r;

        (void)socket_path;
        r = history_options_read(&history.options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;
        history.arguments = argv + optind;
        history.n_arguments = argc - optind;
        if (history.n_arguments > 0) {
                verb = history_find_verb(history.arguments[0]);
                if (verb == N_VERBS)
                        return error_usage("history",
                                           "%s: there are the verbs list, top, tree, at, who, diff and graph.",
                                           history.arguments[0]);
                ++history.arguments;
                --history.n_arguments;
        }

        signals_catch();
        r = history_open(&history);
        if (r == VERB_CONTINUE) {
                history_begin_output(&history);
                r = history_end_output(&history, history_verbs[verb].run(&history));
        }
        history_clock_free(&history.clock);
        db_close(&history.db);
        return r;
}
