/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parts that the verbs of history share: the losses of a span, which are printed first,
 * the rows of a statement, and cells. A value that is not known is "-", never 0.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/signals.h"
#include "clients/cli/base/time_form.h"
#include "clients/cli/history/history_query.h"
#include "clients/cli/history/history_view.h"

#define TIME_MAX FORMAT_MAX

static const char losses_sql[] =
        "SELECT b.boot_id, l.boot AS boot, l.since_ns, l.time_ns, l.source, l.reason, l.count, l.at_least, l.missing,"
        " l.ended_unseen, l.found_alive, l.forks_at_most FROM loss l JOIN boot b ON b.id = l.boot"
        " JOIN span s ON s.boot = l.boot WHERE l.missing <> 'none' AND l.time_ns >= s.since_ns"
        " AND coalesce(l.since_ns, l.time_ns) < s.until_ns ORDER BY l.id";

int history_fail(const History *history) {
        error_print("%s", db_error(&history->db));
        return EXIT_STATUS_ERROR;
}

static const char *wall_text(char text[static TIME_MAX], uint64_t wall_ns) {
        time_t seconds = (time_t)(wall_ns / 1000000000u);
        struct tm parts;

        if (!localtime_r(&seconds, &parts) || strftime(text, TIME_MAX, "%Y-%m-%d %H:%M:%S", &parts) == 0)
                return strcpy(text, "-");
        snprintf(text + strlen(text), TIME_MAX - strlen(text), ".%03u", (unsigned int)(wall_ns / 1000000u % 1000u));

        return text;
}

/* A time of the database, whose boot is in the first column. */
const char *history_view_time(const History *history, char text[static FORMAT_MAX], struct sqlite3_stmt *row,
                              int column) {
        if (db_is_null(row, column))
                return "-";
        return wall_text(text, history_clock_wall(&history->clock, db_number(row, 0), db_number(row, column)));
}

const char *history_view_span(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column) {
        return db_is_null(row, column) ? "-" : format_duration(text, db_number(row, column));
}

const char *history_view_bytes(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column) {
        return db_is_null(row, column) ? "-" : format_bytes(text, db_number(row, column));
}

/* The status of five columns: end_ns, end_missing, exit_code, term_signal, core_dumped. */
const char *history_view_status(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column) {
        struct tb_termination termination = {
                .known = !db_is_null(row, column + 3),
                .exit_code = (uint32_t)db_number(row, column + 2),
                .term_signal = (uint32_t)db_number(row, column + 3),
                .core_dumped = db_number(row, column + 4),
        };

        if (db_is_null(row, column))
                return "running";
        if (!db_is_null(row, column + 1))
                return "unseen";

        return format_termination(text, &termination);
}

const char *history_view_user(History *history, struct sqlite3_stmt *row, int column) {
        return db_is_null(row, column) ? "-" : users_name(&history->users, (uint32_t)db_number(row, column));
}

static void view_loss(History *history, struct sqlite3_stmt *row) {
        char since[TIME_MAX], until[TIME_MAX], count[FORMAT_MAX];
        const char *begin = db_is_null(row, 2) ? "an unknown time"
                                               : wall_text(since, history_clock_wall(&history->clock, db_number(row, 1),
                                                                                     db_number(row, 2)));
        const char *end = wall_text(until, history_clock_wall(&history->clock, db_number(row, 1), db_number(row, 3)));
        bool hole = strcmp(db_text(row, 4).bytes, "recorder") == 0;

        if (hole) {
                history_output_print(&history->output, "-- Nothing was recorded from %s to %s (%s)", begin, end,
                                     db_text(row, 5).bytes);
                history_output_print(&history->output, ": %s recorded processes ended unseen",
                                     format_count(count, db_number(row, 9)));
                if (!db_is_null(row, 11))
                        history_output_print(&history->output, ", and at most %s tasks were created",
                                             format_count(count, db_number(row, 11)));
                history_output_print(&history->output, ".\n");
                return;
        }
        history_output_print(&history->output, "-- %s%s events were lost from %s to %s (%s, %s)%s.\n",
                             db_number(row, 7) && !db_is_null(row, 6) ? "At least " : "",
                             db_is_null(row, 6) ? "An unknown number of" : format_count(count, db_number(row, 6)),
                             begin, end, db_text(row, 4).bytes, db_text(row, 5).bytes,
                             strcmp(db_text(row, 8).bytes, "counted") == 0 ? "" : ", machine-wide");
}

/* The part of the span before the recording began, and before which processes were removed. */
static void view_boot(History *history, const HistoryBoot *boot, const HistorySpan *span) {
        uint64_t since_ns, until_ns;
        char text[TIME_MAX];

        if (!history_boot_span(boot, span, &since_ns, &until_ns) || until_ns <= since_ns || since_ns > boot->end_ns)
                return;
        if (since_ns && since_ns < boot->begin_ns)
                history_output_print(&history->output, "-- Recorded since %s.\n",
                                     wall_text(text, history_clock_wall(&history->clock, boot->id, boot->begin_ns)));
        if (boot->pruned_ns > since_ns)
                history_output_print(&history->output, "-- Processes that ended before %s were removed.\n",
                                     wall_text(text, history_clock_wall(&history->clock, boot->id, boot->pruned_ns)));
        if (until_ns != INT64_MAX && until_ns > boot->end_ns)
                history_output_print(&history->output, "-- Recorded until %s.\n",
                                     wall_text(text, history_clock_wall(&history->clock, boot->id, boot->end_ns)));
}

/* The rows of CSV have one form: the losses are on standard error. */
static void view_loss_csv(struct sqlite3_stmt *row) {
        error_print("Events are missing in the span (%s, %s): --json and the table show each loss.",
                    db_text(row, 4).bytes, db_text(row, 5).bytes);
}

/* Prints what is missing in the span. */
int history_view_losses(History *history, const HistorySpan *span) {
        struct sqlite3_stmt *losses;
        size_t n = 0;
        int r = db_prepare(&history->db, losses_sql, &losses);

        if (r < 0)
                return r;
        for (size_t i = 0; history->options.form == HISTORY_TABLE && i < history->clock.n_boots; ++i)
                view_boot(history, history->clock.boots + i, span);
        while (!history->output.error && (r = db_step(&history->db, losses)) > 0) {
                if (history->options.form == HISTORY_TABLE)
                        view_loss(history, losses);
                else if (history->options.form == HISTORY_JSON)
                        history_output_json(&history->output, losses, "loss");
                else if (n++ == 0)
                        view_loss_csv(losses);
        }
        db_finalize(losses);

        return r;
}

/**
 * history_view_rows() - print the rows of a statement
 * @history:    the options have the form
 * @rows:       the statement; finalized
 * @kind:       the member "kind" of JSON
 * @write:      prints a row of the table
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int history_view_rows(History *history, struct sqlite3_stmt *rows, const char *kind,
                      void (*write)(History *history, struct sqlite3_stmt *row)) {
        int r = 0;

        if (history->options.form == HISTORY_CSV)
                history_output_csv_header(&history->output, rows);
        while (!history->output.error && !signals_caught() && (r = db_step(&history->db, rows)) > 0) {
                if (history->options.form == HISTORY_JSON)
                        history_output_json(&history->output, rows, kind);
                else if (history->options.form == HISTORY_CSV)
                        history_output_csv(&history->output, rows);
                else
                        write(history, rows);
        }
        db_finalize(rows);

        return r < 0 && r != -EINTR ? history_fail(history) : VERB_CONTINUE;
}
