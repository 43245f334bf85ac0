/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A feed stays for a while without subscribers, for a client whose connection broke. A
 * feed that no client reads gives way when all places are taken.
 *
 * A feed is charged to the user who asked for it first, even if others share it later. Root shares
 * no feed at the cost of another user: such a feed keeps fewer events when that user has no more memory.
 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/feeds.h"
#include "broker/output/feed_judge.h"
#include "broker/policy/limits.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/subtree.h"

/* A snapshot without a reader stays this long. */
#define SNAPSHOT_KEEP_NS NSEC_PER_SEC

void feeds_init(Feeds *feeds, TaskTable *table, ProgramReader *programs, size_t n_bytes_max) {
        *feeds = (Feeds){
                .table = table,
                .programs = programs,
                .n_bytes_max = n_bytes_max,
                .resume_seconds = LIMIT_RESUME_SECONDS,
                .slice_steps = SNAPSHOT_SLICE_STEPS,
                .freed_bytes_max = LIMIT_FREED_BYTES,
        };
        list_init(&feeds->all);
        list_init(&feeds->list);
        list_init(&feeds->builds);
}

static void feeds_free_snapshot(Snapshot *snapshot) {
        snapshot_build_free(snapshot->build);
        snapshot_free(snapshot);
}

/**
 * feeds_drop_snapshots() - free snapshots that no client reads
 * @feed:       the feed that they belong to
 * @before_ns:  monotonic: only those that were made before or then
 */
void feeds_drop_snapshots(Feed *feed, uint64_t before_ns) {
        list_for_each(link, safe, &feed->snapshots) {
                Snapshot *snapshot = container_of(link, Snapshot, link);

                if (snapshot->n_readers == 0 && snapshot->time_ns <= before_ns)
                        feeds_free_snapshot(snapshot);
        }
}

