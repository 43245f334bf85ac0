/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A message of a client: it is refused with a reason, or what comes out of it
 * keeps the promises that the broker builds on. Decoded twice it is the same, so
 * that two subscriptions alike share a feed.
 */

#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/request_decode.h"
#include "broker/policy/filter_matcher.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text, size_t n_max, bool empty_allowed) {
        size_t n = strnlen(text, n_max + 1);

        assert(n <= n_max && (n > 0 || empty_allowed));
}

static void check_filter(const Filter *filter) {
        assert(filter->n_uids <= FILTER_UIDS_MAX && filter->n_pids <= FILTER_PIDS_MAX);
        assert(filter->n_subtrees <= FILTER_SUBTREES_MAX);
        assert(filter->n_comms <= FILTER_COMMS_MAX && filter->n_cgroups <= FILTER_CGROUPS_MAX);
        for (size_t i = 0; i < filter->n_comms; ++i)
                check_text(filter->comms[i], FILTER_COMMS_BYTES_MAX, false);
        for (size_t i = 0; i < filter->n_cgroups; ++i) {
                const char *path = filter->cgroups[i];

                /* "" is the root, and all below it */
                check_text(path, FILTER_CGROUPS_BYTES_MAX, true);
                assert(*path == 0 || (*path == '/' && path[strlen(path) - 1] != '/'));
        }
        for (size_t i = 0; !filter->has_cpus && i < ARRAY_SIZE(filter->cpus); ++i)
                assert(filter->cpus[i] == 0);
}

/* Checks that any accepted filter can judge any event. */
static void check_judging(const Filter *filter) {
        static const Event events[] = {
                { .kind = EVENT_EXEC, .pid = 7, .tid = 8, .comm = "a" },
                { .kind = EVENT_EXIT, .pid = 7, .tid = 7, .comm = "[*]\\?", .cpu = UINT32_MAX },
                { .kind = EVENT_FORK, .pid = 1, .tid = 1, .comm = "0123456789abcde", .cpu = 8191 },
        };

        FilterMatcher matcher;

        assert(filter_matcher_init(&matcher, filter) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(events); ++i) {
                uint64_t n_steps = matcher.n_steps;

                assert(filter_matcher_judge(&matcher, &events[i], NULL) <= FILTER_ENTERS);
                assert(matcher.n_steps - n_steps <= FILTER_STEPS_MAX);
        }
        filter_matcher_deinit(&matcher);
}

static void check_subscription(const Subscription *subscription) {
        const uint32_t all = (EVENT_BIT(_EVENT_KIND_N) - 1) & ~1u;
        const SubscriptionKey *key = &subscription->key;

        assert(key->kinds & EVENT_BIT(EVENT_LOSS) && !(key->kinds & ~all));
        assert(subscription->max_delay_ms <= LIMIT_DELAY_MS);
        check_filter(&key->filter);
        check_judging(&key->filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        static Request request, again;
        EncodedError error;
        int r;

        memset(&request, 0x55, sizeof(request));
        r = request_decode(data, n_data, &request, &error);
        if (r) {
                uint8_t frame[ENCODED_REPLY_MAX];

                assert(r == REQUEST_E_REFUSED && error.code > 0);
                assert(error.message && strlen(error.message) > 10);
                assert(encode_error(&error, frame) <= sizeof(frame));
                return 0;
        }
        memset(&again, 0xaa, sizeof(again));
        assert(request_decode(data, n_data, &again, &error) == 0);
        assert(again.id == request.id && again.type == request.type);
        if (request.type == REQUEST_STATS) {
                assert(request.stats.n_pids + request.stats.n_tids > 0);
                assert(request.stats.n_pids <= LIMIT_STATS_NUMBERS && request.stats.n_tids <= LIMIT_STATS_NUMBERS);
                assert(request.stats.n_pids + request.stats.n_tids <= LIMIT_STATS_NUMBERS);
        }
        if (request.type == REQUEST_SAMPLE) {
                assert(request.sampling.interval_ms >= LIMIT_SAMPLE_MS_MIN);
                assert(request.sampling.interval_ms <= LIMIT_SAMPLE_MS_MAX);
                assert(request.sampling.groups > 0);
                check_filter(&request.subscription.key.filter);
        }
        if (request.type == REQUEST_SUBSCRIBE)
                check_subscription(&request.subscription);
        if (request.type == REQUEST_SUBSCRIBE || request.type == REQUEST_SAMPLE) {
                assert(subscription_key_equals(&request.subscription.key, &again.subscription.key));
        }
        return 0;
}
