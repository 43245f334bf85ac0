/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A feed stays for a while without subscribers, for those whose connection broke.
 * One that nobody reads gives way when all places are taken.
 *
 * A snapshot is shared by those who ask within a few hundredths of a second, or while
 * nothing happens; all of them read the feed from there, so that sharing loses
 * nothing. Slow readers of two snapshots of a feed do not make a third: later
 * subscribers share the newer, as long as the feed still has what followed it. So do
 * those of a user that has had as many made as it may for now.
 *
 * A feed and a snapshot are at the cost of the user who was the first to ask, whoever
 * shares them later.
 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/feeds.h"
#include "broker/policy/limits.h"
#include "broker/tasks/subtree.h"

#define SHARE_NS (50 * NSEC_PER_MSEC)

/* How long a snapshot stays that nobody reads. */
#define SNAPSHOT_KEEP_NS NSEC_PER_SEC

void feeds_init(Feeds *feeds, TaskTable *table, ProgramReader *programs, size_t n_bytes_max) {
        *feeds = (Feeds){
                .table = table,
                .programs = programs,
                .n_bytes_max = n_bytes_max,
                .resume_seconds = LIMIT_RESUME_SECONDS,
        };
        list_init(&feeds->all);
        list_init(&feeds->list);
}

static void feeds_free_snapshot(Feeds *feeds, Feed *feed, Snapshot *snapshot) {
        feeds->n_snapshot_bytes -= snapshot->n_bytes;
        --feed->n_snapshots;
        snapshot_free(snapshot);
}

/* Whether it takes knowing what processes run, or where. */
bool subscription_key_wants_programs(const SubscriptionKey *key) {
        return key->programs || key->filter.n_cgroups > 0;
}

static void feeds_free_feed(Feeds *feeds, Feed *feed) {
        list_for_each(link, safe, &feed->snapshots)
                feeds_free_snapshot(feeds, feed, container_of(link, Snapshot, link));
        --feeds->n;
        feeds_dispose(feeds, feed);
}

/**
 * feeds_deinit() - free all
 * @feeds:  the feeds, without cursors
 */
void feeds_deinit(Feeds *feeds) {
        list_for_each(link, safe, &feeds->list)
                feeds_free_feed(feeds, container_of(link, Feed, link));
}

/**
 * feeds_find_roots() - the roots of a key's subtrees
 * @feeds:  the feeds
 * @key:  the key
 * @rights: of whoever asks
 * @roots:  output: their starts, which tell them from later owners of their numbers
 *
 * Return: 0; FEEDS_E_NO_ROOT: not all of them live, as far as the client may know.
 */
int feeds_find_roots(const Feeds *feeds,
                     const SubscriptionKey *key,
                     const Rights *rights,
                     uint64_t roots[static FILTER_SUBTREES_MAX]) {
        memset(roots, 0, FILTER_SUBTREES_MAX * sizeof(*roots));
        for (size_t i = 0; i < key->filter.n_subtrees; ++i) {
                const Task *leader = task_table_get_leader(feeds->table, key->filter.subtrees[i]);

                if (!leader || policy_view_task(rights, leader) == VIEW_NONE)
                        return FEEDS_E_NO_ROOT;
                roots[i] = leader->start_time_ns;
        }
        return 0;
}

/* Marks the tasks of a key's subtrees; 0: it has none. */
static int feeds_take_mark(Feeds *feeds, const SubscriptionKey *key, uint64_t *ret_mark) {
        uint64_t mark = ~feeds->marks & (feeds->marks + 1); /* the lowest that is free */

        *ret_mark = 0;
        if (key->filter.n_subtrees == 0)
                return 0;
        if (mark == 0)
                return FEEDS_E_FULL;
        if (subtree_mark(feeds->table, mark, key->filter.subtrees, key->filter.n_subtrees))
                return FEEDS_E_MEMORY;
        feeds->marks |= mark;
        *ret_mark = mark;
        return 0;
}

