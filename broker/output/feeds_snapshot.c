/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clients that ask within a few hundredths of a second, or while no event comes, share a
 * snapshot. All of them read the feed from the snapshot's place on, so that sharing loses
 * nothing. If slow clients read two snapshots of a feed that were made at the cost of one user, no third
 * one is made for it: its later clients share the newest one, as long as the feed still has the events
 * behind it. So do the clients of a user that has used up its rate of snapshots.
 *
 * A snapshot is charged to the user who asked for it first, even if others share it later.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/feeds_snapshot.h"
#include "broker/policy/limits.h"

#define SHARE_NS (50 * NSEC_PER_MSEC)

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

/* Whether as many snapshots of a feed as are allowed are there at the cost of one user. */
static bool feed_is_full(const Feed *feed, const QuotaUser *user) {
        size_t n = 0;

        list_for_each(link, safe, &feed->snapshots)
                n += container_of(link, Snapshot, link)->memory.user == user;
        return n >= LIMIT_SNAPSHOTS_OF_FEED;
}

static int feeds_make_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, uint64_t now_ns, Snapshot **ret_snapshot) {
        Snapshot *snapshot;
        int r;

        feeds_drop_snapshots(feed, now_ns);
        if (feed_is_full(feed, user))
                return FEEDS_E_SNAPSHOTS;
        if (snapshot_new(&snapshot, feeds->table, feed, clock_time_ns()))
                return FEEDS_E_MEMORY;
        r = charge_take(&snapshot->memory, user, QUOTA_BYTES, snapshot->n_bytes);
        if (r) {
                snapshot_free(snapshot);
                return r == QUOTA_E_USER ? FEEDS_E_USER_BYTES : FEEDS_E_BYTES;
        }
        snapshot->event_count = feeds->event_count;
        snapshot->n_programs = feeds->programs->n_outside_exec;
        snapshot->time_ns = now_ns;
        list_append(&feed->snapshots, &snapshot->link);
        ++feeds->n_snapshots_made;
        *ret_snapshot = snapshot;
        return 0;
}

/**
 * feeds_snapshot() - the live tasks that a feed selects
 * @feeds:         the feeds
 * @feed:          the feed, its batch closed
 * @user:          at whose cost one is made
 * @ret_snapshot:  output: made, or shared
 *
 * Return: 0; FEEDS_E_MEMORY; FEEDS_E_SNAPSHOTS; FEEDS_E_BYTES; FEEDS_E_USER_BYTES; FEEDS_E_USER_SNAPSHOTS.
 */
int feeds_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, Snapshot **ret_snapshot) {
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        Snapshot *newest = feed_newest_snapshot(feed);

        if (newest &&
            (feed_is_full(feed, user) || snapshot_is_fresh(feeds, feed, newest, now_ns))) {
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
