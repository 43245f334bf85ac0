/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The requests of a program: checked, so that it gets an error at once, and queued.
 *
 * The public functions of this file need a client; client.c sends what they queue. Requests
 * for streams and about streams are kept, and session_streams.c queues them.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/session_streams.h"
#include "proto/filter_criteria.h"

#define CLIENT_MAX_DELAY_MS 60000u
#define CLIENT_SAMPLE_MS_MIN 100u
#define CLIENT_SAMPLE_MS_MAX 60000u

/* The public header has the maxima of proto/filter_criteria.h, which the broker accepts. */
#define SAME_MAX_NUMBERS(NAME, OPTION, max, max_bytes) _Static_assert(TB_FILTER_##NAME##_MAX == (max), #NAME);
#define SAME_MAX_TEXTS(NAME, OPTION, max, max_bytes)                           \
        _Static_assert(TB_FILTER_##NAME##_MAX == (max), #NAME);                \
        _Static_assert(TB_FILTER_##OPTION##_BYTES_MAX == (max_bytes), #NAME);
#define SAME_MAX_PATHS(NAME, OPTION, max, max_bytes) SAME_MAX_TEXTS(NAME, OPTION, max, max_bytes)
#define SAME_MAX_CPU_LIST(NAME, OPTION, max, max_bytes)
#define SAME_MAX_FLAG(NAME, OPTION, max, max_bytes)
#define SAME_MAX(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, ...)                                   \
        SAME_MAX_##shape(NAME, OPTION, max, max_bytes)
FILTER_CRITERIA(SAME_MAX)
#undef SAME_MAX

static int client_check_count(struct tb_client *client, size_t n, size_t n_max, const char *nouns) {
        if (n <= n_max)
                return 0;

        client_set_error_text(client, "A filter has at most %zu %s, not %zu.", n_max, nouns, n);
        return -EINVAL;
}

static int client_check_texts(struct tb_client *client, const char *const *texts, size_t n_texts, size_t n_max,
                              const char *noun) {
        for (size_t i = 0; i < n_texts; ++i) {
                if (texts[i][0] && strlen(texts[i]) <= n_max)
                        continue;
                client_set_error_text(client, "Each %s of a filter has 1 to %zu bytes.", noun, n_max);
                return -EINVAL;
        }

        return 0;
}

static int client_check_list(struct tb_client *client, const char *list, size_t n_max, const char *noun) {
        if (!list || strlen(list) <= n_max)
                return 0;

        client_set_error_text(client, "A %s has at most %zu bytes.", noun, n_max);
        return -EINVAL;
}

static int client_check_filter(struct tb_client *client, const struct tb_filter *filter) {
        int r = 0;

#define CHECK_NUMBERS(name, max, max_bytes, noun, nouns)                       \
        if (r == 0)                                                            \
                r = client_check_count(client, filter->n_##name, max, nouns);
#define CHECK_TEXTS(name, max, max_bytes, noun, nouns)                         \
        CHECK_NUMBERS(name, max, max_bytes, noun, nouns)                       \
        if (r == 0)                                                            \
                r = client_check_texts(client, filter->name, filter->n_##name, max_bytes, noun);
#define CHECK_PATHS(name, max, max_bytes, noun, nouns) CHECK_TEXTS(name, max, max_bytes, noun, nouns)
#define CHECK_CPU_LIST(name, max, max_bytes, noun, nouns)                      \
        if (r == 0)                                                            \
                r = client_check_list(client, filter->name, max_bytes, noun);
#define CHECK_FLAG(name, max, max_bytes, noun, nouns)
#define CHECK(name, NAME, shape, max, max_bytes, scope, noun, nouns, ...)                                              \
        CHECK_##shape(name, max, max_bytes, noun, nouns)
        FILTER_CRITERIA(CHECK)
#undef CHECK

        return r;
}

/* Whether the filter leaves out events: samples have none. */
static bool filter_is_of_events(const struct tb_filter *filter) {
        bool any = false;

#define HAS_NUMBERS(name) (filter->n_##name > 0)
#define HAS_TEXTS(name) (filter->n_##name > 0)
#define HAS_PATHS(name) (filter->n_##name > 0)
#define HAS_CPU_LIST(name) (filter->name)
#define HAS_FLAG(name) (filter->name)
#define OF_TASK(name, shape)
#define OF_EVENT(name, shape) any |= HAS_##shape(name) != 0;
#define OF(name, NAME, shape, max, max_bytes, scope, ...) OF_##scope(name, shape)
        FILTER_CRITERIA(OF)
#undef OF

        return any;
}

static int client_fail_request(struct tb_client *client) {
        client_set_error_text(client, "There is too little memory for this request.");
        return -ENOMEM;
}

/* Keeps a checked request for a stream, and sends it as soon as that is possible. */
static int client_add_stream(struct tb_client *client,
                             const struct tb_subscription *subscription,
                             const struct tb_sampling *sampling,
                             uint64_t *ret_request_id) {
        Stream *stream;
        int r;

        if (streams_is_full(&client->streams, false)) {
                client_set_error_text(client, "A client has at most %u streams: end one with tb_unsubscribe() first.",
                                      TB_STREAMS_MAX);
                return -EMFILE;
        }
        r = client_room(client);
        if (r < 0)
                return r;
        if (streams_is_full(&client->streams, true)) {
                client_set_error_text(client, "Too many streams wait for their end: let tb_process() receive first.");
                return -ENOBUFS;
        }
        r = stream_new(&stream, subscription, sampling);
        if (r < 0)
                return client_fail_request(client);

        stream->request_id = ++client->last_request_id;
        if (ret_request_id)
                *ret_request_id = stream->request_id;
        streams_add(&client->streams, stream);
        session_send_requests(client);
        return 0;
}

int tb_subscribe(struct tb_client *client, const struct tb_subscription *subscription, uint64_t *ret_request_id) {
        struct tb_subscription asked = { 0 };
        int r;

        if (subscription)
                asked = *subscription;
        if (!asked.kinds)
                asked.kinds = TB_KINDS_DEFAULT;
        if (asked.kinds & ~TB_KINDS_ALL) {
                client_set_error_text(client, "There are no such kinds of events: 0x%x.", asked.kinds & ~TB_KINDS_ALL);
                return -EINVAL;
        }
        if (asked.max_delay_ms > CLIENT_MAX_DELAY_MS) {
                client_set_error_text(client,
                           "Events cannot be held back for %" PRIu32 " ms: at most %u ms are possible.",
                           asked.max_delay_ms,
                           CLIENT_MAX_DELAY_MS);
                return -EINVAL;
        }

        r = client_check_filter(client, &asked.filter);
        if (r < 0)
                return r;
        return client_add_stream(client, &asked, NULL, ret_request_id);
}

int tb_request_status(struct tb_client *client, uint64_t *ret_request_id) {
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        r = client_room(client);
        if (r < 0)
                return r;

        client_queue(client, frame, encode_get_status(frame, ++client->last_request_id));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}

int tb_ping(struct tb_client *client, uint64_t *ret_request_id) {
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        r = client_room(client);
        if (r < 0)
                return r;

        client_queue(client, frame, encode_ping(frame, ++client->last_request_id));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}

int tb_request_stats(struct tb_client *client,
                     const uint32_t *pids,
                     size_t n_pids,
                     const uint32_t *tids,
                     size_t n_tids,
                     uint64_t *ret_request_id) {
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        if (n_pids > TB_STATS_MAX || n_tids > TB_STATS_MAX - n_pids || n_pids + n_tids == 0) {
                client_set_error_text(client, "Statistics can be asked for of 1 to %u processes and tasks at once.",
                                      TB_STATS_MAX);
                return -EINVAL;
        }
        r = client_room(client);
        if (r < 0)
                return r;

        client_queue(client, frame, encode_get_stats(frame, ++client->last_request_id, pids, n_pids, tids, n_tids));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}

static int client_check_sample_filter(struct tb_client *client, const struct tb_filter *filter) {
        if (filter_is_of_events(filter)) {
                client_set_error_text(client,
                                      "Samples have tasks: a filter by processors or exit status is for events.");
                return -EINVAL;
        }

        return client_check_filter(client, filter);
}

static int client_check_sampling(struct tb_client *client, const struct tb_sampling *sampling) {
        if (sampling->interval_ms < CLIENT_SAMPLE_MS_MIN || sampling->interval_ms > CLIENT_SAMPLE_MS_MAX) {
                client_set_error_text(client,
                           "Samples cannot come every %" PRIu32 " ms: %u to %u ms are possible.",
                           sampling->interval_ms,
                           CLIENT_SAMPLE_MS_MIN,
                           CLIENT_SAMPLE_MS_MAX);
                return -EINVAL;
        }
        if ((unsigned int)sampling->scope > TB_SAMPLE_THREADS) {
                client_set_error_text(client, "A sample has the scope of processes or threads, not scope %u.",
                                      (unsigned int)sampling->scope);
                return -EINVAL;
        }

        return client_check_sample_filter(client, &sampling->filter);
}

int tb_sample(struct tb_client *client, const struct tb_sampling *sampling, uint64_t *ret_request_id) {
        int r;

        r = client_check_sampling(client, sampling);
        if (r < 0)
                return r;

        return client_add_stream(client, NULL, sampling, ret_request_id);
}

/*
 * Requests about a stream.
 */

static int client_find_stream(struct tb_client *client, uint32_t number, Stream **ret_stream) {
        *ret_stream = streams_find(&client->streams, number);
        if (*ret_stream)
                return 0;

        client_set_error_text(client, "There is no stream %" PRIu32 ": it has not begun, or it has ended.", number);
        return -ENOENT;
}

static int client_add_request(struct tb_client *client,
                              StreamRequestType type,
                              Stream *stream,
                              const struct tb_filter *filter,
                              uint64_t *ret_request_id) {
        int r;

        r = client_room(client);
        if (r < 0)
                return r;
        r = streams_add_request(&client->streams, type, stream, client->last_request_id + 1, filter);
        if (r == -ENOBUFS)
                client_set_error_text(client, "Too many requests wait for an answer: let tb_process() receive first.");
        if (r < 0)
                return r == -ENOMEM ? client_fail_request(client) : r;

        ++client->last_request_id;
        if (ret_request_id)
                *ret_request_id = client->last_request_id;
        session_send_requests(client);
        return 0;
}

int tb_unsubscribe(struct tb_client *client, uint32_t stream_number, uint64_t *ret_request_id) {
        Stream *stream;
        int r;

        r = client_find_stream(client, stream_number, &stream);
        if (r == 0)
                r = client_add_request(client, STREAM_UNSUBSCRIBE, stream, NULL, ret_request_id);
        if (r < 0)
                return r;

        stream->ending = true;
        if (stream->state == STREAM_DUE && client->reconnect)
                reconnect_wake(client->reconnect);
        return 0;
}

int tb_change_filter(struct tb_client *client,
                     uint32_t stream_number,
                     const struct tb_filter *filter,
                     uint64_t *ret_request_id) {
        const struct tb_filter all = { 0 };
        Stream *stream;
        int r;

        if (!filter)
                filter = &all;
        r = client_find_stream(client, stream_number, &stream);
        if (r < 0)
                return r;
        r = stream->samples ? client_check_sample_filter(client, filter) : client_check_filter(client, filter);
        if (r < 0)
                return r;

        return client_add_request(client, STREAM_CHANGE_FILTER, stream, filter, ret_request_id);
}

int tb_get_snapshot(struct tb_client *client, uint32_t stream_number, uint64_t *ret_request_id) {
        Stream *stream;
        int r;

        r = client_find_stream(client, stream_number, &stream);
        if (r < 0)
                return r;
        if (stream->samples) {
                client_set_error_text(client, "Stream %" PRIu32 " has samples: only events have snapshots.",
                                      stream_number);
                return -EINVAL;
        }

        return client_add_request(client, STREAM_GET_SNAPSHOT, stream, NULL, ret_request_id);
}
