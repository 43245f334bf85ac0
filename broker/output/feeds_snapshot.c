/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clients that ask within a few hundredths of a second, or while no event comes, share a
 * snapshot. All of them read the feed from the snapshot's place on, so that sharing loses
 * nothing. If slow clients read two snapshots of a feed that were made at the cost of one user, no third
 * one is made for it: its later clients share the newest one, as long as the feed still has the events
 * behind it. So do the clients of a user that has used up its rate of snapshots.
 *
 * A snapshot is charged to the user who asked for it first, even if others share it later. If that
 * user is throttled, the slices of its snapshots may wait for long, and no other user shares them.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/feeds_snapshot.h"
#include "broker/policy/limits.h"

#define SHARE_NS (50 * NSEC_PER_MSEC)

/* Whether a user may share a snapshot: it comes, and it does not wait for another user's work. */
static bool snapshot_comes(const Snapshot *snapshot, const QuotaUser *user, uint64_t now_ns) {
        if (snapshot->complete)
                return true;
        return !snapshot->failed && (snapshot->memory.user == user ||
                                     !quota_user_is_throttled(snapshot->memory.user, now_ns));
}

/* The newest that can serve another reader: whose feed still has what followed. */
static Snapshot *feed_newest_snapshot(const Feed *feed, const QuotaUser *user, uint64_t now_ns) {
        Snapshot *newest = NULL;

        list_for_each(link, safe, &feed->snapshots) {
                Snapshot *snapshot = container_of(link, Snapshot, link);

                if (snapshot_comes(snapshot, user, now_ns))
                        newest = snapshot;
        }
        return newest && feed_has(feed, newest->next_number) ? newest : NULL;
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

/* A code of snapshots, as one of feeds. */
static int feeds_error(int r) {
        return r == SNAPSHOT_E_USER ? FEEDS_E_USER_BYTES : r == SNAPSHOT_E_TOTAL ? FEEDS_E_BYTES : FEEDS_E_MEMORY;
}

/* Makes the first slice of a snapshot, which is the only one for most. */
static int feeds_begin_snapshot(Feeds *feeds, Snapshot *snapshot) {
        int r;

        r = snapshot_build_new(&snapshot->build, snapshot, feeds->table, snapshot->feed, clock_time_ns());
        if (!r)
                r = snapshot_build_slice(snapshot->build, feeds->slice_steps);
        if (r)
                return feeds_error(r);
        if (snapshot->complete)
                snapshot->build = snapshot_build_free(snapshot->build);
        else
                list_append(&feeds->builds, &snapshot->build->link);
        return 0;
}

static int feeds_make_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, uint64_t now_ns, Snapshot **ret_snapshot) {
        Snapshot *snapshot;
        int r;

        feeds_drop_snapshots(feed, now_ns);
        if (feed_is_full(feed, user))
                return FEEDS_E_SNAPSHOTS;
        if (snapshot_new(&snapshot, feed->next_number, user))
                return FEEDS_E_MEMORY;
        snapshot->feed = feed;
        r = feeds_begin_snapshot(feeds, snapshot);
        if (r) {
                snapshot_build_free(snapshot->build);
                snapshot_free(snapshot);
                return r;
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
        Snapshot *newest = feed_newest_snapshot(feed, user, now_ns);

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

/* Whether feeds_slice_snapshot() has something to do. */
bool feeds_build_snapshots(const Feeds *feeds) {
        return !list_is_empty(&feeds->builds);
}

/* The one whose user has had the least of the broker's time, and the oldest of those. */
static SnapshotBuild *feeds_next_build(const Feeds *feeds) {
        SnapshotBuild *next = NULL;

        list_for_each(link, safe, &feeds->builds) {
                SnapshotBuild *build = container_of(link, SnapshotBuild, link);

                if (!next || quota_user_comes_before(build->snapshot->memory.user, next->snapshot->memory.user))
                        next = build;
        }
        return next;
}

/**
 * feeds_slice_snapshot() - make a slice of a snapshot, at the cost of its user
 * @feeds:  the feeds, with a snapshot that needs more slices
 *
 * Return: The snapshot that is complete now, or has failed; NULL: no reader needs to know.
 */
Snapshot *feeds_slice_snapshot(Feeds *feeds) {
        uint64_t begin_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC), end_ns;
        SnapshotBuild *build = feeds_next_build(feeds);
        Snapshot *snapshot = build->snapshot;
        QuotaUser *user = snapshot->memory.user;
        int r;

        /* Its readers have left. */
        if (snapshot->n_readers == 0) {
                snapshot_build_free(build);
                snapshot_free(snapshot);
                return NULL;
        }
        r = snapshot_build_slice(build, feeds->slice_steps);
        end_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        quota_user_work(user, end_ns - begin_ns, end_ns);
        if (!r && !snapshot->complete)
                return NULL;
        snapshot->build = snapshot_build_free(build);
        if (r) {
                snapshot->failed = feeds_error(r);
                snapshot_drop_frames(snapshot);
        }
        return snapshot;
}

/**
 * feeds_note_event() - keep what an event changes for the snapshots that are being made
 * @feeds:  the feeds
 * @event:  the event, which has not changed the table yet
 */
void feeds_note_event(Feeds *feeds, const Event *event) {
        list_for_each(link, safe, &feeds->builds)
                snapshot_build_note(container_of(link, SnapshotBuild, link), event);
}
