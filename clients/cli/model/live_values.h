/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/base/users.h"
#include "clients/cli/model/live.h"

/*
 * The values of a row. Each function says whether the value is known; if not, the
 * output is 0 and must not be shown.
 */
enum metric_known live_total(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value);
enum metric_known live_used(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value);
enum metric_known live_rate(const Live *live, const LiveRow *row, unsigned int metric, double *ret_per_second);
enum metric_known live_accumulated(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value);

/* The user and the name of a row as texts; "-" if they are not known. */
const char *live_user(const LiveRow *row, Users *users);
void live_name(const LiveRow *row, char *text, size_t n_text);

/* Whether end_time_ns is the time of the end, and not the time when the end was noticed. */
bool live_end_known(const LiveRow *row);

void live_rates(const Live *live, const LiveRow *row, MetricRates *ret_rates);

/* The sum over the rows of the last sample: of the machine, or of the part that the client asked for and may see. */
enum metric_known live_machine_rate(const Live *live, unsigned int metric, double *ret_per_second);