static void feeds_free_feed(Feeds *feeds, Feed *feed) {
        list_for_each(link, safe, &feed->snapshots)
                feeds_free_snapshot(container_of(link, Snapshot, link));
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

/*
 * Whether a process of the table is the one that had that start. If the process was found in /proc, its start is
 * rounded down, and older than the start by its fork event. A later owner of the number would have a later start.
 */
static bool feeds_is_of_start(const Task *leader, uint64_t start_time_ns) {
        if (!(leader->flags & TASK_SEEDED))
                return start_time_ns == leader->start_time_ns;
        return procfs_starts_agree(leader->start_time_ns, start_time_ns) &&
               start_time_ns < leader->start_time_ns + TASK_FORK_DELAY_MAX_NS;
}

/*
 * The process that a number names. @wanted_ns is its start; 0: the process that has the number now.
 * Return: The leader; NULL: the process does not live, as far as a client may know.
 */
static Task *feeds_find_leader(const Feeds *feeds, uint32_t pid, uint64_t wanted_ns, const Rights *rights) {
        Task *leader = task_table_get_leader(feeds->table, pid);

        if (!leader || policy_view_task(rights, leader) == VIEW_NONE ||
            (wanted_ns && !feeds_is_of_start(leader, wanted_ns)))
                return NULL;
        /* A FORK that is still in the queue would give it another start: it is not reported then. */
        if (leader->flags & TASK_SEEDED)
                leader->flags |= TASK_FORK_REPORTED;
        return leader;
}

/**
 * feeds_find_starts() - the processes that a key's numbers name
 * @feeds:       the feeds
 * @key:         the key
 * @wanted:      the starts of the processes; 0: the process that has the number now
 * @rights:      the rights of the client that asks
 * @ret_starts:  output: the starts of the processes, which distinguish them from later processes with their numbers
 *
 * Return: 0; FEEDS_E_NO_ROOT: not all roots of subtrees live, as far as the client may know.
 */
int feeds_find_starts(const Feeds *feeds,
                      const SubscriptionKey *key,
                      const FilterStarts *wanted,
                      const Rights *rights,
                      FilterStarts *ret_starts) {
        const Filter *filter = &key->filter;
        const Task *leader;

        *ret_starts = *wanted;
        for (size_t i = 0; i < filter->n_pids; ++i) {
                leader = feeds_find_leader(feeds, filter->pids[i], wanted->pids[i], rights);
                if (leader)
                        ret_starts->pids[i] = leader->start_time_ns;
        }
        for (size_t i = 0; i < filter->n_subtrees; ++i) {
                leader = feeds_find_leader(feeds, filter->subtrees[i], wanted->subtrees[i], rights);
                if (!leader)
                        return FEEDS_E_NO_ROOT;
                ret_starts->subtrees[i] = leader->start_time_ns;
        }
        return 0;
}

/**
 * feeds_serves() - whether a feed is what a client asks for
 * @feed:    the feed
 * @key:     the selection
 * @rights:  the rights of the client
 * @starts:  the output of feeds_find_starts(): the numbers of the filter name the same processes
 * @user:    the user of the client
 */
bool feeds_serves(const Feed *feed, const SubscriptionKey *key, const Rights *rights, const FilterStarts *starts,
                  const QuotaUser *user) {
        if (quota_user_is_root(user) && !quota_user_is_root(feed->place.user))
                return false;
        return rights_equal(&feed->rights, rights) && subscription_key_equals(&feed->key, key) &&
               memcmp(&feed->matcher.binding.starts, starts, sizeof(*starts)) == 0;
}

/* Marks the tasks of a feed's subtrees, if it has some. */
static int feeds_take_mark(Feeds *feeds, Feed *feed, QuotaUser *user) {
        const Filter *filter = &feed->key.filter;
        uint64_t mark = ~feeds->marks & (feeds->marks + 1); /* the lowest that is free */
        int r;

        if (filter->n_subtrees == 0)
                return 0;
        r = charge_take(&feed->subtrees, user, QUOTA_SUBTREES, 1);
        if (r)
                return r == QUOTA_E_USER ? FEEDS_E_USER_SUBTREES : FEEDS_E_SUBTREES;
        if (mark == 0)
                return FEEDS_E_SUBTREES;
        if (subtree_mark(feeds->table, mark, filter->subtrees, filter->n_subtrees))
                return FEEDS_E_MEMORY;
        feeds->marks |= mark;
        feed->matcher.binding.mark = mark;
        return 0;
}

static int feeds_charge(Feed *feed, QuotaUser *user) {
        int r = feed_charge(feed, user);

        return r == FEED_E_QUOTA ? FEEDS_E_USER_BYTES : r ? FEEDS_E_BYTES : 0;
}

/* Counts a feed's filter, or counts it no more. The filters with a budget divide their steps among them. */
static void feeds_count_filter(Feeds *feeds, const Feed *feed, int n) {
        if (!feed_has_budget(feed))
                return;
        feeds->n_filters += (size_t)n;
        feeds->step_ns = filter_budget_step_ns(&feed->place.user->quota->limits.rates[QUOTA_FILTERS - _QUOTA_HELD],
                                               feeds->n_filters);
}

/* The one that has been without subscribers for longest: of one user, or of all. */
static Feed *feeds_most_idle(const Feeds *feeds, const QuotaUser *user) {
        Feed *idle = NULL;

        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (list_is_empty(&feed->cursors) && (!user || feed->place.user == user) &&
                    (!idle || feed->age > idle->age))
                        idle = feed;
        }
        return idle;
}

/*
 * Takes a place for a feed. If none is free, a feed without subscribers gives way: a feed of
 * the same user, or for root a feed of any user. Feeds of samples all have subscribers.
 */
