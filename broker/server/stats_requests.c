/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each request is a job, which collects the encoded answer. A slice works on the first
 * job; a job that needs more slices goes to the end of the queue, so that a large request
 * does not delay small ones for long.
 */

#include <stdlib.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "broker/output/sample_view.h"
#include "broker/policy/limits.h"
#include "broker/server/stats_requests.h"

typedef struct StatsJob StatsJob;

struct StatsJob {
        List link;
        StatsRequests *requests;
        Client *client;                 /* not owned; stats_requests_forget() ends its jobs */
        uint64_t request_id;
        Charge request;
        Charge memory;                  /* the job and the answer */
        StatsRequest wanted;
        SampleConsumer consumer;        /* the request works for it */
        uint8_t *bytes;                 /* encoded members of the Stats */
        size_t n, n_max;
        bool failed;                    /* there was no memory for the answer */
};

_Static_assert(LIMIT_STATS_NUMBERS == STATS_REQUEST_MAX, "one request on the wire is one StatsRequest");

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

static void stats_job_free(StatsJob *job) {
        --job->client->n_stats_requests;
        --job->client->connection.n_expected;
        list_unlink(&job->link);
        stats_request_deinit(&job->wanted);
        charge_return(&job->request);
        charge_return(&job->memory);
        free(job->bytes);
        free(job);
}

void stats_requests_init(StatsRequests *requests, const TaskTable *table, PtraceCheck *ptrace_check) {
        *requests = (StatsRequests){ .table = table, .ptrace_check = ptrace_check };
        list_init(&requests->jobs);
}

void stats_requests_deinit(StatsRequests *requests) {
        list_for_each(link, safe, &requests->jobs)
                stats_job_free(container_of(link, StatsJob, link));
}

/*
 * The tasks of an answer.
 */

static bool stats_job_reserve(StatsJob *job) {
        uint8_t *bytes;
        size_t n;

        if (job->n_max - job->n >= ENCODED_SAMPLE_MAX)
                return true;
        n = MAX(2 * job->n_max, (size_t)2 * ENCODED_SAMPLE_MAX);
        bytes = charge_resize(&job->memory, sizeof(*job) + n) ? NULL : memory_alloc_optional(job->bytes, n);
        if (!bytes) {
                job->failed = true;
                return false;
        }
        job->bytes = bytes;
        job->n_max = n;
        return true;
}

static void stats_job_take(SampleConsumer *consumer, const Task *task, bool of_process, const TaskSample *sample) {
        StatsJob *job = container_of(consumer, StatsJob, consumer);
        const Rights *rights = &job->client->rights;
        TaskSample gone = stats_request_gone(&job->wanted);
        View view = VIEW_FULL;
        uint32_t variant = 0;

        (void)task;
        (void)of_process;
        ptrace_check_forget(job->requests->ptrace_check);
        if (!sample->gone)
                view = sample_view(job->requests->ptrace_check, rights, sample);
        if (view == VIEW_NONE)
                sample = &gone;
        else if (view == VIEW_PUBLIC)
                variant = ENCODE_PUBLIC | (rights->exit_status ? ENCODE_STATUS : 0);
        if (stats_job_reserve(job))
                job->n += encode_task_sample_answer(sample, variant, job->bytes + job->n);
}

/* The kernel is queried only for tasks that the client may know of. */
static bool stats_job_wants(SampleConsumer *consumer, const Task *task) {
        const StatsJob *job = container_of(consumer, StatsJob, consumer);

        return policy_view_task(&job->client->rights, task) != VIEW_NONE;
}

/*
 * Counts the threads that are read beyond one task for each number. A process that is
 * hidden from the client does not count: the quota would reveal it.
 */
static uint64_t stats_job_count_threads(StatsJob *job) {
        uint64_t n = 0;

        for (size_t i = 0; i < job->wanted.n_pids; ++i) {
                const Task *leader = task_table_get_leader(job->requests->table, job->wanted.numbers[i]);

                if (leader && leader->process->n_live > 1 && stats_job_wants(&job->consumer, leader))
                        n += leader->process->n_live - 1;
        }
        return n;
}

/*
 * Requests.
 */

static void stats_requests_refuse(Client *client, uint64_t request_id, const char *message) {
        connection_refuse(&client->connection, &(EncodedError){
                                                       .request_id = request_id,
                                                       .code = ERROR_LIMIT,
                                                       .message = message,
                                               });
}

static void stats_requests_refuse_memory(Client *client, uint64_t request_id) {
        stats_requests_refuse(client, request_id, "The broker has no memory for the answer.");
}

