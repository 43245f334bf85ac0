/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reader begins with a whole sample: while a sweep runs it waits for the next, unless
 * that one is whole anyway and has told nothing yet. So does one that has fallen behind:
 * the rest of a sample is of no use to it.
 *
 * Questions (GetStats) are answered in slices too, in turn with the sweep's: a process
 * may have thousands of threads.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/sample_view.h"
#include "broker/policy/limits.h"
#include "broker/server/sampler.h"
#include "broker/tasks/stats_request.h"

/* What a slice takes, and tasks in it, at the least and to begin with. */
#define SLICE_NS (800 * NSEC_PER_USEC)
#define SLICE_TASKS_MIN 16u
#define SLICE_TASKS_FIRST 64u
#define SLICE_TASKS_MAX 256u

typedef struct StatsJob StatsJob;

/* A question and, as far as it is there, the answer. */
struct StatsJob {
        List link;
        Client *client;                 /* not owned; takes its questions with it */
        uint64_t request_id;
        Charge request;
        Charge memory;                  /* of itself and the answer */
        StatsRequest inquiry;
        uint8_t *bytes;                 /* encoded members of the Stats */
        size_t n, n_max;
        bool failed;                    /* there was no memory for it */
};

_Static_assert(LIMIT_STATS_NUMBERS == STATS_REQUEST_MAX, "one request, one inquiry");

static void sampler_on_due(struct ev_loop *loop, ev_timer *watcher, int events);
static void sampler_on_slice(struct ev_loop *loop, ev_timer *watcher, int events);

static bool sampler_wants(Sweep *sweep, const Task *leader) {
        return sample_feeds_want(&container_of(sweep, Sampler, sweep)->feeds, leader);
}

static int sampler_append_task(Sweep *sweep, const Task *task, bool of_process, const TaskSample *sample, uint32_t changed_sweep) {
        Sampler *sampler = container_of(sweep, Sampler, sweep);

        sample_feeds_append_task(&sampler->feeds, task, of_process, sample, changed_sweep);
        return 0;
}

void sampler_init(Sampler *sampler, Hub *hub, Join *join, StatsSource *source, int procfs_fd, SamplerInUse in_use) {
        *sampler = (Sampler){ .hub = hub, .join = join, .source = source, .in_use = in_use, .n_slice = SLICE_TASKS_FIRST };
        ptrace_check_init(&sampler->glance, procfs_fd, &join->table);
        sample_feeds_init(&sampler->feeds, &hub->feeds, &sampler->glance);
        sweep_init(&sampler->sweep, join, source, sampler_wants, sampler_append_task);
        list_init(&sampler->jobs);
        ev_timer_init(&sampler->due, sampler_on_due, 0., 0.);
        ev_timer_init(&sampler->slice, sampler_on_slice, 0., 0.);
}

static void stats_job_free(StatsJob *job) {
        --job->client->n_questions;
        list_unlink(&job->link);
        stats_request_deinit(&job->inquiry);
        charge_return(&job->request);
        charge_return(&job->memory);
        free(job->bytes);
        free(job);
}

void sampler_deinit(Sampler *sampler) {
        ev_timer_stop(sampler->hub->loop, &sampler->due);
        ev_timer_stop(sampler->hub->loop, &sampler->slice);
        list_for_each(link, safe, &sampler->jobs)
                stats_job_free(container_of(link, StatsJob, link));
        sample_feeds_deinit(&sampler->feeds);
        sweep_deinit(&sampler->sweep);
}

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

static void sampler_start_timer(Sampler *sampler, ev_timer *timer, double seconds) {
        ev_timer_stop(sampler->hub->loop, timer);
        ev_timer_set(timer, seconds, 0.);
        ev_timer_start(sampler->hub->loop, timer);
}

static bool sampler_has_work(const Sampler *sampler) {
        return sampler->sweep.running || !list_is_empty(&sampler->jobs);
}