static int feeds_take_place(Feeds *feeds, QuotaUser *user, QuotaKind kind, Charge *ret_place) {
        int r = charge_take(ret_place, user, kind, 1);

        if (r && kind == QUOTA_FEEDS) {
                Feed *idle = feeds_most_idle(feeds, quota_user_is_root(user) ? NULL : user);

                if (idle) {
                        feeds_free_feed(feeds, idle);
                        r = charge_take(ret_place, user, kind, 1);
                }
        }
        return r == QUOTA_E_USER ? FEEDS_E_USER_FEEDS : r ? FEEDS_E_FULL : 0;
}

/**
 * feeds_make() - make a feed that belongs to the caller
 * @feeds:     has its name and the marks of its subtrees, and knows that it wants programs
 * @settings:  read during the call alone
 * @ret_feed:  output: for feeds_dispose()
 *
 * Return: 0; one of FEEDS_E_*.
 */
int feeds_make(Feeds *feeds, const FeedSettings *settings, Feed **ret_feed) {
        Charge place = CHARGE_NULL;
        Feed *feed = NULL;
        int r;

        r = feeds_take_place(feeds, settings->user, settings->kind, &place);
        if (r)
                return r;
        if (feed_new(&feed, feeds->last_id + 1, settings->key, settings->n_bytes_max))
                r = FEEDS_E_MEMORY;
        else
                r = feeds_charge(feed, settings->user);
        if (!r)
                r = feeds_take_mark(feeds, feed, settings->user);
        if (r) {
                charge_return(&place);
                feed_free(feed);
                return r;
        }
        feed->matcher.binding.starts = *settings->starts;
        feed->place = place;
        feed->step_ns = &feeds->step_ns;
        feed->rights = *settings->rights;
        if (subscription_key_wants_programs(settings->key))
                program_reader_want(feeds->programs);
        feeds_count_filter(feeds, feed, 1);
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
        feeds->marks &= ~feed->matcher.binding.mark;
        feeds_count_filter(feeds, feed, -1);
        feed_free(feed);
}

/**
 * feeds_find() - the feed of a key, made if it is not there
 * @feeds:     the feeds
 * @key:     the selection of the feed
 * @wanted:    the processes that its numbers name, see feeds_find_starts()
 * @rights:    the rights of the client that reads it
 * @user:      at whose cost one is made
 * @ret_feed:  output
 *
 * Return: 0; one of FEEDS_E_*.
 */
int feeds_find(Feeds *feeds,
               const SubscriptionKey *key,
               const FilterStarts *wanted,
               const Rights *rights,
               QuotaUser *user,
               Feed **ret_feed) {
        FilterStarts starts;
        FeedSettings settings = {
                .key = key,
                .rights = rights,
                .starts = &starts,
                .user = user,
                .kind = QUOTA_FEEDS,
                .n_bytes_max = feeds->n_bytes_max,
        };
        Feed *made;
        int r;

        r = feeds_find_starts(feeds, key, wanted, rights, &starts);
        if (r)
                return r;
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (feeds_serves(feed, key, rights, &starts, user)) {
                        *ret_feed = feed;
                        return 0;
                }
        }
        r = feeds_make(feeds, &settings, &made);
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
 * Return: The feed, or NULL.
 */
Feed *feeds_get(const Feeds *feeds, uint64_t id) {
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (feed->id == id)
                        return feed;
        }
        return NULL;
}

/**
 * feeds_age() - let go of what was kept long enough
 * @feeds:  the feeds; called once a second
 */
void feeds_age(Feeds *feeds) {
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        bool scarce = memory_is_scarce();
        size_t n_freed = 0;

        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                feeds_drop_snapshots(feed, now_ns - SNAPSHOT_KEEP_NS);
                feed_age(feed, feeds->resume_seconds);
                if (feed->n_skipped > 0 && feed_may_judge(feed, clock_time_ns()))
                        feed_end_gap(feed, clock_time_ns());
                if (scarce)
                        feed_shrink(feed);
                if (feed->age <= feeds->resume_seconds || n_freed >= feeds->freed_bytes_max)
                        continue;
                n_freed += feed->n_bytes;
                feeds_free_feed(feeds, feed);
        }
}
