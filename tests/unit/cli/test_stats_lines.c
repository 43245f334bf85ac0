/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The statistics of a task as lines: values, rates, and groups that are missing.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/text/stats_lines.h"
#include "tests/unit/top_rig.h"

static const StatsLine *stat_of(const StatsLine *stats, size_t n, const char *name) {
        for (size_t i = 0; i < n; ++i)
                if (strcmp(stats[i].heading ? stats[i].heading : stats[i].name, name) == 0)
                        return stats + i;

        assert(!"there is such a line");
        return NULL;
}

static size_t lines_of(const Live *live, const LiveRow *row, StatsLine lines[static STATS_LINES_MAX]) {
        MetricRates rates;

        live_rates(live, row, &rates);
        return stats_lines(row->sampled ? &row->stats : NULL, &rates, row->ended, lines);
}

static void test_stats(void) {
        static StatsLine stats[STATS_LINES_MAX];
        Live live;
        size_t n;

        make_live(&live);
        n = lines_of(&live, live_find(&live, 11), stats);
        assert(n < STATS_LINES_MAX);
        assert(strcmp(stat_of(stats, n, "cpu_run_virtual_total_ns")->value, "900ms") == 0);
        assert(strcmp(stat_of(stats, n, "cpu_run_virtual_total_ns")->rate, "90.0%") == 0);
        assert(strcmp(stat_of(stats, n, "for a processor")->value, "450ms") == 0);
        n = lines_of(&live, live_find(&live, 10), stats);
        assert(strcmp(stat_of(stats, n, "read_bytes")->value, "8.8K") == 0);
        assert(strcmp(stat_of(stats, n, "read_bytes")->note, "9 000 bytes") == 0);

        /* A missing group has one line, with the reason. */
        n = lines_of(&live, live_find(&live, 12), stats);
        assert(strstr(stat_of(stats, n, "input and output")->note, "hidden"));
        for (size_t i = 0; i < n; ++i)
                assert(stats[i].heading || strcmp(stats[i].name, "read_bytes") != 0);
        n = lines_of(&live, live_find(&live, 13), stats);
        assert(strstr(stat_of(stats, n, "other waiting")->note, "not counted"));
        for (size_t i = 0; i < n; ++i)
                assert(stats[i].heading || strcmp(stats[i].name, "for storage") != 0);

        live_deinit(&live);
}

/* A field that the kernel's record does not have is "-", and never 0. */
static void test_versions(void) {
        static StatsLine lines[STATS_LINES_MAX];

        for (uint32_t version = 8; version < 18; ++version) {
                struct tb_task_stats stats = { .groups = UINT32_MAX, .taskstats_version = version };
                size_t n = stats_lines(&stats, NULL, true, lines);

                assert((strcmp(stat_of(lines, n, "ac_tgetime_us")->value, "-") == 0) == (version < 12));
                assert((strcmp(stat_of(lines, n, "ac_tgid")->value, "-") == 0) == (version < 12));
                assert(strcmp(stat_of(lines, n, "ac_pid")->value, "0") == 0);
        }
}

int main(void) {
        test_stats();
        test_versions();
        return 0;
}
