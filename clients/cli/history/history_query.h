/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HistoryQuery: a statement about the processes of a span that match the filters. The name
 * "matched" stands for the table process there.
 */

#include "clients/cli/db/db.h"
#include "clients/cli/history/history_clock.h"
#include "clients/cli/history/history_options.h"

typedef struct HistoryQuery HistoryQuery;

/* Texts and numbers of all filters, and of the verb. */
#define HISTORY_BINDS_MAX 256

struct HistoryQuery {
        char *sql;
        size_t n_sql;
        const char *texts[HISTORY_BINDS_MAX];   /* NULL: the number */
        uint64_t numbers[HISTORY_BINDS_MAX];
        size_t n_binds;
        bool failed;                            /* there was no memory */
};

/* SQL: the processor time, storage traffic and delays of a process p; NULL: not known. */
#define HISTORY_SQL_IO "(p.read_bytes + p.write_bytes - p.cancelled_write_bytes)"
#define HISTORY_SQL_DELAY "(p.cpu_delay_total_ns + p.blkio_delay_total_ns + p.swapin_delay_total_ns"                 \
        " + p.freepages_delay_total_ns)"
#define HISTORY_SQL_FAILED                                                                                             \
        "(p.end_ns IS NOT NULL AND coalesce(p.exit_code, 1) + coalesce(p.term_signal, 0) > 0)"

int history_query_span(Db *db, const HistoryClock *clock, const HistoryOptions *options, const HistorySpan *span);
void history_query_begin(HistoryQuery *query, const HistoryOptions *options);
__attribute__((format(printf, 2, 3))) void history_query_add(HistoryQuery *query, const char *format, ...);
int history_query_prepare(HistoryQuery *query, Db *db, struct sqlite3_stmt **ret_statement);