/* Sees that what there is to do gets done, now or when it is due. */
static void sampler_schedule(Sampler *sampler) {
        uint64_t due_ns = UINT64_MAX, now = now_ns();

        if (sampler_has_work(sampler) && !ev_is_active(&sampler->slice))
                sampler_start_timer(sampler, &sampler->slice, 0.);
        if (sampler->sweep.running)
                return;
        list_for_each(link, safe, &sampler->feeds.list)
                due_ns = MIN(due_ns, container_of(link, SampleFeed, link)->due_ns);
        if (due_ns == UINT64_MAX)
                ev_timer_stop(sampler->hub->loop, &sampler->due);
        else
                sampler_start_timer(sampler, &sampler->due, due_ns > now ? (double)(due_ns - now) / (double)NSEC_PER_SEC : 0.);
}

/*
 * Subscribers.
 */

static void sampler_refuse(Client *client, const Request *request, ErrorCode code, const char *field, const char *message) {
        client_refuse(client, &(EncodedError){ .request_id = request->id, .code = code, .field = field, .message = message });
}

/* The next sample of a feed is whole, and soon, so that whoever comes gets one now. */
static void sampler_renew(SampleFeed *feed) {
        uint64_t soon_ns = MAX(now_ns(), feed->last_ns + LIMIT_SAMPLE_MS_MIN * NSEC_PER_MSEC);

        feed->sweep = 0;
        feed->due_ns = MIN(feed->due_ns, soon_ns);
}

/* Gives a client its place in its feed, or lets it wait for one. */
static void sampler_attach(Sampler *sampler, Client *client) {
        SampleFeed *feed = client->sampling;

        if (feed->in_sweep) {
                client->sample_waits = true;
                ++feed->n_waiting;
                return;
        }
        /* What ended since the last sample was told to others only. */
        feed_close_batch(feed->feed);
        cursor_attach(&client->cursor, feed->feed);
        sampler_renew(feed);
        sampler_schedule(sampler);
}

/**
 * sampler_begin() - a client wants samples
 * @sampler:  the sampler
 * @client:   the client, without a subscription
 * @request:  what of
 */
void sampler_begin(Sampler *sampler, Client *client, const Request *request) {
        uint8_t frame[ENCODED_REPLY_MAX];
        SampleFeed *feed;
        int r;

        r = sample_feeds_find(&sampler->feeds, &request->subscription.key, &request->sampling, &client->rights, client->user,
                              &feed);
        if (r == FEEDS_E_NO_ROOT)
                return sampler_refuse(client, request, ERROR_BAD_VALUE, "sample.filter.subtrees",
                                      "There is no such process: of those whose descendants are asked for, each must be alive.");
        if (r == FEEDS_E_FULL)
                return sampler_refuse(client, request, ERROR_LIMIT, NULL,
                                      "The broker has as many feeds (different requests for samples) as it allows.");
        if (r == FEEDS_E_USER_FEEDS || r == FEEDS_E_USER_BYTES)
                return client_refuse_share(client, request->id, r == FEEDS_E_USER_FEEDS ? QUOTA_FEEDS : QUOTA_BYTES, false);
        if (r)
                return sampler_refuse(client, request, ERROR_LIMIT, NULL, "The broker has no memory for the samples.");

        client->sampling = feed;
        ++feed->n_subscribers;
        if (sampler->n_subscribers++ == 0 && sampler->in_use)
                sampler->in_use(sampler, true);
        client_reply(client, frame, encode_sampling(request->id, feed->feed->next_number, frame));
        sampler_attach(sampler, client);
}

static void sampler_detach(Sampler *sampler, Client *client) {
        SampleFeed *feed = client->sampling;

        client->sampling = NULL;
        feed->n_waiting -= client->sample_waits;
        client->sample_waits = false;
        cursor_deinit(&client->cursor);
        if (--feed->n_subscribers == 0) {
                sample_feeds_give_up(&sampler->feeds, feed);
                sampler_schedule(sampler);
        }
        if (--sampler->n_subscribers == 0 && sampler->in_use)
                sampler->in_use(sampler, false);
}

