/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feeds: all feeds, one for each subscription key and each kind of rights, and their
 * snapshots. The feeds' names, their marks of subtrees and their charges are kept here;
 * feeds of samples are made here too, but listed by SampleFeeds.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/event.h"
#include "broker/output/feed.h"
#include "broker/output/snapshot_build.h"
#include "broker/policy/quota.h"
#include "broker/tasks/program_reader.h"
#include "broker/tasks/task_table.h"

typedef struct FeedSettings FeedSettings;
typedef struct Feeds Feeds;

enum {
        _FEEDS_E_SUCCESS,
        FEEDS_E_MEMORY,
        FEEDS_E_NO_ROOT,        /* a process whose descendants are wanted does not live */
        FEEDS_E_SNAPSHOTS,      /* as many snapshots as are allowed, all in use */
        /* All users together have what there is. */
        FEEDS_E_FULL,           /* feeds, each with a subscriber */
        FEEDS_E_SUBTREES,
        FEEDS_E_BYTES,
        /* This user has what one may have. */
        FEEDS_E_USER_FEEDS,     /* each with a subscriber */
        FEEDS_E_USER_SUBTREES,
        FEEDS_E_USER_BYTES,
        FEEDS_E_USER_SNAPSHOTS, /* made in this time */
};

/* The parts that a feed is made from. */
struct FeedSettings {
        const SubscriptionKey *key;     /* the selection of the feed */
        const Rights *rights;           /* the rights of the clients that may read it */
        const FilterStarts *starts;     /* the output of feeds_find_starts() */
        QuotaUser *user;                /* at whose cost */
        QuotaKind kind;                 /* QUOTA_FEEDS or QUOTA_SAMPLE_FEEDS */
        size_t n_bytes_max;             /* that it may keep */
};

struct Feeds {
        TaskTable *table;               /* not owned */
        ProgramReader *programs;             /* not owned */
        size_t n_bytes_max;             /* the limit of each feed */
        uint32_t resume_seconds;        /* LIMIT_RESUME_SECONDS, or what a test sets */
        uint64_t slice_steps;           /* SNAPSHOT_SLICE_STEPS, or what a test sets */
        size_t freed_bytes_max;         /* LIMIT_FREED_BYTES, or what a test sets */

        List all;                       /* all feeds, with those from feeds_make() */
        List list;
        List builds;                    /* snapshots that need more slices, the oldest first */
        size_t n;
        size_t n_filters;               /* feeds whose filters have a budget, with feeds of samples */
        uint64_t step_ns;               /* the time in which one step of such a filter is paid for */
        uint64_t last_id;
        uint64_t marks;                 /* given to feeds */
        uint64_t event_count;
        uint64_t n_snapshots_made;
};


void feeds_init(Feeds *feeds, TaskTable *table, ProgramReader *programs, size_t n_bytes_max);
void feeds_deinit(Feeds *feeds);

int feeds_find_starts(const Feeds *feeds,
                      const SubscriptionKey *key,
                      const FilterStarts *wanted,
                      const Rights *rights,
                      FilterStarts *ret_starts);
bool feeds_serves(const Feed *feed, const SubscriptionKey *key, const Rights *rights, const FilterStarts *starts,
                  const QuotaUser *user);
int feeds_make(Feeds *feeds, const FeedSettings *settings, Feed **ret_feed);
void feeds_dispose(Feeds *feeds, Feed *feed);

int feeds_find(Feeds *feeds,
               const SubscriptionKey *key,
               const FilterStarts *wanted,
               const Rights *rights,
               QuotaUser *user,
               Feed **ret_feed);
Feed *feeds_get(const Feeds *feeds, uint64_t id);
void feeds_drop_snapshots(Feed *feed, uint64_t before_ns);
void feeds_age(Feeds *feeds);