/* The one that has been without subscribers for longest: of one user, or of all. */
static Feed *feeds_most_idle(const Feeds *feeds, const QuotaUser *user) {
        Feed *idle = NULL;

        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (list_is_empty(&feed->cursors) && (!user || feed->place.user == user) && (!idle || feed->age > idle->age))
                        idle = feed;
        }
        return idle;
}

/* A place for a feed: if there is no other, that of one without subscribers, of the same user, or for root of anyone's. */
static int feeds_take_place(Feeds *feeds, QuotaUser *user, Charge *ret_place) {
        int r = charge_take(ret_place, user, QUOTA_FEEDS, 1);

        if (r) {
                Feed *idle = feeds_most_idle(feeds, quota_user_is_root(user) ? NULL : user);

                if (idle) {
                        feeds_free_feed(feeds, idle);
                        r = charge_take(ret_place, user, QUOTA_FEEDS, 1);
                }
        }
        return r == QUOTA_E_USER ? FEEDS_E_USER_FEEDS : r ? FEEDS_E_FULL : 0;
}

/**
 * feeds_make() - make a feed that belongs to the caller
 * @feeds:        has its name and the marks of its subtrees, and knows that it wants programs
 * @key:        what it is of
 * @rights:       of those who may read it
 * @roots:        of feeds_find_roots()
 * @user:         at whose cost
 * @n_bytes_max:  that it may keep
 * @ret_feed:     output: for feeds_dispose()
 *
 * Return: 0; FEEDS_E_FULL; FEEDS_E_MEMORY; FEEDS_E_USER_FEEDS; FEEDS_E_USER_BYTES.
 */
int feeds_make(Feeds *feeds,
               const SubscriptionKey *key,
               const Rights *rights,
               const uint64_t roots[static FILTER_SUBTREES_MAX],
               QuotaUser *user,
               size_t n_bytes_max,
               Feed **ret_feed) {
        Charge place = CHARGE_NULL;
        Feed *feed = NULL;
        int r;

        r = feeds_take_place(feeds, user, &place);
        if (r)
                return r;
        if (feed_new(&feed, feeds->last_id + 1, key, n_bytes_max))
                r = FEEDS_E_MEMORY;
        else if (feed_charge(feed, user))
                r = FEEDS_E_USER_BYTES;
        else
                r = feeds_take_mark(feeds, key, &feed->mark);
        if (r) {
                charge_return(&place);
                feed_free(feed);
                return r;
        }
        memcpy(feed->roots, roots, sizeof(feed->roots));
        feed->place = place;
        feed->rights = *rights;
        if (subscription_key_wants_programs(key))
                program_reader_want(feeds->programs);
        ++feeds->last_id;
        list_append(&feeds->all, &feed->all_link);
        *ret_feed = feed;
        return 0;
}

/**
 * feeds_dispose() - free a feed of feeds_make()
 * @feeds:  the feeds
 * @feed:   the feed, without cursors
 */
void feeds_dispose(Feeds *feeds, Feed *feed) {
        if (subscription_key_wants_programs(&feed->key))
                program_reader_unwant(feeds->programs);
        feeds->marks &= ~feed->mark;
        feed_free(feed);
}

/**
 * feeds_find() - the feed of a key, made if it is not there
 * @feeds:     the feeds
 * @key:     what it is of
 * @rights:    of whoever reads it
 * @user:      at whose cost one is made
 * @ret_feed:  output
 *
 * Return: 0; FEEDS_E_FULL; FEEDS_E_MEMORY; FEEDS_E_NO_ROOT; FEEDS_E_USER_FEEDS;
 *         FEEDS_E_USER_BYTES.
 */
int feeds_find(Feeds *feeds, const SubscriptionKey *key, const Rights *rights, QuotaUser *user, Feed **ret_feed) {
        uint64_t roots[FILTER_SUBTREES_MAX];
        Feed *made;
        int r;

        r = feeds_find_roots(feeds, key, rights, roots);
        if (r)
                return r;
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (!feed->stopped && rights_equal(&feed->rights, rights) && subscription_key_equals(&feed->key, key) &&
                    memcmp(feed->roots, roots, sizeof(roots)) == 0) {
                        *ret_feed = feed;
                        return 0;
                }
        }
        r = feeds_make(feeds, key, rights, roots, user, feeds->n_bytes_max, &made);
        if (r)
                return r;
        ++feeds->n;
        list_append(&feeds->list, &made->link);
        *ret_feed = made;
        return 0;
}

