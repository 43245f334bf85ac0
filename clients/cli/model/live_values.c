/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The values of a row, and whether they are known. Pure, and changes nothing.
 */

#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/model/live_values.h"

#define NS_PER_S 1e9

/* Whether the total of a row is known. */
static enum metric_known live_known(const LiveRow *row, unsigned int metric) {
        if (row->ended && row->stats_missing != TB_STATS_MISSING_NO)
                return METRIC_LOST;
        if (!row->sampled)
                return METRIC_NOT_YET;

        return metric_known(&row->stats, metric);
}

enum metric_known live_total(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value) {
        enum metric_known known = live_known(row, metric);

        (void)live;
        *ret_value = 0;
        if (known == METRIC_KNOWN)
                memcpy(ret_value, (const char *)&row->stats + metrics[metric].offset, sizeof(*ret_value));

        return known;
}

enum metric_known live_used(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value) {
        enum metric_known known = live_known(row, metric);

        *ret_value = 0;
        if (known != METRIC_KNOWN)
                return known;
        if (!live->sample.span_ns)
                return METRIC_NOT_YET;

        /* A task that is not in a sample did not run. */
        if (row->sample < live->sample.number)
                return METRIC_KNOWN;
        if (!(row->used_groups & TB_STATS_BIT(metrics[metric].group)))
                return METRIC_NOT_YET;

        *ret_value = row->used[metric];
        return METRIC_KNOWN;
}

enum metric_known live_rate(const Live *live, const LiveRow *row, unsigned int metric, double *ret_per_second) {
        uint64_t used, span_ns = row->span_ns ? row->span_ns : live->sample.span_ns;
        enum metric_known known = live_used(live, row, metric, &used);

        *ret_per_second = known == METRIC_KNOWN ? (double)used * NS_PER_S / (double)span_ns : 0;
        return known;
}

const char *live_user(const LiveRow *row, Users *users) {
        return row->uid || !row->unknown ? users_name(users, row->uid) : "-";
}

void live_name(const LiveRow *row, char *text, size_t n_text) {
        text_name(text, n_text, row->comm[0] || !row->unknown ? row->comm : "-", row->comm_stale);
}

bool live_end_known(const LiveRow *row) {
        return row->end_time_ns && !row->end_noticed;
}

/* The rates of all metrics. */
void live_rates(const Live *live, const LiveRow *row, MetricRates *ret_rates) {
        for (unsigned int i = 0; i < N_METRICS; ++i)
                ret_rates->known[i] = live_rate(live, row, i, ret_rates->per_second + i) == METRIC_KNOWN;
}

enum metric_known live_accumulated(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value) {
        uint64_t total;
        enum metric_known known = live_total(live, row, metric, &total);

        *ret_value = 0;
        if (known != METRIC_KNOWN)
                return known;
        if (!(row->base_groups & TB_STATS_BIT(metrics[metric].group)))
                return METRIC_NOT_YET;

        *ret_value = total > row->base[metric] ? total - row->base[metric] : 0;
        return METRIC_KNOWN;
}

enum metric_known live_machine_rate(const Live *live, unsigned int metric, double *ret_per_second) {
        uint32_t bit = TB_STATS_BIT(metrics[metric].group);

        *ret_per_second = 0;
        if (!live->sample.span_ns)
                return METRIC_NOT_YET;
        if (live->machine_uncounted & bit)
                return METRIC_UNCOUNTED;
        if (live->machine_unsupported & bit)
                return METRIC_UNSUPPORTED;

        *ret_per_second = live->sample.per_second[metric];
        return METRIC_KNOWN;
}
