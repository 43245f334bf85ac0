/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A feed's filter has a budget of steps, whatever other users do. A filter over its budget
 * judges no events for a while. The stream gets one LOSS for them, at their place and with
 * their number, and goes on. Filters that leave nothing out, and root's, have no budget.
 * A feed that leaves out groups of statistics has a budget too: its exits are encoded for it alone.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/feed_judge.h"
#include "broker/policy/limits.h"

/* Whether a feed's filter has a budget. */
bool feed_has_budget(const Feed *feed) {
        return (!feed->matcher.matches_all || feed->key.left_out) && feed->place.user &&
               !quota_user_is_root(feed->place.user);
}

/**
 * feed_may_judge() - whether a feed's filter is within its budget
 * @feed:    the feed
 * @now_ns:  the time of the event, or now on the time scale of events
 */
bool feed_may_judge(Feed *feed, uint64_t now_ns) {
        const QuotaRate *rate;

        if (!feed_has_budget(feed))
                return true;
        rate = &feed->place.user->quota->limits.rates[QUOTA_FILTERS - _QUOTA_HELD];
        return filter_budget_allows(&feed->budget, rate->at_once * *feed->step_ns, now_ns);
}

/**
 * feed_charge_filter() - charge what a feed's filter did since the last charge
 * @feed:    the feed
 * @now_ns:  the time of the event, or now on the time scale of events
 */
void feed_charge_filter(Feed *feed, uint64_t now_ns) {
        if (feed_has_budget(feed))
                filter_budget_charge(&feed->budget, feed->matcher.n_steps, *feed->step_ns, now_ns);
}

/**
 * feed_bind() - let the numbers of a feed's filter name a process that its readers may know
 * @feed:           the feed
 * @pid:            the process
 * @start_time_ns:  its start; 0: not known
 * @leader:         its leader; NULL: not in the table
 *
 * A process that is hidden when the feed begins is bound when it becomes visible. The start
 * in the table is rounded down if it is from /proc.
 */
void feed_bind(Feed *feed, uint32_t pid, uint64_t start_time_ns, const Task *leader) {
        filter_matcher_bind(&feed->matcher, pid, start_time_ns,
                            leader && (leader->flags & TASK_SEEDED) ? TASK_FORK_DELAY_MAX_NS : 0);
}

/**
 * feed_judge() - apply a feed's filter to an event, at the feed's cost
 * @feed:   the feed, whose filter may judge
 * @event:  the event
 *
 * A feed of processes has the process' leader as the task before the event.
 */
FilterVerdict feed_judge(Feed *feed, const Event *event) {
        const Task *before = feed->key.threads ? event->task_before : event->leader_before;
        FilterVerdict verdict;

        if (feed->matcher.matches_all)
                return FILTER_PASSES;
        verdict = filter_matcher_judge(&feed->matcher, event, before);
        feed_charge_filter(feed, event->time_ns);
        return verdict;
}

/**
 * feed_skip() - count an event that a feed's filter does not judge
 * @feed:   a feed of events
 * @event:  the event, which the feed's readers may know of
 */
void feed_skip(Feed *feed, const Event *event) {
        if (feed->n_skipped++ > 0)
                return;
        feed->gap_since_ns = event->time_ns;
        feed->gap_offset_ns = event->time_offset_ns;
        feed->gap_began = true;
}

/**
 * feed_end_gap() - report the events that a feed's filter did not judge
 * @feed:     a feed of events, whose filter may judge again
 * @time_ns:  the time of the next event, or now on the time scale of events
 */
void feed_end_gap(Feed *feed, uint64_t time_ns) {
        Event loss = {
                .kind = EVENT_LOSS,
                .time_ns = MAX(time_ns, feed->gap_since_ns),
                .time_offset_ns = feed->gap_offset_ns,
                .loss = {
                        .count = feed->n_skipped,
                        .source = LOSS_FILTER,
                        .reason = LOSS_OVER_BUDGET,
                        .since_time_ns = feed->gap_since_ns,
                },
        };

        if (feed->n_skipped == 0)
                return;
        feed->n_skipped = 0;
        feed_append(feed, feed_tail(feed), encode_event(&loss, 0, feed_tail(feed)), loss.time_offset_ns);
}
