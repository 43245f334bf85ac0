/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Each criterion of proto/filter_criteria.h, all the way: the option's text, the tb_filter
 * of it, the request as bytes, the broker's Filter, and the library's deep copy. The values
 * come from the rows, so that a new row is tested without a line here.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/output/request_decode.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/connect/filter_options.h"
#include "clients/lib/encode_request.h"
#include "clients/lib/filter_copy.h"
#include "proto/frame.h"

typedef struct Row Row;

enum { NUMBERS, TEXTS, PATHS, CPU_LIST, FLAG };
enum { TASK, EVENT };

struct Row {
        const char *name;
        int option;
        int shape;
        int scope;
        unsigned int max;
};

static const Row rows[] = {
#define ROW(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, ...)                                        \
        { #name, FILTER_OPTIONS_OPTION_##OPTION, shape, scope, max },
        FILTER_CRITERIA(ROW)
#undef ROW
};

static FilterOptions options;

/* The values that getopt_long() would return stay at their address, as argv does. */
static char values[ARRAY_SIZE(rows)][64][32];

/* The value of a criterion that comes in place @k: no two are alike. */
static uint32_t number_of(size_t row, unsigned int k) {
        return 1000 + (uint32_t)row * 100 + k;
}

static void text_of(size_t row, unsigned int k, char text[static 32]) {
        static const char *const before[] = {
                [NUMBERS] = "", [TEXTS] = "text-", [PATHS] = "/path/", [CPU_LIST] = "", [FLAG] = ""};
        static const char *const after[] = {
                [NUMBERS] = "", [TEXTS] = "*", [PATHS] = "", [CPU_LIST] = "-8000", [FLAG] = ""};

        snprintf(text, 32, "%s%u%s", before[rows[row].shape], number_of(row, k), after[rows[row].shape]);
}

static void give(size_t row, unsigned int n) {
        for (unsigned int k = 0; k < n; ++k) {
                text_of(row, k, values[row][k]);
                assert(filter_options_read_option(&options, "test", rows[row].option, values[row][k]) ==
                       EXIT_STATUS_OK);
        }
}

static void check_numbers(size_t row, const uint32_t *numbers, size_t n, unsigned int due) {
        assert(n == due);
        for (unsigned int k = 0; k < due; ++k)
                assert(numbers[k] == number_of(row, k));
}

static void check_text(size_t row, unsigned int k, const char *text) {
        char due[32];

        text_of(row, k, due);
        assert(strcmp(text, due) == 0);
}

/* @n is how many values each criterion has; @only: that one alone has any. */
static unsigned int due_of(size_t row, bool full, size_t only) {
        if (only < ARRAY_SIZE(rows) && row != only)
                return 0;
        return full ? rows[row].max : 1;
}

static void check_library(const struct tb_filter *filter, bool full, size_t only) {
        size_t row = 0;

#define CHECK_NUMBERS(name) check_numbers(row, filter->name, filter->n_##name, due_of(row, full, only));
#define CHECK_TEXTS(name)                                                                                              \
        assert(filter->n_##name == due_of(row, full, only));                                                           \
        for (unsigned int k = 0; k < filter->n_##name; ++k)                                                            \
                check_text(row, k, filter->name[k]);
#define CHECK_PATHS(name) CHECK_TEXTS(name)
#define CHECK_CPU_LIST(name)                                                                                           \
        assert(!filter->name == !due_of(row, full, only));                                                             \
        if (filter->name)                                                                                              \
                check_text(row, 0, filter->name);
#define CHECK_FLAG(name) assert(filter->name == (due_of(row, full, only) > 0));
#define CHECK(name, NAME, shape, ...)                                                                                  \
        CHECK_##shape(name);                                                                                           \
        ++row;
        FILTER_CRITERIA(CHECK)
#undef CHECK
#undef CHECK_CPU_LIST
}

static void check_broker(const Filter *filter, bool full, size_t only) {
        size_t row = 0;

        assert(!filter_matches_all(filter));
#define CHECK_CPU_LIST(name)                                                                                           \
        for (uint32_t cpu = 0; cpu < FILTER_CPUS; ++cpu)                                                               \
                assert((filter->name[cpu / 64] >> (cpu % 64) & 1) ==                                                   \
                       (due_of(row, full, only) > 0 && cpu >= number_of(row, 0) && cpu <= 8000));
#define CHECK(name, NAME, shape, ...)                                                                                  \
        assert(filter_has_##name(filter) == (due_of(row, full, only) > 0));                                            \
        CHECK_##shape(name);                                                                                           \
        ++row;
        FILTER_CRITERIA(CHECK)
#undef CHECK
}

/* Return: the result of request_decode(). */
static int decode(const uint8_t *frame, size_t n_frame, Request *ret_request, EncodedError *ret_error) {
        size_t n_prefix, n_message;

        assert(frame_parse(frame, n_frame, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message) == 0);
        assert(n_prefix + n_message == n_frame);
        return request_decode(frame + n_prefix, n_message, ret_request, ret_error);
}

static void check_way(bool full, size_t only) {
        static uint8_t frame[ENCODE_REQUEST_MAX], again[ENCODE_REQUEST_MAX];
        struct tb_subscription subscription = { .filter = options.wanted };
        static Request request;
        FilterCopy copy = { 0 };
        EncodedError error;
        size_t n;

        check_library(&options.wanted, full, only);
        n = encode_subscribe(frame, 7, &subscription, NULL, NULL);
        assert(decode(frame, n, &request, &error) == 0);
        check_broker(&request.subscription.key.filter, full, only);

        /* The copy keeps no pointer into the program's memory, which is overwritten here. */
        assert(filter_copy_set(&copy, &options.wanted) == 0);
        memset(&options, 0xa5, sizeof(options));
        memset(values, 0xa5, sizeof(values));
        check_library(&copy.filter, full, only);
        subscription.filter = copy.filter;
        assert(encode_subscribe(again, 7, &subscription, NULL, NULL) == n && memcmp(frame, again, n) == 0);
        filter_copy_deinit(&copy);
        assert(!copy.texts && !copy.filter.uids);
}

static void test_all(void) {
        filter_options_init(&options);
        for (size_t row = 0; row < ARRAY_SIZE(rows); ++row)
                give(row, rows[row].max);
        check_way(true, SIZE_MAX);
}

static void test_each_alone(void) {
        for (size_t row = 0; row < ARRAY_SIZE(rows); ++row)
                for (int full = 0; full < 2; ++full) {
                        filter_options_init(&options);
                        give(row, full ? rows[row].max : 1);
                        check_way(full, row);
                }
}

/* Requests for samples accept criteria about tasks. They refuse criteria about events by name. */
static void test_samples(void) {
        static uint8_t frame[ENCODE_REQUEST_MAX];
        static Request request;
        char field[64];

        for (size_t row = 0; row < ARRAY_SIZE(rows); ++row) {
                struct tb_sampling sampling = { .interval_ms = 1000 };
                EncodedError error;
                int r;

                filter_options_init(&options);
                give(row, 1);
                sampling.filter = options.wanted;
                r = decode(frame, encode_sample(frame, 7, &sampling, NULL), &request, &error);
                assert(r == (rows[row].scope == EVENT ? REQUEST_E_REFUSED : 0));
                if (r == 0) {
                        check_broker(&request.subscription.key.filter, false, row);
                        continue;
                }
                snprintf(field, sizeof(field), "subscribe_samples.filter.%s", rows[row].name);
                assert(error.code == ERROR_BAD_VALUE && !error.closing && strcmp(error.field, field) == 0);
        }
}

int main(void) {
        test_all();
        test_each_alone();
        test_samples();
        return 0;
}
