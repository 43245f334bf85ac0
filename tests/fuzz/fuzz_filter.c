/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Lists of processors, and patterns against names, each text ended by a NUL. A list
 * is read as a slow reading of the same says; a pattern may match or not, and
 * takes no long time over it.
 */

#include <fnmatch.h>

#include "broker/policy/filter.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/harness.h"

static const FilterBinding set = { .mark = 1 };

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

        memset(&filter, 0, sizeof(filter));
        memset(expected, 0, sizeof(expected));
        assert(filter_parse_cpus(&filter, text) == cpus_expect(text, expected));
        if (!cpus_expect(text, expected))
                return;
        for (uint32_t cpu = 0; cpu < FILTER_CPUS; ++cpu) {
                Event event = { .kind = EVENT_COREDUMP, .cpu = cpu };

                assert((filter_judge(&filter, &set, &event, NULL) == FILTER_PASSES) == expected[cpu]);
        }
}

static void check_pattern(const char *pattern, const char *comm) {
        static Filter filter;
        Event event = { .kind = EVENT_COREDUMP };

        if (!*pattern || strlen(pattern) > FILTER_COMMS_BYTES_MAX)
                return;
        memset(&filter, 0, sizeof(filter));
        filter.n_comms = 1;
        strcpy(filter.comms[0], pattern);
        snprintf(event.comm, sizeof(event.comm), "%s", comm);
        assert((filter_judge(&filter, &set, &event, NULL) == FILTER_PASSES) == (fnmatch(pattern, event.comm, 0) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        char *texts = malloc(n_data + 2);
        const char *second;

        assert(texts);
        memcpy(texts, data, n_data);
        texts[n_data] = texts[n_data + 1] = 0;
        second = texts + strlen(texts) + 1;
        if (second > texts + n_data)
                second = texts + n_data;

        check_cpus(texts);
        check_pattern(texts, second);
        free(texts);
        return 0;
}
