/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The processes of a span that match the filters, as a part of a statement.
 *
 * The span is a temporary table with a row for each boot. A process lived in it if it began
 * before the end and ended after the beginning. The classes of lifetimes bound how long before
 * the span it can have begun, so that the index serves. Values of options are bound, never
 * written into the statement. Called by the verbs of history.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/option.h"
#include "clients/cli/history/history_query.h"

static const char span_sql[] =
        "DROP TABLE IF EXISTS temp.span; DROP TABLE IF EXISTS temp.lifetime;"
        "CREATE TEMP TABLE span (boot INTEGER PRIMARY KEY, since_ns INTEGER, until_ns INTEGER, now_ns INTEGER);"
        "CREATE TEMP TABLE lifetime AS SELECT class, lifetime_ns AS longest_ns FROM class"
        " UNION ALL SELECT 63, 4611686018427387904;";

/* By the span: the index on boot, class and start. 62: the start is not known, so the end must lie in the span. */
static const char matched_by_time[] =
        "WITH matched AS (SELECT p.*, s.now_ns FROM span s CROSS JOIN lifetime l CROSS JOIN process p"
        " WHERE p.boot = s.boot AND p.class = l.class"
        " AND p.start_ns > s.since_ns - l.longest_ns AND p.start_ns < s.until_ns"
        " AND (p.end_ns IS NULL OR p.end_ns >= s.since_ns)"
        " UNION ALL SELECT p.*, s.now_ns FROM span s CROSS JOIN process p WHERE p.boot = s.boot AND p.class = 62"
        " AND p.end_ns >= s.since_ns AND p.end_ns < s.until_ns)";

static const char matched_by_pid[] =
        "WITH matched AS (SELECT p.*, s.now_ns FROM process p CROSS JOIN span s"
        " WHERE +p.boot = s.boot AND (p.start_ns IS NULL OR p.start_ns < s.until_ns)"
        " AND (p.end_ns IS NULL OR p.end_ns >= s.since_ns)";

/* Appends to the statement. */
void history_query_add(HistoryQuery *query, const char *format, ...) {
        va_list arguments;
        char *text = NULL, *sql;
        int n;

        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        sql = n < 0 ? NULL : realloc(query->sql, query->n_sql + (size_t)n + 1);
        if (!sql) {
                query->failed = true;
                if (n >= 0)
                        free(text);
                return;
        }
        memcpy(sql + query->n_sql, text, (size_t)n + 1);
        query->sql = sql;
        query->n_sql += (size_t)n;
        free(text);
}

static void query_bind(HistoryQuery *query, const char *text, uint64_t number) {
        query->texts[query->n_binds] = text;
        query->numbers[query->n_binds++] = number;
}

static uint64_t value_number(const char *value, bool user) {
        uint64_t number = 0;
        uid_t uid = 0;

        if (!user)
                (void)option_read_number(value, 0, UINT32_MAX, &number);
        else if (option_read_user(value, &uid))
                number = uid;

        return number;
}

static void query_numbers(HistoryQuery *query, const char *column, const HistoryList *list, bool users) {
        for (size_t i = 0; i < list->n; ++i) {
                history_query_add(query, "%s%s?", i ? "," : " AND ", i ? "" : column);
                query_bind(query, NULL, value_number(list->values[i], users));
        }
        if (list->n)
                history_query_add(query, ")");
}

/* @test has one place, @twice has two. */
static void query_texts(HistoryQuery *query, const char *before, const char *test, bool twice, const char *after,
                        const HistoryList *list) {
        for (size_t i = 0; i < list->n; ++i) {
                history_query_add(query, "%s%s", i ? " OR " : before, test);
                query_bind(query, list->values[i], 0);
                if (twice)
                        query_bind(query, list->values[i], 0);
        }
        if (list->n)
                history_query_add(query, "%s", after);
}

