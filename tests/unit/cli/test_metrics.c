/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The metrics of statistics: their values, and whether they are known.
 */

#include "clients/cli/model/metrics.h"
#include "tests/unit/live_rig.h"

static void test_metrics(void) {
        struct tb_task_stats stats = {.groups = GROUP_IO | TB_STATS_BIT(TB_STATS_CPU_DELAY),
                                      .withheld_groups = TB_STATS_BIT(TB_STATS_MEMORY),
                                      .uncounted_groups = GROUP_DELAYS,
                                      .unsupported_groups = TB_STATS_BIT(TB_STATS_SCHEDULING)};
        uint64_t values[N_METRICS];

        stats.io.read_bytes = 11;
        stats.delays.cpu = (struct tb_delay){.known = true, .count = 12, .total_ns = 13};
        metrics_read(&stats, values);
        assert(values[METRIC_READ] == 11);
        assert(values[METRIC_DELAY_cpu_count] == 12 && values[METRIC_CPU_DELAY] == 13);

        assert(metric_known(&stats, METRIC_READ) == METRIC_KNOWN);
        assert(metric_known(&stats, METRIC_CPU_DELAY) == METRIC_KNOWN);
        assert(metric_known(&stats, METRIC_ac_minflt) == METRIC_WITHHELD);
        assert(metric_known(&stats, METRIC_IO_DELAY) == METRIC_UNCOUNTED);
        assert(metric_known(&stats, METRIC_nvcsw) == METRIC_UNSUPPORTED);
        assert(metric_known(&stats, METRIC_CPU) == METRIC_NOT_YET);

        /* The record has the group, but this kernel does not measure this delay. */
        stats.groups |= GROUP_DELAYS;
        assert(metric_known(&stats, METRIC_IO_DELAY) == METRIC_UNSUPPORTED);

        for (unsigned int i = 0; i < N_METRICS; ++i)
                assert(metrics[i].name && metrics[i].part && metrics[i].group);
}

int main(void) {
        test_metrics();
        return 0;
}