/**
 * sampler_leave() - a client goes
 * @sampler:  the sampler
 * @client:   the client
 */
void sampler_leave(Sampler *sampler, Client *client) {
        if (client->sampling)
                sampler_detach(sampler, client);
        if (client->n_questions == 0)
                return;
        list_for_each(link, safe, &sampler->jobs) {
                StatsJob *job = container_of(link, StatsJob, link);

                if (job->client == client)
                        stats_job_free(job);
        }
}

/**
 * sampler_recover() - a client fell off its feed's tail
 * @sampler:  the sampler
 * @client:   the client, its cursor between two frames
 */
void sampler_recover(Sampler *sampler, Client *client) {
        const SampleFeed *feed = client->sampling;
        uint8_t frame[ENCODED_REPLY_MAX];
        uint64_t lost;

        /* Of the one at hand it gets nothing while a sweep runs. */
        lost = cursor_give_up(&client->cursor, feed->feed->next_number + feed->in_sweep);
        sampler->n_lost += lost;
        client_reply(client, frame, encode_sample_loss(lost, frame));
        sampler_attach(sampler, client);
}

/* Those that waited for a whole sample get their places. */
static void sampler_admit(Sampler *sampler, SampleFeed *feed) {
        if (feed->n_waiting == 0)
                return;
        list_for_each(link, safe, &sampler->hub->clients) {
                Client *client = container_of(link, Client, link);

                if (client->sampling != feed || !client->sample_waits)
                        continue;
                client->sample_waits = false;
                --feed->n_waiting;
                cursor_attach(&client->cursor, feed->feed);
        }
        sampler_renew(feed);
}

/*
 * Questions.
 */

static int stats_job_reply(StatsRequest *inquiry, const TaskSample *sample) {
        StatsJob *job = container_of(inquiry, StatsJob, inquiry);
        PtraceCheck *glance = &job->client->hub->sampler->glance;
        const Rights *rights = &job->client->rights;
        TaskSample gone = stats_request_gone(inquiry);
        View view = VIEW_FULL;
        uint32_t variant = 0;

        ptrace_check_forget(glance);
        if (!sample->gone)
                view = sample_view(glance, rights, sample);
        if (view == VIEW_NONE)
                sample = &gone;
        else if (view == VIEW_PUBLIC)
                variant = ENCODE_PUBLIC | (rights->exit_status ? ENCODE_STATUS : 0);
        if (job->n_max - job->n < ENCODED_SAMPLE_MAX) {
                size_t n = MAX(2 * job->n_max, (size_t)2 * ENCODED_SAMPLE_MAX);
                uint8_t *bytes = charge_resize(&job->memory, sizeof(*job) + n) ? NULL : memory_alloc_optional(job->bytes, n);

                if (!bytes) {
                        job->failed = true;
                        return 0;
                }
                job->bytes = bytes;
                job->n_max = n;
        }
        job->n += encode_task_sample_answer(sample, variant, job->bytes + job->n);
        return 0;
}

static bool stats_job_shows(const StatsRequest *inquiry, const Task *task) {
        const StatsJob *job = container_of(inquiry, const StatsJob, inquiry);

        return policy_view_task(&job->client->rights, task) != VIEW_NONE;
}

/* Tasks that are asked for, beyond one for each number. Of what is hidden from a client nothing is, nor told by this. */
static uint64_t stats_job_count_threads(const StatsJob *job, const TaskTable *table) {
        uint64_t n = 0;

        for (size_t i = 0; i < job->inquiry.n_pids; ++i) {
                const Task *leader = task_table_get_leader(table, job->inquiry.numbers[i]);

                if (leader && leader->process->n_live > 1 && stats_job_shows(&job->inquiry, leader))
                        n += leader->process->n_live - 1;
        }
        return n;
}