static void query_conditions(HistoryQuery *query, const HistoryOptions *options) {
        query_numbers(query, "p.uid IN (", &options->users, true);
        query_texts(query, " AND p.comm IN (SELECT id FROM string WHERE ", "text GLOB ?", false, ")",
                    &options->comms);
        query_texts(query, " AND p.args IN (SELECT id FROM string WHERE ", "instr(text, ?) > 0", false, ")",
                    &options->args);
        query_texts(query, " AND p.cgroup IN (SELECT id FROM cgroup WHERE ",
                    "(path || '/' >= rtrim(?, '/') || '/' AND path || '/' < rtrim(?, '/') || '0')", true, ")",
                    &options->cgroups);
        query_texts(query, " AND p.cgroup IN (SELECT id FROM cgroup WHERE ",
                    "(unit GLOB ? OR unit = ? || '.service')", true, ")", &options->units);
        if (options->nonzero)
                history_query_add(query, " AND " HISTORY_SQL_FAILED);
        if (options->min_cpu_ns)
                history_query_add(query, " AND p.cpu_run_virtual_total_ns >= %llu",
                                  (unsigned long long)options->min_cpu_ns);
        if (options->min_io_bytes)
                history_query_add(query, " AND " HISTORY_SQL_IO " >= %llu", (unsigned long long)options->min_io_bytes);
        if (options->longer_than_ns)
                history_query_add(query, " AND coalesce(p.end_ns, p.now_ns) - p.start_ns > %llu",
                                  (unsigned long long)options->longer_than_ns);
}

/* Begins a statement: "p" names the processes of the span that match all filters, and the verb goes on. */
void history_query_begin(HistoryQuery *query, const HistoryOptions *options) {
        *query = (HistoryQuery){ 0 };
        if (options->pids.n) {
                history_query_add(query, "%s", matched_by_pid);
                query_numbers(query, "p.pid IN (", &options->pids, false);
                history_query_add(query, ")");
        } else {
                history_query_add(query, "%s", matched_by_time);
        }
        history_query_add(query, ", p AS (SELECT * FROM matched p WHERE true");
        query_conditions(query, options);
        history_query_add(query, ") ");
}

/* Prepares the statement and frees its text. */
int history_query_prepare(HistoryQuery *query, Db *db, struct sqlite3_stmt **ret_statement) {
        int r = query->failed ? -ENOMEM : db_prepare(db, query->sql, ret_statement);

        if (query->failed)
                snprintf(db->error, sizeof(db->error), "There is too little memory for the query.");
        for (size_t i = 0; i < query->n_binds && r == 0; ++i) {
                if (query->texts[i])
                        db_bind_text(*ret_statement, (int)i + 1, query->texts[i], strlen(query->texts[i]));
                else
                        db_bind_number(*ret_statement, (int)i + 1, query->numbers[i]);
        }
        free(query->sql);
        query->sql = NULL;

        return r;
}

static int query_insert_span(Db *db, const HistoryBoot *boot, const HistorySpan *span) {
        uint64_t since_ns, until_ns;
        char sql[256];

        if (!history_boot_span(boot, span, &since_ns, &until_ns))
                return 0;
        snprintf(sql, sizeof(sql), "INSERT INTO temp.span VALUES (%llu, %llu, %llu, %llu)",
                 (unsigned long long)boot->id, (unsigned long long)since_ns, (unsigned long long)until_ns,
                 (unsigned long long)boot->end_ns);

        return db_exec(db, sql);
}

/**
 * history_query_span() - choose the span of the statements that follow
 * @db:         the database
 * @clock:      its boots
 * @options:    the boot, if one is chosen
 * @span:       the span by the wall clock
 *
 * Return: 0, or a negative errno.
 */
int history_query_span(Db *db, const HistoryClock *clock, const HistoryOptions *options, const HistorySpan *span) {
        const HistoryBoot *only = options->boot ? history_clock_find(clock, options->boot) : NULL;
        int r = db_exec(db, span_sql);

        for (size_t i = 0; i < clock->n_boots && r == 0; ++i)
                if (!options->boot || clock->boots + i == only)
                        r = query_insert_span(db, clock->boots + i, span);

        return r;
}
