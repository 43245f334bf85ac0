/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rates over a span. The use of a process is spread evenly over its life, because only its
 * sum is known. Called by history_graph.c.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/history/history_buckets.h"
#include "clients/cli/history/history_query.h"

#define NS_PER_S 1e9

const char *const history_rate_names[] = {
        [HISTORY_RATE_FORKS] = "forks/s",  [HISTORY_RATE_EXITS] = "exits/s", [HISTORY_RATE_FAILURES] = "failures/s",
        [HISTORY_RATE_CPU] = "processors", [HISTORY_RATE_READ] = "read/s",   [HISTORY_RATE_WRITE] = "write/s",
};

/* The beginning of a part; of part n the end of the span. */
uint64_t history_buckets_time(const HistoryBuckets *buckets, size_t i) {
        return buckets->since_ns +
               (uint64_t)((double)(buckets->until_ns - buckets->since_ns) * (double)i / (double)buckets->n);
}

const char *history_rate_text(char text[static FORMAT_MAX], HistoryRate rate, double value) {
        if (rate == HISTORY_RATE_READ || rate == HISTORY_RATE_WRITE)
                return format_bytes(text, (uint64_t)value);
        snprintf(text, FORMAT_MAX, value < 10 ? "%.2f" : "%.0f", value);

        return text;
}

static double buckets_at(const HistoryBuckets *buckets, uint64_t wall_ns) {
        double length = (double)(buckets->until_ns - buckets->since_ns) / (double)buckets->n;

        return ((double)wall_ns - (double)buckets->since_ns) / length;
}

/* Adds something that happened at a time. */
static void buckets_add(HistoryBuckets *buckets, HistoryRate rate, uint64_t wall_ns) {
        double at = buckets_at(buckets, wall_ns);

        if (at >= 0 && at < (double)buckets->n)
                buckets->rates[rate][(size_t)at] += 1;
}

/* Spreads an amount over a life. */
static void buckets_spread(HistoryBuckets *buckets, HistoryRate rate, uint64_t begin_ns, uint64_t end_ns,
                           double amount) {
        double begin = buckets_at(buckets, begin_ns), end = buckets_at(buckets, end_ns), length = end - begin;
        double from = begin > 0 ? begin : 0, to = end < (double)buckets->n ? end : (double)buckets->n;

        if (length <= 0) {
                if (begin >= 0 && begin < (double)buckets->n)
                        buckets->rates[rate][(size_t)begin] += amount;
                return;
        }
        for (size_t i = (size_t)from; from < to && i < buckets->n; ++i) {
                double edge = (double)(i + 1) < to ? (double)(i + 1) : to;

                buckets->rates[rate][i] += amount * (edge - from) / length;
                from = edge;
        }
}

static void buckets_add_row(HistoryBuckets *buckets, History *history, struct sqlite3_stmt *row) {
        uint64_t boot = db_number(row, 0);
        uint64_t start_ns = history_clock_wall(&history->clock, boot, db_number(row, 1));
        uint64_t end_ns = history_clock_wall(&history->clock, boot, db_number(row, 2));

        /* A process that was found alive was not forked in the span that its start says, as far as is recorded. */
        if (!db_is_null(row, 1))
                buckets_add(buckets, HISTORY_RATE_FORKS, start_ns);
        if (db_is_null(row, 2))
                return;
        buckets_add(buckets, HISTORY_RATE_EXITS, end_ns);
        if (db_number(row, 3))
                buckets_add(buckets, HISTORY_RATE_FAILURES, end_ns);
        if (db_is_null(row, 1))
                start_ns = end_ns;
        for (int i = 0; i < 3; ++i)
                buckets_spread(buckets, (HistoryRate)(HISTORY_RATE_CPU + i), start_ns, end_ns,
                               (double)db_number(row, 4 + i) / (i ? 1 : NS_PER_S));
}

/* The span of the options; without one, all that was recorded. */
static int buckets_span(HistoryBuckets *buckets, const History *history) {
        const HistoryClock *clock = &history->clock;
        const HistoryBoot *first = clock->boots, *last = clock->boots + clock->n_boots - 1;

        if (clock->n_boots == 0)
                return -ENODATA;
        if (history->options.boot)
                first = last = history_clock_find(clock, history->options.boot);
        buckets->since_ns = history->options.span.since_ns;
        buckets->until_ns = history->options.span.until_ns;
        if (!buckets->since_ns)
                buckets->since_ns = history_clock_wall(clock, first->id, first->begin_ns);
        if (!buckets->until_ns)
                buckets->until_ns = history_clock_wall(clock, last->id, last->end_ns);

        return buckets->until_ns > buckets->since_ns ? 0 : -ENODATA;
}

static int buckets_fill_rows(HistoryBuckets *buckets, History *history) {
        struct sqlite3_stmt *rows;
        HistoryQuery query;
        int r;

        history_query_begin(&query, &history->options);
        history_query_add(&query, "SELECT p.boot, p.start_ns, p.end_ns, " HISTORY_SQL_FAILED
                          ", p.cpu_run_virtual_total_ns, p.read_bytes, max(p.write_bytes - p.cancelled_write_bytes, 0)"
                          " FROM p");
        r = history_query_prepare(&query, &history->db, &rows);
        while (r >= 0 && (r = db_step(&history->db, rows)) > 0)
                buckets_add_row(buckets, history, rows);
        db_finalize(rows);

        return r;
}

static void buckets_mark(HistoryBuckets *buckets, uint64_t begin_ns, uint64_t end_ns) {
        for (size_t i = 0; i < buckets->n; ++i)
                if (history_buckets_time(buckets, i) <= end_ns && history_buckets_time(buckets, i + 1) > begin_ns)
                        buckets->missing[i] = true;
}

static int buckets_fill_losses(HistoryBuckets *buckets, History *history) {
        struct sqlite3_stmt *rows;
        int r;

        r = db_prepare(&history->db, "SELECT boot, coalesce(since_ns, time_ns), time_ns FROM loss"
                                     " WHERE missing <> 'none'", &rows);
        while (r >= 0 && (r = db_step(&history->db, rows)) > 0)
                buckets_mark(buckets, history_clock_wall(&history->clock, db_number(rows, 0), db_number(rows, 1)),
                             history_clock_wall(&history->clock, db_number(rows, 0), db_number(rows, 2)));
        db_finalize(rows);

        return r;
}

/**
 * history_buckets_fill() - the rates of the processes that match the filters
 * @buckets:    output
 * @history:    the database; its span was chosen
 * @n:          the number of parts
 *
 * Return: 0; -ENODATA: the span has nothing; another negative errno.
 */
int history_buckets_fill(HistoryBuckets *buckets, History *history, size_t n) {
        double seconds;
        int r;

        memset(buckets, 0, sizeof(*buckets));
        buckets->n = n;
        r = buckets_span(buckets, history);
        if (r == 0)
                r = buckets_fill_rows(buckets, history);
        if (r == 0)
                r = buckets_fill_losses(buckets, history);
        if (r < 0)
                return r;
        seconds = (double)(buckets->until_ns - buckets->since_ns) / NS_PER_S / (double)n;
        for (size_t rate = 0; rate < HISTORY_N_RATES; ++rate)
                for (size_t i = 0; i < n; ++i) {
                        buckets->rates[rate][i] /= seconds;
                        if (buckets->rates[rate][i] > buckets->max[rate])
                                buckets->max[rate] = buckets->rates[rate][i];
                }

        return 0;
}