static void stats_job_refuse_memory(Client *client, uint64_t request_id) {
        client_refuse(client, &(EncodedError){
                                      .request_id = request_id,
                                      .code = ERROR_LIMIT,
                                      .message = "The broker has no memory for the answer.",
                              });
}

/**
 * sampler_ask() - a client wants to know what certain processes and tasks have used
 * @sampler:  the sampler
 * @client:   the client
 * @request:  which
 */
void sampler_ask(Sampler *sampler, Client *client, const Request *request) {
        const StatsWanted *wanted = &request->stats;
        StatsJob *job;
        int r;

        if (client->n_questions >= LIMIT_STATS_WAITING)
                return sampler_refuse(client, request, ERROR_LIMIT, NULL,
                                      "This connection has as many questions without an answer as are allowed.");
        if (quota_user_spend(client->user, QUOTA_STATS, wanted->n_pids + wanted->n_tids, now_ns()))
                return client_refuse_share(client, request->id, QUOTA_STATS, false);
        job = memory_alloc_optional(NULL, sizeof(*job));
        if (!job)
                return stats_job_refuse_memory(client, request->id);
        *job = (StatsJob){};
        r = charge_take(&job->request, client->user, QUOTA_REQUESTS, 1);
        if (!r)
                r = charge_take(&job->memory, client->user, QUOTA_BYTES, sizeof(*job));
        if (r) {
                QuotaKind kind = job->request.user ? QUOTA_BYTES : QUOTA_REQUESTS;

                charge_return(&job->request);
                free(job);
                if (r == QUOTA_E_USER)
                        return client_refuse_share(client, request->id, kind, false);
                return stats_job_refuse_memory(client, request->id);
        }
        job->client = client;
        job->request_id = request->id;
        stats_request_init(&job->inquiry, stats_job_shows, wanted->pids, wanted->n_pids, wanted->tids, wanted->n_tids);
        list_init(&job->link);
        list_append(&sampler->jobs, &job->link);
        ++client->n_questions;
        quota_user_overdraw(client->user, QUOTA_STATS, stats_job_count_threads(job, &sampler->join->table), now_ns());
        sampler_schedule(sampler);
}

static void stats_job_answer(StatsJob *job) {
        uint8_t header[ENCODED_STATS_HEADER_MAX];
        Client *client = job->client;

        if (client->closing) {
                /* It is told no more. */
        } else if (job->failed) {
                stats_job_refuse_memory(client, job->request_id);
        } else {
                client_reply(client, header, encode_stats_header(job->request_id, job->n, header));
                client_reply(client, job->bytes, job->n);
        }
        stats_job_free(job);
        client_answered(client);
}

/* The first question's turn: when it takes more, the others come before it. */
static int sampler_work_on_job(Sampler *sampler) {
        StatsJob *job = container_of(sampler->jobs.next, StatsJob, link);
        int r;

        r = stats_request_slice(&job->inquiry, sampler->join, sampler->source, sampler->n_slice, stats_job_reply);
        if (r)
                return error_trace(r);
        if (stats_request_is_done(&job->inquiry) || job->failed) {
                stats_job_answer(job);
        } else {
                list_unlink(&job->link);
                list_append(&sampler->jobs, &job->link);
        }
        return 0;
}

/*
 * Work.
 */

static void sampler_end_sweep(Sampler *sampler) {
        SampleEnd span = { .begin_time_ns = sampler->begin_time_ns };
        uint64_t now;

        /* What has ended by now is in this sample. */
        if (sampler->hub->catch_up)
                sampler->hub->catch_up(sampler->hub);
        now = now_ns();
        span.end_time_ns = join_wall(sampler->join, now);
        list_for_each(link, safe, &sampler->feeds.list) {
                SampleFeed *feed = container_of(link, SampleFeed, link);

                if (!feed->in_sweep)
                        continue;
                sample_feed_end(feed, sampler->sweep.number, &span, now);
                sampler_admit(sampler, feed);
        }
}

