/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SampleFeeds: feeds of samples, one for each different request. A task's sample is
 * encoded when the first feed wants it, and copied to each other feed that wants it. A
 * task that ends between two samples goes into the next sample at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/model/sample.h"
#include "broker/output/feeds.h"
#include "broker/tasks/ptrace_check.h"

typedef struct SampleFeed SampleFeed;
typedef struct SampleFeeds SampleFeeds;

struct SampleFeed {
        List link;
        Feed *feed;                     /* its key says of what */
        Sampling sampling;
        size_t n_subscribers;           /* with the subscribers whose cursors wait */
        List waiting;                   /* cursors that get their places when the sweep that runs has ended */

        uint32_t sweep;                 /* the last sweep that it reported; 0: the next sample is full */
        uint64_t due_ns;                /* monotonic: when the next sample is due */
        uint64_t last_ns;               /* monotonic: of the last one's end; 0: none yet */
        bool in_sweep;                  /* it takes part in the one that runs */
        uint64_t n_forks, n_execs, n_exits, n_lost; /* since the last sample */
        bool lost_at_least;             /* more than n_lost were lost, or may not be counted */
};

struct SampleFeeds {
        Feeds *feeds;                   /* not owned: has the marks of subtrees */
        PtraceCheck *ptrace_check;           /* not owned */
        List list;
        size_t n;
        uint64_t n_steps;               /* work for all feeds in all sweeps so far */
        uint64_t n_steps_of_task;       /* the most for one task in the sweep that runs */
};

void sample_feeds_init(SampleFeeds *samples, Feeds *feeds, PtraceCheck *ptrace_check);
void sample_feeds_deinit(SampleFeeds *samples);

int sample_feeds_find(SampleFeeds *samples,
                      const SubscriptionKey *key,
                      const FilterStarts *wanted,
                      const Sampling *sampling,
                      const Rights *rights,
                      QuotaUser *user,
                      SampleFeed **ret_feed);
void sample_feeds_give_up(SampleFeeds *samples, SampleFeed *feed);
void sample_feeds_renew(SampleFeeds *samples);
void sample_feed_attach(SampleFeed *feed, Cursor *cursor, uint64_t now_ns);

void sample_feeds_publish(SampleFeeds *samples, const Event *event);

bool sample_feeds_begin(SampleFeeds *samples, uint64_t now_ns, uint64_t time_ns, bool *ret_of_tasks,
                        bool *ret_of_processes);
bool sample_feeds_want(SampleFeeds *samples, const Task *task, bool of_process);
void sample_feeds_append_task(SampleFeeds *samples, const Task *task, bool of_process, const TaskSample *sample);
void sample_feed_end(SampleFeed *feed, uint32_t sweep, const SampleEnd *span, uint64_t now_ns);
