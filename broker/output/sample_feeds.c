/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A feed keeps no state of the tasks that it has reported. It keeps only the number of the
 * last sweep that it reported: a task that has changed since is reported again. Values are
 * totals, so that the difference of two samples includes the sweeps that a slow feed left
 * out between them. A repeated report of a task does no harm.
 */

#include <stdlib.h>
#include <string.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/cursor.h"
#include "broker/output/feed_judge.h"
#include "broker/output/sample_feeds.h"
#include "broker/output/sample_view.h"
#include "broker/policy/limits.h"
#include "broker/tasks/parents.h"

/* Feeds whose time comes this soon are sampled with those whose time has come. */
#define DUE_SLACK_NS (5 * NSEC_PER_MSEC)

/* Bytes of a feed for each live task: so many full samples are always in it. */
#define TASK_BYTES_MAX 2048u

/* The work for a feed and a task beside the filter's, in steps: the view, and a copy of the sample. */
#define FEED_STEPS 64u

/* Different encodings of one sample that are kept for other feeds. */
#define ENCODINGS 4

typedef struct Encodings Encodings;

struct Encodings {
        size_t n;
        struct {
                uint32_t variant, groups;
                size_t n;
                uint8_t bytes[ENCODED_SAMPLE_MAX];
        } each[ENCODINGS];
};

void sample_feeds_init(SampleFeeds *samples, Feeds *feeds, PtraceCheck *ptrace_check) {
        *samples = (SampleFeeds){ .feeds = feeds, .ptrace_check = ptrace_check };
        list_init(&samples->list);
}

void sample_feeds_deinit(SampleFeeds *samples) {
        list_for_each(link, safe, &samples->list)
                sample_feeds_give_up(samples, container_of(link, SampleFeed, link));
}

static int sample_feeds_new(SampleFeeds *samples,
                            const SubscriptionKey *key,
                            const Sampling *sampling,
                            const Rights *rights,
                            const FilterStarts *starts,
                            QuotaUser *user,
                            SampleFeed **ret_feed) {
        FeedSettings settings = {
                .key = key, .rights = rights, .starts = starts, .user = user, .kind = QUOTA_SAMPLE_FEEDS,
        };
        Feeds *feeds = samples->feeds;
        SampleFeed *feed;
        int r;

        feed = memory_alloc_optional(NULL, sizeof(*feed));
        if (!feed)
                return FEEDS_E_MEMORY;
        *feed = (SampleFeed){ .sampling = *sampling };
        list_init(&feed->link);
        list_init(&feed->waiting);
        settings.n_bytes_max = MAX(feeds->n_bytes_max, TASK_BYTES_MAX * feeds->table->n_live_tasks);
        r = feeds_make(feeds, &settings, &feed->feed);
        if (r) {
                free(feed);
                return r;
        }
        feed->feed->of_samples = true;
        ++samples->n;
        list_append(&samples->list, &feed->link);
        *ret_feed = feed;
        return 0;
}

/**
 * sample_feeds_find() - the feed of a request, made if it is not there
 * @samples:   the feeds
 * @key:     the selection of the feed
 * @wanted:    the processes that its numbers name, see feeds_find_starts()
 * @sampling:  how
 * @rights:    the rights of the client that reads it
 * @user:      at whose cost one is made
 * @ret_feed:  output
 *
 * Return: 0; one of FEEDS_E_*.
 */
int sample_feeds_find(SampleFeeds *samples,
                      const SubscriptionKey *key,
                      const FilterStarts *wanted,
                      const Sampling *sampling,
                      const Rights *rights,
                      QuotaUser *user,
                      SampleFeed **ret_feed) {
        FilterStarts starts;
        int r;

        r = feeds_find_starts(samples->feeds, key, wanted, rights, &starts);
        if (r)
                return r;
        list_for_each(link, safe, &samples->list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);

                if (feed->sampling.interval_ms == sampling->interval_ms && feed->sampling.groups == sampling->groups &&
                    feeds_serves(feed->feed, key, rights, &starts, user)) {
                        *ret_feed = feed;
                        return 0;
                }
        }
        return sample_feeds_new(samples, key, sampling, rights, &starts, user, ret_feed);
}