/* A job that is charged to the client's user; NULL: it was refused. */
static StatsJob *stats_job_new(Client *client, uint64_t request_id) {
        StatsJob *job = memory_alloc_optional(NULL, sizeof(*job));
        int r;

        if (!job) {
                stats_requests_refuse_memory(client, request_id);
                return NULL;
        }
        *job = (StatsJob){ .client = client, .request_id = request_id };
        list_init(&job->link);
        r = charge_take(&job->request, client->connection.user, QUOTA_REQUESTS, 1);
        if (!r)
                r = charge_take(&job->memory, client->connection.user, QUOTA_BYTES, sizeof(*job));
        if (r) {
                QuotaKind kind = job->request.user ? QUOTA_BYTES : QUOTA_REQUESTS;

                charge_return(&job->request);
                free(job);
                if (r == QUOTA_E_USER)
                        connection_refuse_quota(&client->connection, request_id, kind, false);
                else
                        connection_refuse_total(&client->connection, request_id, kind);
                return NULL;
        }
        return job;
}

/**
 * stats_requests_add() - take a request, or refuse it
 * @requests:  the requests
 * @client:    the client
 * @request:   a GetTaskStats
 */
void stats_requests_add(StatsRequests *requests, Client *client, const Request *request) {
        const StatsWanted *wanted = &request->stats;
        QuotaUser *user = client->connection.user;
        StatsJob *job;

        if (client->n_stats_requests >= LIMIT_STATS_WAITING)
                return stats_requests_refuse(client, request->id,
                                             "This connection has 16 requests for statistics without an answer, as "
                                             "many as one connection may have: wait for the answers.");
        if (quota_user_spend(user, QUOTA_STATS, wanted->n_pids + wanted->n_tids, now_ns()))
                return connection_refuse_quota(&client->connection, request->id, QUOTA_STATS, false);
        job = stats_job_new(client, request->id);
        if (!job)
                return;
        job->requests = requests;
        job->consumer = (SampleConsumer){ .wants = stats_job_wants, .take = stats_job_take };
        stats_request_init(&job->wanted, &job->consumer, wanted->pids, wanted->n_pids, wanted->tids, wanted->n_tids);
        list_append(&requests->jobs, &job->link);
        ++client->n_stats_requests;
        ++client->connection.n_expected;
        quota_user_overdraw(user, QUOTA_STATS, stats_job_count_threads(job), now_ns());
}

/**
 * stats_requests_forget() - drop the requests of a client
 * @requests:  the requests
 * @client:    the client
 */
void stats_requests_forget(StatsRequests *requests, const Client *client) {
        list_for_each(link, safe, &requests->jobs) {
                StatsJob *job = container_of(link, StatsJob, link);

                if (client->n_stats_requests == 0)
                        return;
                if (job->client == client)
                        stats_job_free(job);
        }
}

bool stats_requests_are_done(const StatsRequests *requests) {
        return list_is_empty(&requests->jobs);
}

static void stats_job_answer(StatsJob *job) {
        Connection *connection = &job->client->connection;
        uint8_t header[ENCODED_STATS_HEADER_MAX];

        if (connection_is_closing(connection)) {
                /* Its last reply is queued. */
        } else if (job->failed) {
                stats_requests_refuse_memory(job->client, job->request_id);
        } else {
                connection_reply(connection, header, encode_stats_header(job->request_id, job->n, header));
                connection_reply(connection, job->bytes, job->n);
        }
        stats_job_free(job);
        connection_answered(connection);
}

/**
 * stats_requests_slice() - work on the first request
 * @requests:  the requests; not empty
 * @join:      with the tasks
 * @source:    where statistics come from
 * @n_max:     tasks to read, at most
 *
 * Return: 0, or a negative errno.
 */
int stats_requests_slice(StatsRequests *requests, Join *join, StatsSource *source, size_t n_max) {
        StatsJob *job = container_of(requests->jobs.next, StatsJob, link);
        int r;

        r = stats_request_slice(&job->wanted, join, source, n_max);
        if (r)
                return error_trace(r);
        if (stats_request_is_done(&job->wanted) || job->failed) {
                stats_job_answer(job);
        } else {
                list_unlink(&job->link);
                list_append(&requests->jobs, &job->link);
        }
        return 0;
}

/**
 * stats_requests_publish() - note an event that concerns requests at work
 * @requests:  the requests
 * @event:     the event, after the join
 */
void stats_requests_publish(StatsRequests *requests, const Event *event) {
        list_for_each(link, safe, &requests->jobs)
                stats_request_on_event(&container_of(link, StatsJob, link)->wanted, event);
}
