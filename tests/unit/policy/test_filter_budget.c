/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Budgets of filters: what ordinary and what the worst filters may judge, counted in their own steps. */

#include "broker/base/util.h"
#include "broker/policy/filter_budget.h"
#include "broker/policy/filter_matcher.h"
#include "broker/policy/limits.h"
#include "tests/unit/harness.h"

#define EVENTS_A_SECOND 50000u

/* As many feeds as there can be, each with a filter. */
#define FILTERS_MAX (LIMIT_FEEDS + LIMIT_SAMPLE_FEEDS)

typedef struct Plain Plain;

/* An ordinary filter. */
struct Plain {
        size_t n_uids, n_pids, n_comms;
        const char *around;             /* before and behind each of the names */
};

static const char *const programs[] = {
        "nginx", "postgres", "redis", "sshd", "cron", "java", "node", "php-fpm",
        "python3", "ruby", "mysqld", "httpd", "haproxy", "etcd", "kubelet", "dockerd",
};

static Filter filter_of(const Plain *plain) {
        Filter filter = {};

        for (; filter.n_uids < plain->n_uids; ++filter.n_uids)
                filter.uids[filter.n_uids] = 1000 + filter.n_uids;
        for (; filter.n_pids < plain->n_pids; ++filter.n_pids)
                filter.pids[filter.n_pids] = 1000 + filter.n_pids;
        for (; filter.n_comms < plain->n_comms; ++filter.n_comms)
                sprintf(filter.comms[filter.n_comms], "%s%s*", plain->around, programs[filter.n_comms]);
        return filter;
}

/* The next event of a storm by other users; @n_names: different names that it has. */
static Event storm_event(uint64_t *state, uint64_t n_names) {
        Event event = {
                .kind = EVENT_FORK,
                .pid = 2000 + (uint32_t)random_below(state, 30000),
                .uid = 65534,
                .process_start_ns = 1,
                .origin = { .pid = 1, .known = true, .start_time_ns = 1 },
        };

        sprintf(event.comm, "storm-%u", (unsigned int)random_below(state, n_names));
        return event;
}

/* Ten seconds of a storm; returns how many events the filter did not judge. */
static size_t count_skipped(const Filter *filter, uint64_t n_filters, uint64_t n_names) {
        static const QuotaRate rate = { LIMIT_FILTER_STEPS_A_SECOND, LIMIT_FILTER_STEPS_AT_ONCE };
        uint64_t step_ns = filter_budget_step_ns(&rate, n_filters), state = 5;
        FilterBudget budget = {};
        FilterMatcher matcher;
        size_t n_skipped = 0;

        assert(filter_matcher_init(&matcher, filter) == 0);
        for (uint64_t i = 0; i < 10 * EVENTS_A_SECOND; ++i) {
                uint64_t now_ns = NSEC_PER_SEC + i * (NSEC_PER_SEC / EVENTS_A_SECOND);
                Event event = storm_event(&state, n_names);

                if (!filter_budget_allows(&budget, rate.at_once * step_ns, now_ns)) {
                        ++n_skipped;
                        continue;
                }
                assert(filter_matcher_judge(&matcher, &event, NULL) == FILTER_HIDES);
                filter_budget_charge(&budget, matcher.n_steps, step_ns, now_ns);
        }
        filter_matcher_deinit(&matcher);
        return n_skipped;
}

/* 50,000 events a second of others do not touch an ordinary filter, however many filters and names there are. */
static void test_ordinary(void) {
        static const Plain plains[] = {
                { .n_uids = 1, .around = "" },
                { .n_uids = 64, .around = "" },
                { .n_pids = 64, .around = "" },
                { .n_comms = 3, .around = "" },
                { .n_comms = 16, .around = "" },
                { .n_comms = 16, .around = "*" },
                { .n_uids = 64, .n_pids = 64, .n_comms = 16, .around = "*" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(plains); ++i) {
                Filter filter = filter_of(&plains[i]);

                assert(count_skipped(&filter, 1, 100000) == 0);
                assert(count_skipped(&filter, 40, 100000) == 0);
                assert(count_skipped(&filter, FILTERS_MAX, 4) == 0);
        }
}

/* The worst filter judges what its budget pays for, and no more. */
static void test_worst(void) {
        Filter filter = {};
        size_t n_skipped;

        for (; filter.n_comms < FILTER_COMMS_MAX; ++filter.n_comms) {
                memset(filter.comms[filter.n_comms], '?', FILTER_COMMS_BYTES_MAX);
                filter.comms[filter.n_comms][0] = '*';
        }
        n_skipped = count_skipped(&filter, FILTERS_MAX, 1000000);
        assert(n_skipped > 8 * EVENTS_A_SECOND && n_skipped < 10 * EVENTS_A_SECOND);
}

/* All filters together have their part, one has its own at most, and the time of a step is never 0. */
static void test_step(void) {
        static const QuotaRate rate = { LIMIT_FILTER_STEPS_A_SECOND, LIMIT_FILTER_STEPS_AT_ONCE };

        for (uint64_t n = 0; n <= FILTERS_MAX; ++n) {
                uint64_t step_ns = filter_budget_step_ns(&rate, n);

                assert(step_ns >= NSEC_PER_SEC / LIMIT_FILTER_STEPS_A_SECOND);
                /* a step is rounded to a nanosecond */
                assert(n * (NSEC_PER_SEC / step_ns) < LIMIT_FILTERS_STEPS_A_SECOND / 100 * 101);
        }
        assert(filter_budget_step_ns(&rate, UINT64_MAX) == NSEC_PER_SEC);
}

/* A filter over its budget pauses until half of it is free again. */
static void test_pause(void) {
        FilterBudget budget = {};

        assert(filter_budget_allows(&budget, 100, 1000));
        filter_budget_charge(&budget, 10, 10, 1000);
        assert(budget.paid_ns == 1100 && filter_budget_allows(&budget, 100, 1000));
        filter_budget_charge(&budget, 11, 10, 1000);
        assert(budget.paid_ns == 1110 && !filter_budget_allows(&budget, 100, 1000));
        assert(!filter_budget_allows(&budget, 100, 1059) && filter_budget_allows(&budget, 100, 1060));
        /* the time of an event may step back */
        assert(!filter_budget_allows(&budget, 100, 1000) && filter_budget_allows(&budget, 100, 2000));
        filter_budget_charge(&budget, 11, 10, 2000);
        assert(budget.paid_ns == 2000);
}

int main(void) {
        test_ordinary();
        test_worst();
        test_step();
        test_pause();
        return 0;
}