/**
 * sample_feeds_give_up() - free a feed
 * @samples:  the feeds
 * @feed:     one without cursors
 */
void sample_feeds_give_up(SampleFeeds *samples, SampleFeed *feed) {
        --samples->n;
        list_unlink(&feed->link);
        feeds_dispose(samples->feeds, feed->feed);
        free(feed);
}

/* The next sample is full, and soon, so that a new reader need not wait for long. */
static void sample_feed_renew(SampleFeed *feed, uint64_t now_ns) {
        uint64_t soon_ns = MAX(now_ns, feed->last_ns + LIMIT_SAMPLE_MS_MIN * NSEC_PER_MSEC);

        feed->sweep = 0;
        feed->due_ns = MIN(feed->due_ns, soon_ns);
}

/**
 * sample_feeds_renew() - make the next sample of each feed full
 * @samples:  the feeds; their times do not change
 */
void sample_feeds_renew(SampleFeeds *samples) {
        list_for_each(link, safe, &samples->list)
                container_of(link, SampleFeed, link)->sweep = 0;
}

/**
 * sample_feed_attach() - begin to read a feed with a full sample
 * @feed:    the feed
 * @cursor:  a cursor without a feed
 * @now_ns:  monotonic
 *
 * While a sweep runs for the feed, the cursor waits until it has ended: it would miss the
 * tasks that the sweep has passed.
 */
void sample_feed_attach(SampleFeed *feed, Cursor *cursor, uint64_t now_ns) {
        if (feed->in_sweep) {
                list_append(&feed->waiting, &cursor->link);
                return;
        }
        /* Tasks that ended since the last sample are for earlier readers only. */
        feed_close_batch(feed->feed);
        cursor_attach(cursor, feed->feed);
        sample_feed_renew(feed, now_ns);
}

/* Gives the cursors that wait their places. */
static void sample_feed_admit(SampleFeed *feed, uint64_t now_ns) {
        if (list_is_empty(&feed->waiting))
                return;
        list_for_each(link, safe, &feed->waiting) {
                list_unlink(link);
                cursor_attach(container_of(link, Cursor, link), feed->feed);
        }
        sample_feed_renew(feed, now_ns);
}

/* Whether a feed's set of tasks has a task. The work is counted for the slice, and by the filter for the feed. */
static bool sample_feed_has(SampleFeeds *samples, SampleFeed *feed, const Task *task) {
        FilterMatcher *matcher = &feed->feed->matcher;
        uint64_t n_steps = matcher->n_steps;
        const Task *leader;
        bool has;

        ++samples->n_steps;
        if (policy_view_task(&feed->feed->rights, task) == VIEW_NONE)
                return false;
        if (matcher->matches_all)
                return true;
        leader = process_leader(task->process);
        feed_bind(feed->feed, leader->tid, leader->start_time_ns, leader);
        has = filter_matcher_has_task(matcher, task);
        samples->n_steps += matcher->n_steps - n_steps;
        return has;
}

static void sample_feed_append(SampleFeed *feed, const TaskSample *sample, View view, Encodings *encodings) {
        uint32_t groups = feed->sampling.groups, variant = 0;
        size_t i = 0;

        if (view == VIEW_NONE)
                return;
        if (view == VIEW_PUBLIC)
                variant = ENCODE_PUBLIC | (feed->feed->rights.exit_status ? ENCODE_STATUS : 0);
        while (i < encodings->n && (encodings->each[i].groups != groups || encodings->each[i].variant != variant))
                ++i;
        if (i == ENCODINGS) {
                uint8_t *bytes = feed_tail(feed->feed);

                feed_append(feed->feed, bytes, encode_task_sample(sample, variant, groups, bytes), 0);
                return;
        }
        if (i == encodings->n) {
                encodings->each[i].groups = groups;
                encodings->each[i].variant = variant;
                encodings->each[i].n = encode_task_sample(sample, variant, groups, encodings->each[i].bytes);
                ++encodings->n;
        }
        feed_append(feed->feed, encodings->each[i].bytes, encodings->each[i].n, 0);
}

