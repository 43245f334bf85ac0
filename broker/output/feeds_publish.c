/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each feed judges an event by its rights and its filter. The event is encoded once for
 * each variant, directly at the end of the first feed that wants it, and copied from there
 * to the others. A feed that leaves out other groups of statistics has it encoded again, at the feed's cost.
 */

#include "broker/base/util.h"
#include "broker/output/feed_judge.h"
#include "broker/output/feeds_publish.h"
#include "broker/output/feeds_snapshot.h"

/* The work to encode an event for one feed alone, in steps of a filter. */
#define ENCODE_STEPS 1000u

/* The task before the event, as the feed sees it: a feed of processes sees the process' leader. */
static const Task *feed_task_before(const Feed *feed, const Event *event) {
        return feed->key.threads ? event->task_before : event->leader_before;
}

/* Whether the feed can get an event at all: a kind that it has, or a change of its set. */
static bool feed_concerns(const Feed *feed, const Event *event) {
        return feed->key.kinds & EVENT_BIT(event->kind) || event_changes_set(event) || event_changes_task(event);
}

/* Applies the filter, without the rights. */
static FilterVerdict feed_filter(Feed *feed, const Event *event, View view) {
        if (event->kind == EVENT_LOSS)
                return FILTER_PASSES;
        if (!feed_concerns(feed, event))
                return FILTER_HIDES;
        if (!feed_may_judge(feed, event->time_ns)) {
                if (view != VIEW_NONE)
                        feed_skip(feed, event);
                return FILTER_HIDES;
        }
        feed_end_gap(feed, event->time_ns);
        return feed_judge(feed, event);
}

/*
 * Tasks of other users are hidden from some clients (VIEW_NONE). A task that passes to
 * another user leaves the feed, as a task that no longer passes the filter. A task that
 * becomes the client's own enters the feed.
 */
static FilterVerdict feed_hide(const Feed *feed, const Event *event, View view, FilterVerdict verdict) {
        const Task *before = feed_task_before(feed, event);
        bool was = verdict == FILTER_PASSES || verdict == FILTER_LEAVES;
        bool is = verdict == FILTER_PASSES || verdict == FILTER_ENTERS;

        if (verdict == FILTER_HIDES || event->kind == EVENT_LOSS)
                return verdict;
        if (!event_changes_task(event))
                return view == VIEW_NONE ? FILTER_HIDES : verdict;
        was = was && before && policy_view_task(&feed->rights, before) != VIEW_NONE;
        is = is && view != VIEW_NONE;
        if (was)
                return is ? FILTER_PASSES : FILTER_LEAVES;
        return is ? FILTER_ENTERS : FILTER_HIDES;
}

/*
 * How a feed encodes an event: ENCODE_* bits; -1: the feed does not get it. A feed of
 * processes judges the event as the process has it.
 */
static int feed_variant(Feed *feed, const Event *event) {
        const Rights *rights = &feed->rights;
        View view = policy_view_event(rights, event);
        int variant = feed->key.programs ? ENCODE_PROGRAM : 0;
        bool wanted = feed->key.kinds & EVENT_BIT(event->kind);
        FilterVerdict verdict;

        if (view != VIEW_NONE)
                feed_bind(feed, event->pid, event->process_start_ns, event->leader_before);
        verdict = feed_filter(feed, event, view);
        if (view != VIEW_FULL) {
                variant |= ENCODE_PUBLIC | (rights->exit_status ? ENCODE_STATUS : 0);
                /* The filter must not select by an exit status that the reader may not know. */
                if (feed->key.filter.nonzero && event->kind == EVENT_EXIT && !rights->exit_status)
                        return -1;
        }
        if (!rights->all && !rights->others)
                verdict = feed_hide(feed, event, view, verdict);
        else if (view == VIEW_NONE)
                return -1;
        switch (verdict) {
        case FILTER_HIDES:
                return -1;
        case FILTER_PASSES:
                return wanted && !event->only_for_sets ? variant : -1;
        case FILTER_ENTERS:
                return variant;
        case FILTER_LEAVES:
                return variant | ENCODE_LEFT;
        }
        return -1;
}

/* An event as it was encoded for the first feed of each variant. */
typedef struct Encodings {
        uint32_t made;                  /* variants, as bits */
        struct {
                const uint8_t *bytes;
                size_t n;
                uint32_t left_out;
        } each[_ENCODE_VARIANTS];
} Encodings;

/* Whether a feed gets the bytes that another feed has. Only exits have statistics that can be left out. */
static bool feed_shares(const Feed *feed, const Event *event, const Encodings *encodings, int variant) {
        return encodings->made & 1u << variant &&
               (event->kind != EVENT_EXIT || encodings->each[variant].left_out == feed->key.left_out);
}

static void feed_publish(Feed *feed, const Event *event, int variant, Encodings *encodings) {
        uint8_t *tail = feed_tail(feed);
        size_t n;

        if (feed_shares(feed, event, encodings, variant)) {
                encodings->each[variant].bytes = feed_append(feed, encodings->each[variant].bytes,
                                                             encodings->each[variant].n, event->time_offset_ns);
                return;
        }
        n = encode_event_groups(event, (uint32_t)variant, STATS_ALL_GROUPS & ~feed->key.left_out, tail);
        if (encodings->made & 1u << variant) {
                (void)feed_append(feed, tail, n, event->time_offset_ns);
                feed->matcher.n_steps += ENCODE_STEPS;
                feed_charge_filter(feed, event->time_ns);
                return;
        }
        encodings->made |= 1u << variant;
        encodings->each[variant].n = n;
        encodings->each[variant].left_out = feed->key.left_out;
        encodings->each[variant].bytes = feed_append(feed, tail, n, event->time_offset_ns);
}

/**
 * feeds_publish() - append an event to all feeds that select it
 * @feeds:  the feeds
 * @event:  the event, after the join
 */
void feeds_publish(Feeds *feeds, const Event *event) {
        Encodings encodings UNINITIALISED;
        Event storage UNINITIALISED;
        const Event *process_event = event_of_process(event, &storage);

        encodings.made = 0;
        feeds_note_event(feeds, event);
        ++feeds->event_count;
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);
                const Event *seen = feed->key.threads ? event : process_event;
                int variant = seen ? feed_variant(feed, seen) : -1;

                if (variant < 0)
                        continue;
                if (seen != event)
                        variant |= ENCODE_PROCESS;
                feed_publish(feed, seen, variant, &encodings);
        }
}