static void sampler_on_due(struct ev_loop *loop, ev_timer *watcher, int events) {
        Sampler *sampler = container_of(watcher, Sampler, due);
        bool of_tasks, of_processes;
        uint64_t now = now_ns();

        (void)loop;
        (void)events;
        if (!sampler->sweep.running && sample_feeds_begin(&sampler->feeds, now, &of_tasks, &of_processes)) {
                if (sampler->hub->catch_up)
                        sampler->hub->catch_up(sampler->hub);
                sampler->begin_time_ns = join_wall(sampler->join, now);
                sweep_start(&sampler->sweep, of_tasks, of_processes);
        }
        sampler_schedule(sampler);
}

/* The next slice shall take as long as a slice may. */
static void sampler_adapt(Sampler *sampler, uint64_t took_ns) {
        if (took_ns > SLICE_NS)
                sampler->n_slice = MAX(sampler->n_slice / 2, (size_t)SLICE_TASKS_MIN);
        else if (took_ns < SLICE_NS / 2)
                sampler->n_slice = MIN(sampler->n_slice * 2, (size_t)SLICE_TASKS_MAX);
}

static void sampler_on_slice(struct ev_loop *loop, ev_timer *watcher, int events) {
        Sampler *sampler = container_of(watcher, Sampler, slice);
        uint64_t cpu = (uint64_t)clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
        bool sweeping = sampler->sweep.running;
        int r = 0;

        (void)loop;
        (void)events;
        ptrace_check_forget(&sampler->glance);
        sampler->jobs_turn = !list_is_empty(&sampler->jobs) && (!sweeping || !sampler->jobs_turn);
        if (sampler->jobs_turn)
                r = sampler_work_on_job(sampler);
        else if (sweeping)
                r = sweep_slice(&sampler->sweep, sampler->n_slice);
        cpu = (uint64_t)clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
        sampler->cpu_ns += cpu;
        if (sampler->sweep.running && !sampler->jobs_turn)
                sampler_adapt(sampler, cpu);
        if (!r && sweeping && !sampler->sweep.running)
                sampler_end_sweep(sampler);
        if (r)
                sampler->r = r;
        sampler_schedule(sampler);
}

/**
 * sampler_publish() - something happened
 * @sampler:  the sampler
 * @event:    the event, after the join
 */
void sampler_publish(Sampler *sampler, const Event *event) {
        sweep_on_event(&sampler->sweep, event);
        list_for_each(link, safe, &sampler->jobs)
                stats_request_on_event(&container_of(link, StatsJob, link)->inquiry, event);
        sample_feeds_publish(&sampler->feeds, event);
}

/**
 * sampler_end_turn() - wake those for whom there is something new
 * @sampler:  the sampler
 *
 * Return: 0, or a negative errno: of something that went wrong in the turn.
 */
int sampler_end_turn(Sampler *sampler) {
        list_for_each(link, safe, &sampler->feeds.list) {
                Feed *feed = container_of(link, SampleFeed, link)->feed;

                if (feed->stopped)
                        hub_end_feed(sampler->hub, feed);
                if (feed->n_closed == 0)
                        continue;
                feed->n_closed = 0;
                list_for_each(cursor, cursor_safe, &feed->cursors)
                        client_wake(container_of(cursor, Client, cursor.link));
        }
        return error_trace(sampler->r);
}

void sampler_report(const Sampler *sampler, BrokerStatus *status) {
        status->sweeps = sampler->sweep.n_passes;
        status->sweep_tasks = sampler->sweep.n_tasks;
        status->sweep_gone = sampler->sweep.n_gone;
        status->sweep_lost = sampler->sweep.n_lost;
        status->sweep_cpu_ns = sampler->cpu_ns;
        status->sample_subscribers = sampler->n_subscribers;
        status->sample_lost = sampler->n_lost;
}
