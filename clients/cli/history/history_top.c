/* SPDX-License-Identifier: Apache-2.0 */

/*
 * history top: commands, users, cgroups or units, by what their processes used.
 *
 * A process whose use is not known adds nothing, and is counted in the last column. Called
 * by history.c. history_diff.c uses the groups too.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/text.h"
#include "clients/cli/history/history_groups.h"
#include "clients/cli/history/history_query.h"
#include "clients/cli/history/history_verbs.h"

/* So many rows without --rows. */
#define TOP_ROWS 20

static const HistoryColumn columns[] = {
        { "COUNT", 9 }, { "FAILED", 7 }, { "CPU", 7 },    { "READ", 6 },     { "WRITE", 6 },
        { "DELAY", 7 }, { "MEMORY", 6 }, { "UNKNOWN", 7 }, { "GROUP", 0 },
};

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static const char *top_rank(const char *sort) {
        if (strcmp(sort, "io") == 0)
                return "coalesce(read_bytes, 0) + coalesce(write_bytes, 0)";
        if (strcmp(sort, "count") == 0)
                return "count";
        if (strcmp(sort, "delay") == 0)
                return "delay_ns";
        if (strcmp(sort, "memory") == 0)
                return "memory_kib";

        return "cpu_ns";
}

static const char *top_count(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column) {
        snprintf(text, FORMAT_MAX, "%" PRIu64, db_number(row, column));
        return text;
}

static void top_row(History *history, struct sqlite3_stmt *row) {
        char count[FORMAT_MAX], failed[FORMAT_MAX], cpu[FORMAT_MAX], read[FORMAT_MAX], write[FORMAT_MAX];
        char delay[FORMAT_MAX], memory[FORMAT_MAX], unknown[FORMAT_MAX], name[HISTORY_GROUP_MAX];
        const char *cells[N_COLUMNS] = {
                top_count(count, row, 1),
                top_count(failed, row, 2),
                history_view_span(cpu, row, 3),
                history_view_bytes(read, row, 4),
                history_view_bytes(write, row, 5),
                history_view_span(delay, row, 6),
                db_is_null(row, 7) ? "-" : format_bytes(memory, 1024 * db_number(row, 7)),
                top_count(unknown, row, 8),
                history_group_name(history, name, row, 0),
        };

        history_output_cells(&history->output, columns, N_COLUMNS, cells);
}

int history_top(History *history) {
        unsigned long long n = history->options.rows ? history->options.rows : TOP_ROWS;
        struct sqlite3_stmt *rows;
        HistoryQuery query;
        int r;

        if (history->n_arguments > 0)
                return error_usage("history", "%s: top takes options only.", history->arguments[0]);
        r = history_list_begin(history, &history->options.span);
        if (r != VERB_CONTINUE)
                return r;
        history_query_begin(&query, &history->options);
        history_query_add(&query, "%s ORDER BY %s DESC, name LIMIT %llu", history_group_select(history->options.by),
                          top_rank(history->options.sort), n);
        if (history_query_prepare(&query, &history->db, &rows) < 0)
                return history_fail(history);
        if (history->options.form == HISTORY_TABLE)
                history_output_header(&history->output, columns, N_COLUMNS);

        return history_view_rows(history, rows, "group", top_row);
}
