/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/util.h"
#include "broker/policy/filter_budget.h"
#include "broker/policy/limits.h"

/**
 * filter_budget_step_ns() - the time in which one step is paid for
 * @rate:       the steps of one filter in a second
 * @n_filters:  all filters, which may take LIMIT_FILTERS_STEPS_A_SECOND together
 */
uint64_t filter_budget_step_ns(const QuotaRate *rate, uint64_t n_filters) {
        uint64_t each = LIMIT_FILTERS_STEPS_A_SECOND / MAX(n_filters, (uint64_t)1);
        uint64_t a_second = MIN(each, (uint64_t)rate->a_second);

        return NSEC_PER_SEC / MAX(a_second, (uint64_t)1);
}

/**
 * filter_budget_charge() - charge the work since the last charge
 * @budget:   the budget
 * @n_steps:  all steps of the filter so far
 * @step_ns:  the time in which one step is paid for
 * @now_ns:   now, on the time scale of events
 */
void filter_budget_charge(FilterBudget *budget, uint64_t n_steps, uint64_t step_ns, uint64_t now_ns) {
        budget->paid_ns = MAX(budget->paid_ns, now_ns) + (n_steps - budget->n_charged) * step_ns;
        budget->n_charged = n_steps;
}

/**
 * filter_budget_allows() - whether the filter may judge the next event
 * @budget:    the budget
 * @ahead_ns:  how far the work may be ahead of what is paid for
 * @now_ns:    now, on the time scale of events
 *
 * Without the pause until half of it is free, a filter over its budget would begin and end a loss at each event.
 */
bool filter_budget_allows(FilterBudget *budget, uint64_t ahead_ns, uint64_t now_ns) {
        budget->over = budget->paid_ns > now_ns + (budget->over ? ahead_ns / 2 : ahead_ns);
        return !budget->over;
}
