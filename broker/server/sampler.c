/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A sweep begins, and its samples are completed, at the end of a turn of the loop whose
 * sources were read until they were empty. So a sample contains every task that ended
 * before the sample's end.
 *
 * Slices of requests (GetTaskStats) and of the sweep take turns.
 */

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/server/sampler.h"

/* The duration of a slice, and the number of its tasks. */
#define SLICE_NS (800 * NSEC_PER_USEC)
#define SLICE_TASKS_MIN 16u
#define SLICE_TASKS_FIRST 64u
#define SLICE_TASKS_MAX 256u

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

static void sampler_start_timer(Sampler *sampler, ev_timer *timer, double seconds) {
        ev_timer_stop(sampler->loop, timer);
        ev_timer_set(timer, seconds, 0.);
        ev_timer_start(sampler->loop, timer);
}

/**
 * sampler_schedule() - set the timers for the work that there is
 * @sampler:  the sampler; to be called when a feed or a request was added or removed
 */
void sampler_schedule(Sampler *sampler) {
        bool has_work = sampler->sweep.running || !stats_requests_are_done(&sampler->requests);
        uint64_t due_ns = UINT64_MAX, now = now_ns();

        if (has_work && !ev_is_active(&sampler->slice))
                sampler_start_timer(sampler, &sampler->slice, 0.);
        if (sampler->sweep.running || sampler_needs_drain(sampler))
                return;
        list_for_each(link, safe, &sampler->feeds.list)
                due_ns = MIN(due_ns, container_of(link, SampleFeed, link)->due_ns);
        if (due_ns == UINT64_MAX)
                ev_timer_stop(sampler->loop, &sampler->due);
        else
                sampler_start_timer(sampler, &sampler->due,
                                    due_ns > now ? (double)(due_ns - now) / (double)NSEC_PER_SEC : 0.);
}

/*
 * The sweep's questions.
 */

static bool sampler_asks(Sampler *sampler, const Task *task, bool of_process) {
        bool wanted = sample_feeds_want(&sampler->feeds, task, of_process);

        sampler->consumer.n_steps = sampler->feeds.n_steps;
        return wanted;
}

static bool sampler_wants(SampleConsumer *consumer, const Task *leader) {
        return sampler_asks(container_of(consumer, Sampler, consumer), leader, true);
}

static bool sampler_wants_task(SampleConsumer *consumer, const Task *task) {
        return sampler_asks(container_of(consumer, Sampler, consumer), task, false);
}

static void sampler_take(SampleConsumer *consumer, const Task *task, bool of_process, const TaskSample *sample) {
        sample_feeds_append_task(&container_of(consumer, Sampler, consumer)->feeds, task, of_process, sample);
}

/*
 * Work.
 */

static void sampler_begin_sweep(Sampler *sampler) {
        bool of_tasks, of_processes;
        uint64_t due_ns = sampler->due_ns, time_ns = join_time_ns(sampler->join, due_ns);

        sampler->due_ns = 0;
        if (sampler->sweep.running || !sample_feeds_begin(&sampler->feeds, due_ns, time_ns, &of_tasks, &of_processes))
                return;
        if (sweep_renumber(&sampler->sweep))
                sample_feeds_renew(&sampler->feeds);
        sampler->begin_time_ns = time_ns;
        sampler->consumer.n_steps_of_task = sampler->feeds.n_steps_of_task;
        sweep_start(&sampler->sweep, of_tasks, of_processes);
}

static void sampler_end_sweep(Sampler *sampler) {
        uint64_t now = now_ns();
        SampleEnd span = {
                .begin_time_ns = sampler->begin_time_ns,
                .end_time_ns = join_time_ns(sampler->join, now),
        };

        sampler->ending = false;
        list_for_each(link, safe, &sampler->feeds.list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);

                if (feed->in_sweep)
                        sample_feed_end(feed, sampler->sweep.number, &span, now);
        }
}

static void sampler_on_due(struct ev_loop *loop, ev_timer *watcher, int events) {
        (void)loop;
        (void)events;
        container_of(watcher, Sampler, due)->due_ns = now_ns();
}

