/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The lists of a filter in order: what a walk along the list finds is found in a few steps. */

#include "broker/base/util.h"
#include "broker/policy/filter_index.h"
#include "tests/unit/harness.h"

/* Comparisons to find one of 64 numbers. */
#define NUMBER_STEPS 7u

static bool list_has(const uint32_t *numbers, size_t n, uint32_t number, size_t *ret_place) {
        for (size_t i = 0; i < n; ++i) {
                *ret_place = i;
                if (numbers[i] == number)
                        return true;
        }
        return false;
}

/* Lists of any length, with numbers that are there twice. */
static void test_numbers(void) {
        uint64_t state = 99;

        for (int round = 0; round < 2000; ++round) {
                uint32_t range = 1 + (uint32_t)random_below(&state, 200);
                Filter filter = {};
                FilterIndex index;

                filter.n_uids = (uint32_t)random_below(&state, FILTER_UIDS_MAX + 1);
                filter.n_pids = (uint32_t)random_below(&state, FILTER_PIDS_MAX + 1);
                for (size_t i = 0; i < filter.n_uids; ++i)
                        filter.uids[i] = UINT32_MAX - (uint32_t)random_below(&state, range);
                for (size_t i = 0; i < filter.n_pids; ++i)
                        filter.pids[i] = (uint32_t)random_below(&state, range);
                filter_index_init(&index, &filter);
                for (uint32_t number = 0; number <= range; ++number) {
                        uint64_t n_steps = 0;
                        size_t place;

                        assert(filter_index_has_uid(&index, UINT32_MAX - number, &n_steps) ==
                               list_has(filter.uids, filter.n_uids, UINT32_MAX - number, &place));
                        assert(n_steps <= NUMBER_STEPS);
                        n_steps = 0;
                        if (list_has(filter.pids, filter.n_pids, number, &place))
                                assert(filter_index_find_pid(&index, number, &n_steps) == place);
                        else
                                assert(filter_index_find_pid(&index, number, &n_steps) == FILTER_INDEX_NONE);
                        assert(n_steps <= NUMBER_STEPS);
                }
        }
}

static bool paths_have(const Filter *filter, const char *path) {
        for (size_t i = 0; i < filter->n_cgroups; ++i) {
                size_t n = strlen(filter->cgroups[i]);

                if (strncmp(path, filter->cgroups[i], n) == 0 && (path[n] == 0 || path[n] == '/'))
                        return true;
        }
        return false;
}

/* Components that begin alike, with bytes before and behind '/' in the order of bytes. */
static void make_path(uint64_t *state, char *path, size_t n_max) {
        static const char *const components[] = { "a", "ab", "a.b", "a-b", "a!", "b", "\xff", "a\x01" };

        path[0] = 0;
        for (uint64_t n = random_below(state, n_max + 1); n > 0; --n)
                sprintf(path + strlen(path), "/%s", components[random_below(state, ARRAY_SIZE(components))]);
}

static void test_cgroups(void) {
        uint64_t state = 1234;
        size_t n_found = 0;

        for (int round = 0; round < 20000; ++round) {
                Filter filter = { .n_cgroups = 1 + (uint32_t)random_below(&state, FILTER_CGROUPS_MAX) };
                FilterIndex index;

                for (size_t i = 0; i < filter.n_cgroups; ++i)
                        do
                                make_path(&state, filter.cgroups[i], 4);
                        while (!filter.cgroups[i][0] && random_below(&state, 20));
                filter_index_init(&index, &filter);
                for (int k = 0; k < 20; ++k) {
                        uint64_t n_steps = 0;
                        char path[64];

                        make_path(&state, path, 5);
                        if (path[0] == 0)
                                strcpy(path, "/");
                        assert(filter_index_has_cgroup(&index, &filter, path, &n_steps) == paths_have(&filter, path));
                        n_found += paths_have(&filter, path);
                }
        }
        assert(n_found > 20000);
}

/* The longest paths, which differ in their last byte only, and a path that is longer still. */
static void test_long_cgroups(void) {
        Filter filter = { .n_cgroups = FILTER_CGROUPS_MAX };
        static char path[4096];
        FilterIndex index;

        for (size_t i = 0; i < filter.n_cgroups; ++i) {
                memset(filter.cgroups[i], 'x', FILTER_CGROUPS_BYTES_MAX);
                filter.cgroups[i][0] = '/';
                filter.cgroups[i][FILTER_CGROUPS_BYTES_MAX - 1] = (char)('h' - (char)i);
        }
        filter_index_init(&index, &filter);
        assert(index.n_cgroups == FILTER_CGROUPS_MAX);
        for (int c = 1; c < 256; ++c) {
                uint64_t n_steps = 0;

                memset(path, 'x', sizeof(path) - 1);
                path[0] = '/';
                path[FILTER_CGROUPS_BYTES_MAX - 1] = (char)c;
                path[FILTER_CGROUPS_BYTES_MAX] = '/';
                assert(filter_index_has_cgroup(&index, &filter, path, &n_steps) == (c >= 'a' && c <= 'h'));
                path[FILTER_CGROUPS_BYTES_MAX] = 'x';
                assert(!filter_index_has_cgroup(&index, &filter, path, &n_steps));
                /* four of the eight, eight bytes a step, and the length */
                assert(n_steps <= 2 * (4 * (1 + FILTER_CGROUPS_BYTES_MAX / 8) + 33));
        }
}

int main(void) {
        test_numbers();
        test_cgroups();
        test_long_cgroups();
        return 0;
}
