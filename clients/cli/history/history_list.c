/* SPDX-License-Identifier: Apache-2.0 */

/*
 * history list, at and who: processes, one a line, in the order of their starts. Called by
 * history.c.
 */

#include <inttypes.h>
#include <stdio.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/text.h"
#include "clients/cli/history/history_query.h"
#include "clients/cli/history/history_verbs.h"

static const HistoryColumn columns[] = {
        { "STARTED", -23 }, { "LIVED", 6 }, { "PID", 7 },    { "USER", -10 },   { "STATUS", -8 },
        { "CPU", 6 },       { "READ", 5 },  { "WRITE", 5 },  { "COMMAND", 0 },
};

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static const char list_table[] =
        "SELECT p.boot, p.start_ns, p.end_ns, p.end_missing, p.exit_code, p.term_signal, p.core_dumped,"
        " max(coalesce(p.end_ns, p.now_ns) - p.start_ns, 0), p.pid, p.uid, p.cpu_run_virtual_total_ns, p.read_bytes,"
        " max(p.write_bytes - p.cancelled_write_bytes, 0),"
        " coalesce((SELECT text FROM string WHERE id = p.args),"
        " '[' || (SELECT text FROM string WHERE id = p.comm) || ']', '-') FROM p";

static void list_row(History *history, struct sqlite3_stmt *row) {
        char started[FORMAT_MAX], lived[FORMAT_MAX], pid[FORMAT_MAX], status[FORMAT_MAX], cpu[FORMAT_MAX];
        char read[FORMAT_MAX], write[FORMAT_MAX];
        static char command[TEXT_ESCAPED_MAX(32768)];
        const char *cells[N_COLUMNS] = {
                history_view_time(history, started, row, 1),
                history_view_span(lived, row, 7),
                pid,
                history_view_user(history, row, 9),
                history_view_status(status, row, 2),
                history_view_span(cpu, row, 10),
                history_view_bytes(read, row, 11),
                history_view_bytes(write, row, 12),
                command,
        };

        snprintf(pid, sizeof(pid), "%" PRIu64, db_number(row, 8));
        /* A command line has no control characters. Its backslashes belong to the form of the shell. */
        if (text_is_utf8(db_text(row, 13).bytes))
                snprintf(command, sizeof(command), "%s", db_text(row, 13).bytes);
        else
                text_escape(command, sizeof(command), db_text(row, 13).bytes, TEXT_FOR_TERMINAL);
        history_output_cells(&history->output, columns, N_COLUMNS, cells);
}

static int list_prepare(History *history, struct sqlite3_stmt **ret_rows) {
        bool table = history->options.form == HISTORY_TABLE;
        HistoryQuery query;

        history_query_begin(&query, &history->options);
        if (history->options.rows)
                history_query_add(&query, ", last AS (SELECT * FROM p ORDER BY start_ns DESC, id DESC LIMIT %llu)"
                                  ", p2 AS (SELECT * FROM last) ", (unsigned long long)history->options.rows);
        if (table)
                history_query_add(&query, "%s", list_table);
        else
                history_query_add(&query, "SELECT v.* FROM p JOIN processes v ON v.id = p.id");
        if (history->options.rows)
                history_query_add(&query, " WHERE p.id IN (SELECT id FROM p2)");
        history_query_add(&query, " ORDER BY p.boot, p.start_ns, p.id");

        return history_query_prepare(&query, &history->db, ret_rows);
}

/* Chooses the span, and prints what is missing in it. */
int history_list_begin(History *history, const HistorySpan *span) {
        int r;

        if (history->options.boot && !history_clock_find(&history->clock, history->options.boot)) {
                error_print("%s: %s has no such boot; it has %zu.", history->options.boot, history->path,
                            history->clock.n_boots);
                return EXIT_STATUS_ERROR;
        }
        r = history_query_span(&history->db, &history->clock, &history->options, span);
        if (r == 0)
                r = history_view_losses(history, span);

        return r < 0 ? history_fail(history) : VERB_CONTINUE;
}

static int list_span(History *history, const HistorySpan *span) {
        struct sqlite3_stmt *rows;
        int r = history_list_begin(history, span);

        if (r != VERB_CONTINUE)
                return r;
        if (list_prepare(history, &rows) < 0)
                return history_fail(history);
        if (history->options.form == HISTORY_TABLE)
                history_output_header(&history->output, columns, N_COLUMNS);

        return history_view_rows(history, rows, "process", list_row);
}

int history_list(History *history) {
        if (history->n_arguments > 0)
                return error_usage("history", "%s: list takes options only.", history->arguments[0]);

        return list_span(history, &history->options.span);
}

int history_at(History *history) {
        HistorySpan span = { 0 };
        int r;

        if (history->n_arguments != 1)
                return error_usage("history", "at takes one time, such as 03:12.");
        r = history_options_time(history->arguments[0], history->options.now_ns, &span.since_ns);
        if (r != EXIT_STATUS_OK)
                return r;
        span.until_ns = span.since_ns + 1;

        return list_span(history, &span);
}

int history_who(History *history) {
        HistoryList *pids = &history->options.pids;
        uint64_t pid;

        if (history->n_arguments != 1 || !option_read_number(history->arguments[0], 0, UINT32_MAX, &pid))
                return error_usage("history", "the verb who takes one pid, such as 1234.");
        pids->values[0] = history->arguments[0];
        pids->n = 1;

        return list_span(history, &history->options.span);
}