/**
 * feeds_get() - a feed by its name
 * @feeds:  the feeds
 * @id:     its name
 *
 * Return: The feed; NULL if there is none.
 */
Feed *feeds_get(const Feeds *feeds, uint64_t id) {
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (feed->id == id && !feed->stopped)
                        return feed;
        }
        return NULL;
}

/* What a feed has of an event's task, as it was before: of a process, its leader. */
static const Task *feed_task_before(const Feed *feed, const Event *event) {
        return feed->key.threads ? event->task_before : event->leader_before;
}

/**
 * feeds_filter_timed() - whether an event passes a feed's filter
 * @feed:   the feed
 * @event:  the event
 *
 * Patterns of names can take long to match, and events are many: what that takes is at
 * the cost of the feed's user, and if that is too much, the feed stops.
 */
FilterVerdict feeds_filter_timed(Feed *feed, const Event *event) {
        const Task *before = feed_task_before(feed, event);
        uint64_t begin_ns, end_ns;
        FilterVerdict verdict;

        if (feed->key.filter.n_comms == 0 || !feed->place.user)
                return filter_judge(&feed->key.filter, feed->mark, event, before);
        if (feed->stopped)
                return FILTER_HIDES;
        begin_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        verdict = filter_judge(&feed->key.filter, feed->mark, event, before);
        end_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        feed->stopped = quota_user_filter(feed->place.user, end_ns - begin_ns, end_ns) != 0;
        return verdict;
}

/* What the filter alone says. */
static FilterVerdict feed_filter(Feed *feed, const Event *event) {
        return feed->matches_all ? FILTER_PASSES : feeds_filter_timed(feed, event);
}

/*
 * From some the tasks of others are hidden (VIEW_NONE). A task that becomes another's
 * leaves the set of those that are told of, as one does that passes the filter no
 * more; one that becomes their own comes in.
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

/* Whether a feed tells an event, and how: ENCODE_* bits, or -1. */
static int feed_variant(Feed *feed, const Event *event, bool of_process) {
        const Rights *rights = &feed->rights;
        View view = policy_view_event(rights, event);
        int variant = feed->key.programs ? ENCODE_PROGRAM : 0;
        bool wanted = feed->key.kinds & EVENT_BIT(event->kind);
        FilterVerdict verdict;

        if (!feed->key.threads && !of_process)
                return -1;
        verdict = feed_filter(feed, event);
        if (view != VIEW_FULL) {
                variant |= ENCODE_PUBLIC | (rights->exit_status ? ENCODE_STATUS : 0);
                /* What may not be told selects nothing either. */
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

/**
 * feeds_publish() - give an event to all feeds that are of it
 * @feeds:  the feeds
 * @event:  the event, after the join
 */
void feeds_publish(Feeds *feeds, const Event *event) {
        const uint8_t *encoded[_ENCODE_VARIANTS] UNINITIALISED;
        size_t n[_ENCODE_VARIANTS] UNINITIALISED;
        uint32_t made = 0; /* variants, as bits */
        bool of_process = event_is_of_process(event);

        ++feeds->event_count;
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);
                int variant = feed_variant(feed, event, of_process);

                if (variant < 0)
                        continue;
                if (!(made & 1u << variant)) {
                        encoded[variant] = feed_tail(feed);
                        n[variant] = encode_event(event, (uint32_t)variant, feed_tail(feed));
                        made |= 1u << variant;
                }
                encoded[variant] = feed_append(feed, encoded[variant], n[variant], event->realtime_offset_ns);
        }
}

/*
 * Snapshots.
 */

/* The newest that can serve another reader: whose feed still has what followed. */
static Snapshot *feed_newest_snapshot(const Feed *feed) {
        Snapshot *newest;

        if (list_is_empty(&feed->snapshots))
                return NULL;
        newest = container_of(feed->snapshots.prev, Snapshot, link);
        return feed_has(feed, newest->next_number) ? newest : NULL;
}