/*
 * Between two sweeps.
 */

static TaskSample sample_of_exit(const TaskTable *table, const Event *event) {
        const Task *leader = event->leader_before;

        return (TaskSample){
                .pid = event->pid,
                .tid = event->tid,
                .maker = event->maker,
                .parent = event->parent,
                .session_leader = leader ? parents_session(table, leader->process) : (ProcessId){},
                .uid = event->uid,
                .comm = event->comm,
                .comm_stale = event->comm_stale,
                .start_time_ns = event->start_time_ns,
                .time_ns = event->time_ns,
                .stats = event->exit.stats,
                .ended = true,
                .wait_status = event->exit.wait_status,
                .status_unknown = event->exit.status_unknown,
                .stats_missing = event->exit.stats_missing,
                .kernel_thread = leader && (leader->flags & TASK_KERNEL),
                .task_unknown = event->task_unknown,
        };
}

static void sample_feed_publish(const TaskTable *table, SampleFeed *feed, const Event *event, Encodings *encodings) {
        View view = policy_view_event(&feed->feed->rights, event);
        TaskSample sample;

        if (event->kind == EVENT_LOSS) {
                /* The size of a loss would reveal tasks that are hidden from some clients. */
                feed->n_lost += view == VIEW_FULL ? event->loss.count : 0;
                feed->lost_at_least |= view != VIEW_FULL || event->loss.at_least;
                return;
        }
        if (view == VIEW_NONE)
                return;
        feed_bind(feed->feed, event->pid, event->process_start_ns, event->leader_before);
        if (event->kind != EVENT_FORK && event->kind != EVENT_EXEC && event->kind != EVENT_EXIT)
                return;
        if (!feed_may_judge(feed->feed, event->time_ns)) {
                ++feed->n_lost;
                return;
        }
        if (feed_judge(feed->feed, event) == FILTER_HIDES)
                return;
        feed->n_forks += event->kind == EVENT_FORK;
        feed->n_execs += event->kind == EVENT_EXEC;
        if (event->kind != EVENT_EXIT)
                return;
        ++feed->n_exits;
        sample = sample_of_exit(table, event);
        sample_feed_append(feed, &sample, view, encodings);
}

/**
 * sample_feeds_publish() - take note of an event
 * @samples:  the feeds
 * @event:    the event, after the join
 */
void sample_feeds_publish(SampleFeeds *samples, const Event *event) {
        Encodings encodings[2] UNINITIALISED;
        const TaskTable *table = samples->feeds->table;
        const Event *process_event;
        Event storage UNINITIALISED;

        if (samples->n == 0 || event->only_for_sets)
                return;
        encodings[0].n = encodings[1].n = 0;
        process_event = event_of_process(event, &storage);
        list_for_each(link, safe, &samples->list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);

                if (feed->feed->key.threads)
                        sample_feed_publish(table, feed, event, &encodings[0]);
                else if (process_event)
                        sample_feed_publish(table, feed, process_event, &encodings[1]);
        }
}

/*
 * During a sweep.
 */

/* A feed whose filter is over its budget is asked again after the shortest interval. */
static bool sample_feed_may_begin(SampleFeed *feed, uint64_t now_ns, uint64_t time_ns) {
        if (feed_may_judge(feed->feed, time_ns))
                return true;
        feed->due_ns = now_ns + LIMIT_SAMPLE_MS_MIN * NSEC_PER_MSEC;
        return false;
}

/**
 * sample_feeds_begin() - a sweep begins
 * @samples:           the feeds
 * @now_ns:            monotonic
 * @time_ns:           the same on the time scale of events
 * @ret_of_tasks:      output: tasks are wanted
 * @ret_of_processes:  output: processes are wanted
 *
 * Feeds whose next sample is due take part, unless their filters are over their budgets.
 *
 * Return: Whether any does.
 */