/* Makes the next slice take about as long as a slice may. */
static void sampler_adapt(Sampler *sampler, uint64_t took_ns) {
        if (took_ns > SLICE_NS)
                sampler->n_slice = MAX(sampler->n_slice / 2, (size_t)SLICE_TASKS_MIN);
        else if (took_ns < SLICE_NS / 2)
                sampler->n_slice = MIN(sampler->n_slice * 2, (size_t)SLICE_TASKS_MAX);
}

static void sampler_on_slice(struct ev_loop *loop, ev_timer *watcher, int events) {
        Sampler *sampler = container_of(watcher, Sampler, slice);
        uint64_t cpu_ns = (uint64_t)clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
        bool sweeping = sampler->sweep.running;
        int r = 0;

        (void)loop;
        (void)events;
        ptrace_check_forget(&sampler->ptrace_check);
        sampler->request_sliced =
                !stats_requests_are_done(&sampler->requests) && (!sweeping || !sampler->request_sliced);
        if (sampler->request_sliced)
                r = stats_requests_slice(&sampler->requests, sampler->join, sampler->source, sampler->n_slice);
        else if (sweeping)
                r = sweep_slice(&sampler->sweep, sampler->n_slice);
        cpu_ns = (uint64_t)clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
        sampler->cpu_ns += cpu_ns;
        if (sampler->sweep.running && !sampler->request_sliced)
                sampler_adapt(sampler, cpu_ns);
        if (r)
                sampler->r = r;
        else if (sweeping && !sampler->sweep.running)
                sampler->ending = true;
        sampler_schedule(sampler);
}

/**
 * sampler_publish() - note an event
 * @sampler:  the sampler
 * @event:    the event, after the join
 */
void sampler_publish(Sampler *sampler, const Event *event) {
        sweep_on_event(&sampler->sweep, event);
        stats_requests_publish(&sampler->requests, event);
        sample_feeds_publish(&sampler->feeds, event);
}

/**
 * sampler_needs_drain() - whether a sweep begins or ends with this turn
 * @sampler:  the sampler
 *
 * Return: Whether the sources are to be read once more before sampler_end_turn().
 */
bool sampler_needs_drain(const Sampler *sampler) {
        return sampler->due_ns > 0 || sampler->ending;
}

/**
 * sampler_end_turn() - complete samples, and begin the next sweep
 * @sampler:  the sampler
 *
 * Return: 0, or a negative errno: of an error in one of the turn's slices.
 */
int sampler_end_turn(Sampler *sampler) {
        if (sampler_needs_drain(sampler)) {
                if (sampler->ending)
                        sampler_end_sweep(sampler);
                if (sampler->due_ns > 0)
                        sampler_begin_sweep(sampler);
                sampler_schedule(sampler);
        }
        return error_trace(sampler->r);
}

/**
 * sampler_init() - begin without feeds and requests
 * @sampler:    output
 * @loop:       not owned
 * @feeds:      own the parts that all kinds of feeds share; not owned
 * @join:       with the tasks; not owned
 * @source:     where statistics come from; not owned
 * @procfs_fd:  /proc; not owned
 */
void sampler_init(Sampler *sampler, struct ev_loop *loop, Feeds *feeds, Join *join, StatsSource *source,
                  int procfs_fd) {
        *sampler = (Sampler){ .loop = loop, .join = join, .source = source, .n_slice = SLICE_TASKS_FIRST };
        ptrace_check_init(&sampler->ptrace_check, procfs_fd, &join->table);
        sample_feeds_init(&sampler->feeds, feeds, &sampler->ptrace_check);
        stats_requests_init(&sampler->requests, &join->table, &sampler->ptrace_check);
        sampler->consumer = (SampleConsumer){
                .wants = sampler_wants,
                .wants_task = sampler_wants_task,
                .take = sampler_take,
        };
        sweep_init(&sampler->sweep, join, source, &sampler->consumer);
        ev_timer_init(&sampler->due, sampler_on_due, 0., 0.);
        ev_timer_init(&sampler->slice, sampler_on_slice, 0., 0.);
}

/**
 * sampler_deinit() - stop
 * @sampler:  the sampler; all clients are gone
 */
void sampler_deinit(Sampler *sampler) {
        ev_timer_stop(sampler->loop, &sampler->due);
        ev_timer_stop(sampler->loop, &sampler->slice);
        stats_requests_deinit(&sampler->requests);
        sample_feeds_deinit(&sampler->feeds);
        sweep_deinit(&sampler->sweep);
}
