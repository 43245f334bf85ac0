/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The cost of a filter for one event: of each list at its full length, of all lists
 * together, and of the worst patterns. The names are one name, as in a storm, or as many
 * as there are events. Prints a row for each filter: nanoseconds and steps.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/base/util.h"
#include "broker/policy/filter_matcher.h"

#define EVENTS 65536u
#define ROUNDS 8

typedef struct Row Row;

struct Row {
        const char *title;
        bool uids, pids, cgroups;
        const char *pattern;            /* a number and end follow; NULL: no patterns */
        const char *end;
};

static const Row rows[] = {
        { "64 uids", .uids = true },
        { "64 pids", .pids = true },
        { "8 cgroups of 511 bytes", .cgroups = true },
        { "16 patterns, such as name*", .pattern = "name", "*" },
        { "16 patterns, such as *name*", .pattern = "*name", "*" },
        { "64 uids, 64 pids, 16 patterns, 8 cgroups", true, true, true, "*name", "*" },
        { "16 worst patterns", .pattern = "*[[:alpha:]][[:alpha:]][[:alpha:]][[:alpha:]][[:alpha:]]", "" },
        { "16 longest patterns", .pattern = "?????????????????????????????????????????????????????????????", "" },
};

static char names[EVENTS][COMM_SIZE];

static uint64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* The event's user and process are in the lists, and its name matches the last pattern if there are other criteria. */
static void fill(Filter *filter, const Row *row) {
        bool several = row->uids && row->pids;

        memset(filter, 0, sizeof(*filter));
        for (uint32_t i = 0; i < FILTER_UIDS_MAX && row->uids; ++i)
                filter->uids[filter->n_uids++] = several ? 1000 - i : 2000 + i;
        for (uint32_t i = 0; i < FILTER_PIDS_MAX && row->pids; ++i)
                filter->pids[filter->n_pids++] = several ? 777 + FILTER_PIDS_MAX - 1 - i : 2000 + i;
        for (size_t i = 0; i < FILTER_COMMS_MAX && row->pattern; ++i)
                snprintf(filter->comms[filter->n_comms++], sizeof(filter->comms[0]), "%s%02zu%s", row->pattern, i,
                         row->end);
        if (several)
                strcpy(filter->comms[FILTER_COMMS_MAX - 1], "*a*");
        for (size_t i = 0; i < FILTER_CGROUPS_MAX && row->cgroups; ++i) {
                memset(filter->cgroups[i], 'x', FILTER_CGROUPS_BYTES_MAX);
                filter->cgroups[i][0] = '/';
                filter->cgroups[i][FILTER_CGROUPS_BYTES_MAX - 1] = (char)('0' + i);
                ++filter->n_cgroups;
        }
}

static Program *make_program(void) {
        Program *program = calloc(1, sizeof(*program) + FILTER_CGROUPS_BYTES_MAX + 1);

        if (!program)
                abort();
        program->n_cgroup = FILTER_CGROUPS_BYTES_MAX;
        memset(program->bytes, 'x', FILTER_CGROUPS_BYTES_MAX);
        program->bytes[0] = '/';
        return program;
}

static void measure(const Row *row, size_t n_names, const Program *program) {
        static Filter filter;
        Event event = { .kind = EVENT_PTRACE, .pid = 777, .tid = 777, .uid = 1000, .program = program };
        uint64_t best_ns = UINT64_MAX, n_steps = 0;
        FilterMatcher matcher;

        fill(&filter, row);
        if (filter_matcher_init(&matcher, &filter))
                abort();
        for (int round = 0; round < ROUNDS; ++round) {
                uint64_t begin_ns = now_ns();

                n_steps = matcher.n_steps;
                for (size_t i = 0; i < EVENTS; ++i) {
                        memcpy(event.comm, names[i % n_names], COMM_SIZE);
                        (void)filter_matcher_judge(&matcher, &event, NULL);
                }
                n_steps = matcher.n_steps - n_steps;
                best_ns = MIN(best_ns, now_ns() - begin_ns);
        }
        filter_matcher_deinit(&matcher);
        printf("%-44s %7s names  %8.1f ns  %6.1f steps\n", row->title, n_names == 1 ? "same" : "new",
               (double)best_ns / EVENTS, (double)n_steps / EVENTS);
}

int main(void) {
        Program *program = make_program();
        uint64_t state = 1;

        for (size_t i = 0; i < EVENTS; ++i)
                for (size_t k = 0; k < COMM_SIZE - 1; ++k) {
                        state = state * 6364136223846793005u + 1442695040888963407u;
                        names[i][k] = (char)('a' + state % 97 % 26);
                }
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                measure(&rows[i], 1, program);
                measure(&rows[i], EVENTS, program);
        }
        free(program);
        return 0;
}