/*
 * A reader of an older snapshot learns the rest from the events that follow it. No event follows when a program was
 * read after its exec: a snapshot from before that would keep the program from everybody who shares it.
 */
static bool snapshot_is_fresh(const Feeds *feeds, const Feed *feed, const Snapshot *snapshot, uint64_t now_ns) {
        if (subscription_key_wants_programs(&feed->key) && snapshot->n_programs != feeds->programs->n_outside_exec)
                return false;
        return snapshot->event_count == feeds->event_count || now_ns - snapshot->time_ns < SHARE_NS;
}

static void feeds_drop_snapshots(Feeds *feeds, Feed *feed, uint64_t before_ns) {
        list_for_each(link, safe, &feed->snapshots) {
                Snapshot *snapshot = container_of(link, Snapshot, link);

                if (snapshot->n_readers == 0 && snapshot->time_ns <= before_ns)
                        feeds_free_snapshot(feeds, feed, snapshot);
        }
}

static int feeds_make_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, uint64_t now_ns, Snapshot **ret_snapshot) {
        Snapshot *snapshot;

        feeds_drop_snapshots(feeds, feed, now_ns);
        if (feed->n_snapshots >= LIMIT_SNAPSHOTS_OF_FEED || feeds->n_snapshot_bytes >= LIMIT_SNAPSHOT_BYTES)
                return FEEDS_E_SNAPSHOTS;
        if (snapshot_new(&snapshot, feeds->table, feed, (uint64_t)clock_read_ns(CLOCK_REALTIME)))
                return FEEDS_E_MEMORY;
        if (charge_take(&snapshot->memory, user, QUOTA_BYTES, snapshot->n_bytes)) {
                snapshot_free(snapshot);
                return FEEDS_E_USER_BYTES;
        }
        snapshot->event_count = feeds->event_count;
        snapshot->n_programs = feeds->programs->n_outside_exec;
        snapshot->time_ns = now_ns;
        list_append(&feed->snapshots, &snapshot->link);
        ++feed->n_snapshots;
        ++feeds->n_snapshots_made;
        feeds->n_snapshot_bytes += snapshot->n_bytes;
        *ret_snapshot = snapshot;
        return 0;
}

/**
 * feeds_snapshot() - the tasks that a feed is of
 * @feeds:         the feeds
 * @feed:          the feed, its batch closed
 * @user:          at whose cost one is made
 * @ret_snapshot:  output: made, or shared
 *
 * Return: 0; FEEDS_E_MEMORY; FEEDS_E_SNAPSHOTS; FEEDS_E_USER_BYTES; FEEDS_E_USER_SNAPSHOTS.
 */
int feeds_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, Snapshot **ret_snapshot) {
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        Snapshot *newest = feed_newest_snapshot(feed);

        if (newest && (feed->n_snapshots >= LIMIT_SNAPSHOTS_OF_FEED || snapshot_is_fresh(feeds, feed, newest, now_ns))) {
                *ret_snapshot = newest;
                return 0;
        }
        if (quota_user_spend(user, QUOTA_SNAPSHOTS, 1, now_ns) == 0)
                return feeds_make_snapshot(feeds, feed, user, now_ns, ret_snapshot);
        if (!newest)
                return FEEDS_E_USER_SNAPSHOTS;
        *ret_snapshot = newest;
        return 0;
}

/**
 * feeds_age() - let go of what was kept long enough
 * @feeds:  the feeds; called once a second
 */
void feeds_age(Feeds *feeds) {
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        bool scarce = memory_is_scarce();

        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                feeds_drop_snapshots(feeds, feed, now_ns - SNAPSHOT_KEEP_NS);
                feed_age(feed, feeds->resume_seconds);
                if (scarce)
                        feed_shrink(feed);
                if (feed->age > feeds->resume_seconds || (feed->stopped && list_is_empty(&feed->cursors)))
                        feeds_free_feed(feeds, feed);
        }
}
