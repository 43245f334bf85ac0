/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterBudget: how much one feed's filter may work. The work is counted in steps of the
 * filter, and the time is the time of the events. So the load of the machine does not
 * change what the filter may do. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/policy/quota.h"

typedef struct FilterBudget FilterBudget;

struct FilterBudget {
        uint64_t n_charged;     /* steps that were charged so far */
        uint64_t paid_ns;       /* when all of them are paid for */
        bool over;              /* the filter judges no event until half of the budget is free again */
};

uint64_t filter_budget_step_ns(const QuotaRate *rate, uint64_t n_filters);
void filter_budget_charge(FilterBudget *budget, uint64_t n_steps, uint64_t step_ns, uint64_t now_ns);
bool filter_budget_allows(FilterBudget *budget, uint64_t ahead_ns, uint64_t now_ns);
