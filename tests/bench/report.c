/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/report.h"

static int double_compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

double median(double *values, size_t n) {
        qsort(values, n, sizeof(*values), double_compare);
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* The median over the rounds of an expression in m, a round's measurement, and none, that with nobody listening. */
#define MEDIAN(_row, _expression)                                               \
        ({                                                                      \
                double _values[ROUNDS_MAX];                                     \
                for (size_t _round = 0; _round < n_rounds; ++_round) {          \
                        const Measurement *m = &(_row)[_round];                 \
                        const Measurement *none = &measurements[_round];        \
                        (void)none;                                             \
                        _values[_round] = (_expression);                        \
                }                                                               \
                median(_values, n_rounds);                                      \
        })

static void row_print(const Scenario *scenario,
                      const Measurement *row,
                      const Measurement *measurements,
                      size_t n_rounds) {
        uint64_t lost = 0;

        for (size_t round = 0; round < n_rounds; ++round)
                lost += row[round].lost;
        printf("%-36s %9.0f %8.2f", scenario->name, MEDIAN(row, m->rate), MEDIAN(row, m->rate / none->rate));
        if (scenario->audience == AUDIENCE_BROKER)
                printf(" %7.0f%%", MEDIAN(row, m->cpu_share * 100));
        else
                printf(" %8s", "");
        if (scenario->audience != AUDIENCE_NONE)
                printf(" %9.2f %9.2f", MEDIAN(row, m->us_per_event), MEDIAN(row, m->us_per_datagram));
        else
                printf(" %9s %9s", "", "");
        if (scenario->audience == AUDIENCE_BROKER && scenario->n > 0)
                printf(" %8.0f %8.1f", MEDIAN(row, m->bytes_per_event), MEDIAN(row, m->events_per_read));
        else
                printf(" %8s %8s", "", "");
        if (scenario->audience == AUDIENCE_NONE)
                printf("\n");
        else
                printf(" %7lu\n", lost);
}

/* Do they differ in nothing but the number of subscribers, one here and many there? */
static bool scenarios_pair(const Scenario *one, const Scenario *many) {
        return one->audience == AUDIENCE_BROKER && many->audience == AUDIENCE_BROKER && one->n == 1 &&
               many->n >= 50 && one->delay_ms == many->delay_ms && one->forks_only == many->forks_only;
}

static void delivery_print(const Scenario *one,
                           const Scenario *many,
                           const Measurement *row_one,
                           const Measurement *row_many,
                           const Measurement *measurements,
                           size_t n_rounds) {
        /* each fork comes with an exit, which the subscribers to forks do not get */
        double delivered = one->forks_only ? 0.5 : 1.0;
        double values[ROUNDS_MAX];

        for (size_t round = 0; round < n_rounds; ++round)
                values[round] = (row_many[round].us_per_event - row_one[round].us_per_event) /
                                (double)(many->n - one->n) / delivered;
        printf("each further delivery%s%s, of %.0f bytes: %.3f us of broker CPU\n",
               one->forks_only ? ", forks only" : "",
               one->delay_ms ? "" : ", 0 ms",
               MEDIAN(row_many, m->bytes_per_event),
               median(values, n_rounds));
}

void report_print(const Load *load,
                  const Scenario *scenarios,
                  size_t n_scenarios,
                  const Measurement *measurements,
                  size_t n_rounds) {
        printf("\n%s, two workers\n", load->name);
        printf("%-36s %9s %8s %8s %9s %9s %8s %8s %7s\n",
               "", "rate/s", "of none", "CPU", "us/event", "us/dgram", "B/event", "ev/read", "lost");
        for (size_t i = 0; i < n_scenarios; ++i)
                row_print(&scenarios[i], &measurements[i * ROUNDS_MAX], measurements, n_rounds);
        for (size_t i = 0; i < n_scenarios; ++i) {
                for (size_t j = 0; j < n_scenarios; ++j) {
                        if (scenarios_pair(&scenarios[i], &scenarios[j]))
                                delivery_print(&scenarios[i],
                                               &scenarios[j],
                                               &measurements[i * ROUNDS_MAX],
                                               &measurements[j * ROUNDS_MAX],
                                               measurements,
                                               n_rounds);
                }
        }
}