bool sample_feeds_begin(SampleFeeds *samples, uint64_t now_ns, uint64_t time_ns, bool *ret_of_tasks,
                        bool *ret_of_processes) {
        *ret_of_tasks = *ret_of_processes = false;
        samples->n_steps_of_task = 0;
        list_for_each(link, safe, &samples->list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);

                feed->in_sweep = feed->due_ns <= now_ns + DUE_SLACK_NS &&
                                 sample_feed_may_begin(feed, now_ns, time_ns);
                if (feed->in_sweep)
                        samples->n_steps_of_task += FEED_STEPS + filter_matcher_steps_max(&feed->feed->matcher);
                *ret_of_tasks |= feed->in_sweep && feed->feed->key.threads;
                *ret_of_processes |= feed->in_sweep && !feed->feed->key.threads;
        }
        return *ret_of_tasks || *ret_of_processes;
}

/**
 * sample_feeds_want() - whether a feed that takes part wants a task or a process
 * @samples:     the feeds
 * @task:        the task, or the process' leader
 * @of_process:  for the process as a whole: feeds of processes are asked, and feeds of all tasks
 */
bool sample_feeds_want(SampleFeeds *samples, const Task *task, bool of_process) {
        list_for_each(link, safe, &samples->list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);
                bool whole = !feed->feed->key.threads || feed->feed->matcher.matches_all;

                if (feed->in_sweep && whole == of_process && sample_feed_has(samples, feed, task))
                        return true;
        }
        return false;
}

/**
 * sample_feeds_append_task() - give a sample to all feeds that take part and want it
 * @samples:        the feeds
 * @task:           the task, or the process' leader
 * @of_process:     the sample describes the whole process
 * @sample:         the sample
 */
void sample_feeds_append_task(SampleFeeds *samples, const Task *task, bool of_process, const TaskSample *sample) {
        uint32_t changed_sweep = of_process ? task->process->changed_sweep : task->changed_sweep;
        Encodings encodings UNINITIALISED;

        encodings.n = 0;
        list_for_each(link, safe, &samples->list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);
                View view;

                if (!feed->in_sweep || feed->feed->key.threads == of_process || changed_sweep <= feed->sweep ||
                    !sample_feed_has(samples, feed, task))
                        continue;
                view = sample_view(samples->ptrace_check, &feed->feed->rights, sample);
                sample_feed_append(feed, sample, view, &encodings);
        }
}

/**
 * sample_feed_end() - a feed's sample is complete
 * @feed:    the feed, which took part
 * @sweep:   the number of the sweep
 * @span:    its times
 * @now_ns:  monotonic
 *
 * The next is due at a multiple of its interval, so that feeds of different intervals share
 * sweeps.
 */
void sample_feed_end(SampleFeed *feed, uint32_t sweep, const SampleEnd *span, uint64_t now_ns) {
        uint64_t interval_ns = feed->sampling.interval_ms * NSEC_PER_MSEC;
        uint8_t bytes[ENCODED_SAMPLE_END_MAX];
        SampleEnd end = {
                .full = feed->sweep == 0,
                .begin_time_ns = span->begin_time_ns,
                .end_time_ns = span->end_time_ns,
                .span_ns = feed->last_ns ? now_ns - feed->last_ns : 0,
                .forks = feed->n_forks,
                .execs = feed->n_execs,
                .exits = feed->n_exits,
                .lost = feed->n_lost,
                .lost_at_least = feed->lost_at_least,
        };

        feed_append(feed->feed, bytes, encode_sample_end(&end, bytes), 0);
        feed_end_sample(feed->feed);
        feed_charge_filter(feed->feed, span->end_time_ns);
        /* Chunks that all readers have read have no further use. */
        feed_age(feed->feed, 0);
        feed->in_sweep = false;
        feed->sweep = sweep;
        feed->last_ns = now_ns;
        feed->due_ns = (now_ns / interval_ns + 1) * interval_ns;
        feed->n_forks = feed->n_execs = feed->n_exits = feed->n_lost = 0;
        feed->lost_at_least = false;
        sample_feed_admit(feed, now_ns);
}
