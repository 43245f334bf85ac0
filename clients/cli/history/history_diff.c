/* SPDX-License-Identifier: Apache-2.0 */

/*
 * history diff: the groups of two spans, with those in front whose processor time changed
 * most. A group that is in one span alone is new or gone. Called by history.c.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/history/history_groups.h"
#include "clients/cli/history/history_query.h"
#include "clients/cli/history/history_verbs.h"

/* So many rows without --rows. */
#define DIFF_ROWS 20

static const HistoryColumn columns[] = {
        { "CHANGE", -6 }, { "COUNT", 17 }, { "FAILED", 13 }, { "CPU", 15 }, { "READ", 13 }, { "WRITE", 13 },
        { "GROUP", 0 },
};

/* Two cells with an arrow between them. */
#define PAIR_MAX (2 * FORMAT_MAX + 8)

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static const char diff_sql[] =
        "SELECT coalesce(a.name, b.name) AS name, CASE WHEN a.count IS NULL THEN 'new' WHEN b.count IS NULL THEN 'gone'"
        " WHEN b.cpu_ns > a.cpu_ns THEN 'more' WHEN b.cpu_ns < a.cpu_ns THEN 'less' ELSE 'same' END AS change,"
        " coalesce(a.count, 0) AS count_1, coalesce(b.count, 0) AS count_2,"
        " coalesce(a.failed, 0) AS failed_1, coalesce(b.failed, 0) AS failed_2,"
        " a.cpu_ns AS cpu_ns_1, b.cpu_ns AS cpu_ns_2, a.read_bytes AS read_bytes_1, b.read_bytes AS read_bytes_2,"
        " a.write_bytes AS write_bytes_1, b.write_bytes AS write_bytes_2 FROM (SELECT DISTINCT name FROM temp.side) n"
        " LEFT JOIN temp.side a ON a.side = 1 AND a.name IS n.name"
        " LEFT JOIN temp.side b ON b.side = 2 AND b.name IS n.name"
        " ORDER BY abs(coalesce(b.cpu_ns, 0) - coalesce(a.cpu_ns, 0)) DESC, 1 LIMIT %llu";

/* Two cells of one column. */
static void diff_pair(char text[static PAIR_MAX], const char *before, const char *after) {
        snprintf(text, PAIR_MAX, "%s -> %s", before, after);
}

static void diff_row(History *history, struct sqlite3_stmt *row) {
        char one[FORMAT_MAX], two[FORMAT_MAX], pairs[5][PAIR_MAX], name[HISTORY_GROUP_MAX], change[16];
        const char *cells[N_COLUMNS] = {
                change, pairs[0], pairs[1], pairs[2], pairs[3], pairs[4], history_group_name(history, name, row, 0),
        };

        snprintf(change, sizeof(change), "%s", db_text(row, 1).bytes);
        for (int i = 0; i < 2; ++i) {
                snprintf(one, sizeof(one), "%" PRIu64, db_number(row, 2 + 2 * i));
                snprintf(two, sizeof(two), "%" PRIu64, db_number(row, 3 + 2 * i));
                diff_pair(pairs[i], one, two);
        }
        diff_pair(pairs[2], history_view_span(one, row, 6), history_view_span(two, row, 7));
        diff_pair(pairs[3], history_view_bytes(one, row, 8), history_view_bytes(two, row, 9));
        diff_pair(pairs[4], history_view_bytes(one, row, 10), history_view_bytes(two, row, 11));
        history_output_cells(&history->output, columns, N_COLUMNS, cells);
}

/* "SINCE..UNTIL" */
static int diff_read_span(const History *history, const char *text, HistorySpan *ret_span) {
        const char *dots = strstr(text, "..");
        char since[64];
        int r;

        if (!dots || dots == text || !dots[2] || (size_t)(dots - text) >= sizeof(since))
                return error_usage("history",
                                   "%s: a span is SINCE..UNTIL, such as yesterday..today or \"2h ago..now\".", text);
        snprintf(since, sizeof(since), "%.*s", (int)(dots - text), text);
        r = history_options_time(since, history->options.now_ns, &ret_span->since_ns);
        if (r == EXIT_STATUS_OK)
                r = history_options_time(dots + 2, history->options.now_ns, &ret_span->until_ns);
        if (r == EXIT_STATUS_OK && ret_span->until_ns <= ret_span->since_ns)
                return error_usage("history", "%s: the span ends before it begins.", text);

        return r == EXIT_STATUS_OK ? VERB_CONTINUE : r;
}

/* Sums one span into temp.side. */
static int diff_sum(History *history, int side, const HistorySpan *span) {
        struct sqlite3_stmt *sum, *insert;
        HistoryQuery query;
        int r;

        r = history_list_begin(history, span);
        if (r != VERB_CONTINUE)
                return r;
        history_query_begin(&query, &history->options);
        history_query_add(&query, "%s", history_group_select(history->options.by));
        if (history_query_prepare(&query, &history->db, &sum) < 0)
                return history_fail(history);
        r = db_prepare(&history->db, "INSERT INTO temp.side VALUES (?, ?, ?, ?, ?, ?, ?)", &insert);
        while (r >= 0 && (r = db_step(&history->db, sum)) > 0) {
                db_bind_number(insert, 1, (uint64_t)side);
                if (db_type(sum, 0) == DB_TEXT)
                        db_bind_text(insert, 2, db_text(sum, 0).bytes, db_text(sum, 0).n);
                else
                        db_bind_known(insert, 2, db_number(sum, 0), !db_is_null(sum, 0));
                for (int i = 1; i <= 5; ++i)
                        db_bind_known(insert, 2 + i, db_number(sum, i), !db_is_null(sum, i));
                r = db_run(&history->db, insert);
        }
        db_finalize(sum);
        db_finalize(insert);

        return r < 0 ? history_fail(history) : VERB_CONTINUE;
}

int history_diff(History *history) {
        unsigned long long n = history->options.rows ? history->options.rows : DIFF_ROWS;
        HistorySpan spans[2] = { { 0 } };
        struct sqlite3_stmt *rows;
        char sql[sizeof(diff_sql) + 32];
        int r = VERB_CONTINUE;

        if (history->n_arguments != 2)
                return error_usage("history", "diff takes two spans, such as yesterday..today today..now.");
        for (int i = 0; i < 2 && r == VERB_CONTINUE; ++i)
                r = diff_read_span(history, history->arguments[i], spans + i);
        if (r != VERB_CONTINUE)
                return r;
        if (db_exec(&history->db,
                    "CREATE TEMP TABLE side (side, name, count, failed, cpu_ns, read_bytes, write_bytes)"))
                return history_fail(history);
        for (int i = 0; i < 2 && r == VERB_CONTINUE; ++i)
                r = diff_sum(history, i + 1, spans + i);
        if (r != VERB_CONTINUE)
                return r;
        snprintf(sql, sizeof(sql), diff_sql, n);
        if (db_prepare(&history->db, sql, &rows) < 0)
                return history_fail(history);
        if (history->options.form == HISTORY_TABLE)
                history_output_header(&history->output, columns, N_COLUMNS);

        return history_view_rows(history, rows, "change", diff_row);
}
