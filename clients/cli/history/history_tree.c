/* SPDX-License-Identifier: Apache-2.0 */

/*
 * history tree: a process, the processes that made it, and all that it made, whether they
 * ended or run.
 *
 * A child belongs to the process that forked it, by number and start, also if that process
 * has ended since. Called by history.c.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/text.h"
#include "clients/cli/history/history_query.h"
#include "clients/cli/history/history_verbs.h"

static const HistoryColumn columns[] = {
        { "STARTED", -23 }, { "LIVED", 6 }, { "USER", -10 }, { "STATUS", -8 }, { "CPU", 6 }, { "PID", 7 },
        { "COMMAND", 0 },
};

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

/* Deeper levels are not moved to the right any more. */
#define TREE_DEPTH_MAX 60

/* The process itself, and the processes before it. The starts of makers bound the depth: each is earlier. */
static const char ancestors_sql[] =
        "INSERT INTO temp.tree SELECT id, -depth FROM (WITH RECURSIVE a(id, depth) AS (SELECT %llu, 0 UNION ALL"
        " SELECT m.id, a.depth + 1 FROM a JOIN process p ON p.id = a.id JOIN process m ON m.pid = p.maker_pid"
        " AND m.start_ns = p.maker_start_ns AND m.boot = p.boot AND m.id <> p.id WHERE a.depth < 1000)"
        " SELECT id, depth FROM a ORDER BY depth DESC)";

/* A depth-first walk: of what waits, the deepest comes first, then the oldest. */
static const char descendants_sql[] =
        "INSERT INTO temp.tree WITH RECURSIVE d(id, depth, start_ns) AS (SELECT id, 0, start_ns FROM process"
        " WHERE id = %llu UNION ALL SELECT c.id, d.depth + 1, c.start_ns FROM d JOIN process p ON p.id = d.id"
        " JOIN process c ON c.maker_pid = p.pid AND c.maker_start_ns = p.start_ns AND c.boot = p.boot"
        " AND c.id <> p.id ORDER BY 2 DESC, 3) SELECT id, depth FROM d WHERE depth > 0";

static const char table_sql[] =
        "SELECT p.boot, p.start_ns, p.end_ns, p.end_missing, p.exit_code, p.term_signal, p.core_dumped,"
        " max(coalesce(p.end_ns, b.end_ns) - p.start_ns, 0), p.pid, p.uid, p.cpu_run_virtual_total_ns,"
        " coalesce((SELECT text FROM string WHERE id = p.args),"
        " '[' || (SELECT text FROM string WHERE id = p.comm) || ']', '-'),"
        " t.depth - (SELECT min(depth) FROM temp.tree) FROM temp.tree t JOIN process p ON p.id = t.id"
        " JOIN boot b ON b.id = p.boot ORDER BY t.rowid";

static const char machine_sql[] =
        "SELECT t.depth AS depth, v.* FROM temp.tree t JOIN processes v ON v.id = t.id ORDER BY t.rowid";

static void tree_row(History *history, struct sqlite3_stmt *row) {
        static char command[TEXT_ESCAPED_MAX(32768) + 2 * TREE_DEPTH_MAX];
        char started[FORMAT_MAX], lived[FORMAT_MAX], status[FORMAT_MAX], cpu[FORMAT_MAX], pid[FORMAT_MAX];
        uint64_t depth = db_number(row, 12) < TREE_DEPTH_MAX ? db_number(row, 12) : TREE_DEPTH_MAX;
        const char *cells[N_COLUMNS] = {
                history_view_time(history, started, row, 1),
                history_view_span(lived, row, 7),
                history_view_user(history, row, 9),
                history_view_status(status, row, 2),
                history_view_span(cpu, row, 10),
                pid,
                command,
        };

        snprintf(pid, sizeof(pid), "%" PRIu64, db_number(row, 8));
        memset(command, ' ', 2 * depth);
        if (text_is_utf8(db_text(row, 11).bytes))
                snprintf(command + 2 * depth, sizeof(command) - 2 * depth, "%s", db_text(row, 11).bytes);
        else
                text_escape(command + 2 * depth, sizeof(command) - 2 * depth, db_text(row, 11).bytes,
                            TEXT_FOR_TERMINAL);
        history_output_cells(&history->output, columns, N_COLUMNS, cells);
}

/* "PID" or "PID@TIME". */
static int tree_read(History *history, char pid[static 16], HistorySpan *span) {
        const char *text = history->n_arguments == 1 ? history->arguments[0] : "";
        const char *at = strchr(text, '@');
        size_t n = at ? (size_t)(at - text) : strlen(text);
        uint64_t number;
        int r;

        snprintf(pid, 16, "%.*s", (int)n, text);
        if (n > 15 || !option_read_number(pid, 0, UINT32_MAX, &number))
                return error_usage("history", "tree takes one pid, also with a time, such as 1234@03:12.");
        *span = history->options.span;
        if (!at)
                return VERB_CONTINUE;
        r = history_options_time(at + 1, history->options.now_ns, &span->since_ns);
        span->until_ns = span->since_ns + 1;

        return r == EXIT_STATUS_OK ? VERB_CONTINUE : r;
}

/* The last process of the span with the number. */
static int tree_find(History *history, uint64_t *ret_id) {
        struct sqlite3_stmt *select;
        HistoryQuery query;
        int r;

        *ret_id = 0;
        history_query_begin(&query, &history->options);
        history_query_add(&query, "SELECT id FROM p ORDER BY boot DESC, start_ns DESC LIMIT 1");
        r = history_query_prepare(&query, &history->db, &select);
        if (r < 0)
                return r;
        while ((r = db_step(&history->db, select)) > 0)
                *ret_id = db_number(select, 0);
        db_finalize(select);

        return r;
}

static int tree_fill(History *history, uint64_t id) {
        char sql[1024];
        int r;

        r = db_exec(&history->db, "CREATE TEMP TABLE tree (id INTEGER, depth INTEGER)");
        snprintf(sql, sizeof(sql), ancestors_sql, (unsigned long long)id);
        if (r == 0)
                r = db_exec(&history->db, sql);
        snprintf(sql, sizeof(sql), descendants_sql, (unsigned long long)id);

        return r == 0 ? db_exec(&history->db, sql) : r;
}

int history_tree(History *history) {
        bool table = history->options.form == HISTORY_TABLE;
        struct sqlite3_stmt *rows;
        HistorySpan span;
        char pid[16];
        uint64_t id;
        int r;

        r = tree_read(history, pid, &span);
        if (r != VERB_CONTINUE)
                return r;
        history->options.pids = (HistoryList){ .values = { pid }, .n = 1 };
        r = history_list_begin(history, &span);
        if (r != VERB_CONTINUE)
                return r;
        if (tree_find(history, &id) < 0)
                return history_fail(history);
        if (!id) {
                error_print("No process with the pid %s was recorded then.", pid);
                return EXIT_STATUS_ERROR;
        }
        if (tree_fill(history, id) < 0 || db_prepare(&history->db, table ? table_sql : machine_sql, &rows) < 0)
                return history_fail(history);
        if (table)
                history_output_header(&history->output, columns, N_COLUMNS);

        return history_view_rows(history, rows, "process", tree_row);
}
