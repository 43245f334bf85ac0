/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Lists of processors, and filters of patterns, of cgroups and of users, each text ended
 * by a NUL. A list of processors is read as a slow reading of the same says. A filter
 * does what the C library does for each of its patterns, in a bounded number of steps.
 */

#include <fnmatch.h>

#include "broker/policy/filter_matcher.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/harness.h"

/* The same grammar by other means; false: not a list. */
static bool cpus_expect(const char *text, bool cpus[static FILTER_CPUS]) {
        do {
                uint64_t numbers[2] = {};
                int n_numbers = 0;

                for (;;) {
                        if (*text < '0' || *text > '9')
                                return false;
                        while (*text >= '0' && *text <= '9') {
                                numbers[n_numbers] = numbers[n_numbers] * 10 + (uint64_t)(*text++ - '0');
                                if (numbers[n_numbers] > FILTER_CPUS)
                                        numbers[n_numbers] = FILTER_CPUS;
                        }
                        ++n_numbers;
                        if (n_numbers == 2 || *text != '-')
                                break;
                        ++text;
                }
                if (n_numbers == 1)
                        numbers[1] = numbers[0];
                if (numbers[1] >= FILTER_CPUS || numbers[0] > numbers[1])
                        return false;
                for (uint64_t cpu = numbers[0]; cpu <= numbers[1]; ++cpu)
                        cpus[cpu] = true;
        } while (*text++ == ',');
        return text[-1] == 0;
}

static void check_cpus(const char *text) {
        static bool expected[FILTER_CPUS];
        static Filter filter;
        FilterMatcher matcher;

        memset(&filter, 0, sizeof(filter));
        memset(expected, 0, sizeof(expected));
        assert(filter_parse_cpus(&filter, text) == cpus_expect(text, expected));
        if (!cpus_expect(text, expected))
                return;
        assert(filter_matcher_init(&matcher, &filter) == 0);
        for (uint32_t cpu = 0; cpu < FILTER_CPUS; ++cpu) {
                Event event = { .kind = EVENT_COREDUMP, .cpu = cpu };

                assert((filter_matcher_judge(&matcher, &event, NULL) == FILTER_PASSES) == expected[cpu]);
        }
        filter_matcher_deinit(&matcher);
}

static bool judge(FilterMatcher *matcher, const Event *event) {
        uint64_t n_steps = matcher->n_steps;
        bool passes = filter_matcher_judge(matcher, event, NULL) == FILTER_PASSES;

        assert(matcher->n_steps - n_steps <= FILTER_STEPS_MAX);
        return passes;
}

/* The C library commits itself to the first match behind a '*'. That matters if an odd bracket has two ends. */
static void check_name(FilterMatcher *matcher, const Filter *filter, const char *name) {
        Event event = { .kind = EVENT_COREDUMP };
        bool expected = filter->n_comms == 0;

        snprintf(event.comm, sizeof(event.comm), "%s", name);
        for (size_t i = 0; i < filter->n_comms; ++i)
                expected |= fnmatch(filter->comms[i], event.comm, 0) == 0;
        for (int again = 0; again < 2; ++again)
                assert(judge(matcher, &event) == expected || filter_glob_is_odd(matcher->glob));
}

static void check_path(FilterMatcher *matcher, const Filter *filter, const char *text) {
        size_t n_path = strlen(text) + 2;
        Program *program = calloc(1, sizeof(*program) + n_path);
        Event event = { .kind = EVENT_COREDUMP, .program = program };
        bool expected = filter->n_cgroups == 0;
        char *path;

        assert(program);
        path = (char *)program_cgroup(program);
        sprintf(path, "/%s", text);
        for (size_t i = 0; i < filter->n_cgroups; ++i) {
                size_t n = strlen(filter->cgroups[i]);

                expected |= strncmp(path, filter->cgroups[i], n) == 0 && (path[n] == 0 || path[n] == '/');
        }
        assert(judge(matcher, &event) == expected);
        free(program);
}

static void check_uid(FilterMatcher *matcher, const Filter *filter, uint32_t uid) {
        Event event = { .kind = EVENT_COREDUMP, .uid = uid };
        bool expected = false;

        for (size_t i = 0; i < filter->n_uids; ++i)
                expected |= filter->uids[i] == uid;
        assert(judge(matcher, &event) == expected);
}

/*
 * All texts are the patterns of one filter, and cgroups too; each is a name and a path as well. The numbers are the
 * bytes. The filter does what a walk along its lists does, and never takes more steps than it may.
 */
static void check_lists(const char *const *texts, size_t n, const uint8_t *numbers, size_t n_numbers) {
        static Filter patterns, paths, uids;
        FilterMatcher by_name, by_path, by_uid;

        memset(&patterns, 0, sizeof(patterns));
        memset(&paths, 0, sizeof(paths));
        memset(&uids, 0, sizeof(uids));
        for (size_t i = 0; i < n; ++i) {
                if (patterns.n_comms < FILTER_COMMS_MAX && *texts[i] && strlen(texts[i]) <= FILTER_COMMS_BYTES_MAX)
                        strcpy(patterns.comms[patterns.n_comms++], texts[i]);
                if (paths.n_cgroups < FILTER_CGROUPS_MAX && strlen(texts[i]) < FILTER_CGROUPS_BYTES_MAX)
                        sprintf(paths.cgroups[paths.n_cgroups++], "%s%s", *texts[i] ? "/" : "", texts[i]);
        }
        for (size_t i = 0; i < n_numbers && i < FILTER_UIDS_MAX; ++i)
                uids.uids[uids.n_uids++] = numbers[i];
        assert(filter_matcher_init(&by_name, &patterns) == 0 && filter_matcher_init(&by_path, &paths) == 0);
        assert(filter_matcher_init(&by_uid, &uids) == 0);
        for (size_t i = 0; i < n; ++i)
                check_name(&by_name, &patterns, texts[i]);
        for (size_t i = 0; i < n; ++i)
                check_path(&by_path, &paths, texts[i]);
        for (unsigned int uid = 0; uid < 256 && uids.n_uids > 0; ++uid)
                check_uid(&by_uid, &uids, uid);
        filter_matcher_deinit(&by_name);
        filter_matcher_deinit(&by_path);
        filter_matcher_deinit(&by_uid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        char *bytes = malloc(n_data + 1);
        const char *texts[32];
        size_t n = 0;

        assert(bytes);
        memcpy(bytes, data, n_data);
        bytes[n_data] = 0;
        for (size_t i = 0; i <= n_data && n < 32; i += strlen(bytes + i) + 1)
                texts[n++] = bytes + i;
        check_cpus(texts[0]);
        check_lists(texts, n, data, n_data);
        free(bytes);
        return 0;
}
