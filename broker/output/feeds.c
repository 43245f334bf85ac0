/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A feed stays for a while without subscribers, for a client whose connection broke. A
 * feed that no client reads gives way when all places are taken.
 *
 * A feed is charged to the user who asked for it first, even if others share it later.
 */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/feeds.h"
#include "broker/policy/limits.h"
#include "broker/tasks/subtree.h"

/* A snapshot without a reader stays this long. */
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

/**
 * feeds_drop_snapshots() - free snapshots that no client reads
 * @feeds:      the feeds
 * @feed:       the feed that they belong to
 * @before_ns:  monotonic: only those that were made before or then
 */
void feeds_drop_snapshots(Feeds *feeds, Feed *feed, uint64_t before_ns) {
        list_for_each(link, safe, &feed->snapshots) {
                Snapshot *snapshot = container_of(link, Snapshot, link);

                if (snapshot->n_readers == 0 && snapshot->time_ns <= before_ns)
                        feeds_free_snapshot(feeds, feed, snapshot);
        }
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

/* The start of a process as far as a client may know it; 0: no process has the number. */
static uint64_t feeds_find_start(const Feeds *feeds, uint32_t pid, const Rights *rights) {
        Task *leader = task_table_get_leader(feeds->table, pid);

        if (!leader || policy_view_task(rights, leader) == VIEW_NONE)
                return 0;
        /* A FORK that is still in the queue would give it another start: it is not reported then. */
        if (leader->flags & TASK_SEEDED)
                leader->flags |= TASK_FORK_REPORTED;
        return leader->start_time_ns;
}

/**
 * feeds_find_starts() - the processes that a key's numbers name
 * @feeds:       the feeds
 * @key:         the key
 * @rights:      the rights of the client that asks
 * @ret_starts:  output: the starts of the processes, which distinguish them from later processes with their numbers
 *
 * Return: 0; FEEDS_E_NO_ROOT: not all roots of subtrees live, as far as the client may know.
 */
int feeds_find_starts(const Feeds *feeds, const SubscriptionKey *key, const Rights *rights, FilterStarts *ret_starts) {
        const Filter *filter = &key->filter;

        *ret_starts = (FilterStarts){};
        for (size_t i = 0; i < filter->n_pids; ++i)
                ret_starts->pids[i] = feeds_find_start(feeds, filter->pids[i], rights);
        for (size_t i = 0; i < filter->n_subtrees; ++i) {
                const Task *leader = task_table_get_leader(feeds->table, filter->subtrees[i]);

                if (!leader || policy_view_task(rights, leader) == VIEW_NONE)
                        return FEEDS_E_NO_ROOT;
                ret_starts->subtrees[i] = feeds_find_start(feeds, filter->subtrees[i], rights);
        }
        return 0;
}

/* Whether the numbers of a feed's filter name the same processes. */
bool feeds_starts_equal(const Feed *feed, const FilterStarts *starts) {
        return memcmp(&feed->binding.starts, starts, sizeof(*starts)) == 0;
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

                if (list_is_empty(&feed->cursors) && (!user || feed->place.user == user) &&
                    (!idle || feed->age > idle->age))
                        idle = feed;
        }
        return idle;
}

/*
 * Takes a place for a feed. If none is free, a feed without subscribers gives way: a feed of
 * the same user, or for root a feed of any user.
 */
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
 * @key:        the selection of the feed
 * @rights:       the rights of the clients that may read it
 * @starts:       the output of feeds_find_starts()
 * @user:         at whose cost
 * @n_bytes_max:  that it may keep
 * @ret_feed:     output: for feeds_dispose()
 *
 * Return: 0; FEEDS_E_FULL; FEEDS_E_MEMORY; FEEDS_E_USER_FEEDS; FEEDS_E_USER_BYTES.
 */
int feeds_make(Feeds *feeds,
               const SubscriptionKey *key,
               const Rights *rights,
               const FilterStarts *starts,
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
                r = feeds_take_mark(feeds, key, &feed->binding.mark);
        if (r) {
                charge_return(&place);
                feed_free(feed);
                return r;
        }
        feed->binding.starts = *starts;
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
        feeds->marks &= ~feed->binding.mark;
        feed_free(feed);
}

/**
 * feeds_find() - the feed of a key, made if it is not there
 * @feeds:     the feeds
 * @key:     the selection of the feed
 * @rights:    the rights of the client that reads it
 * @user:      at whose cost one is made
 * @ret_feed:  output
 *
 * Return: 0; FEEDS_E_FULL; FEEDS_E_MEMORY; FEEDS_E_NO_ROOT; FEEDS_E_USER_FEEDS;
 *         FEEDS_E_USER_BYTES.
 */
int feeds_find(Feeds *feeds, const SubscriptionKey *key, const Rights *rights, QuotaUser *user, Feed **ret_feed) {
        FilterStarts starts;
        Feed *made;
        int r;

        r = feeds_find_starts(feeds, key, rights, &starts);
        if (r)
                return r;
        list_for_each(link, safe, &feeds->list) {
                Feed *feed = container_of(link, Feed, link);

                if (!feed->stopped && rights_equal(&feed->rights, rights) && subscription_key_equals(&feed->key, key) &&
                    feeds_starts_equal(feed, &starts)) {
                        *ret_feed = feed;
                        return 0;
                }
        }
        r = feeds_make(feeds, key, rights, &starts, user, feeds->n_bytes_max, &made);
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

                if (feed->id == id && !feed->stopped)
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
