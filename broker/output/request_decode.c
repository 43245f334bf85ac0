/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Decodes and checks the requests of clients. The request handler calls request_decode().
 * protobuf-c allocates memory for each message, list and unknown field of the input. It
 * gets this memory from an arena of fixed size, so that no input can make the broker
 * allocate more. An input that needs a larger arena is refused like any invalid message.
 */

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/request_decode.h"
#include "taskbroker/v1/broker.pb-c.h"

/* The arena is on the stack. The largest message, full of unknown fields of two bytes, needs three times this. */
#define ARENA_BYTES (512u * 1024u)

typedef struct Arena Arena;

struct Arena {
        size_t n_used;
        alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
};

static void *arena_alloc(void *data, size_t n) {
        Arena *arena = data;
        size_t rounded = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        void *pointer = arena->bytes + arena->n_used;

        if (rounded < n || rounded > ARENA_BYTES - arena->n_used)
                return NULL;
        arena->n_used += rounded;
        /* When protobuf-c before 1.5.1 fails, it follows pointers that it has not written yet: they must be NULL. */
        return memset(pointer, 0, rounded);
}

static void arena_free(void *data, void *pointer) {
        (void)data;
        (void)pointer;
}

static int refuse(EncodedError *error, ErrorCode code, bool closing, const char *field, const char *message) {
        error->code = code;
        error->closing = closing;
        error->field = field;
        error->message = message;
        return REQUEST_E_REFUSED;
}

/* Three requests have a filter, and the name of a field begins with the name of its request. */
#define FIELD(type, field)                                                                                             \
        ((type) == REQUEST_SAMPLE          ? "subscribe_samples." field                                                \
         : (type) == REQUEST_CHANGE_FILTER ? "change_filter." field                                                    \
                                           : "subscribe." field)
#define REFUSE_VALUE(error, field, message) refuse((error), ERROR_BAD_VALUE, false, (field), (message))

static int numbers_decode(const uint32_t *wire, size_t n_wire, size_t n_max, uint32_t *numbers, uint32_t *n_numbers) {
        if (n_wire > n_max)
                return REQUEST_E_REFUSED;
        for (size_t i = 0; i < n_wire; ++i)
                numbers[i] = wire[i];
        *n_numbers = (uint32_t)n_wire;
        return 0;
}

/* Copies texts of 1 to @n_max bytes without a NUL, each to a place of @n_max + 1 bytes. */
static int texts_decode(const ProtobufCBinaryData *wire, size_t n_wire, size_t n_max, char *texts, uint32_t *n_texts) {
        for (size_t i = 0; i < n_wire; ++i) {
                if (wire[i].len == 0 || wire[i].len > n_max || memchr(wire[i].data, 0, wire[i].len))
                        return REQUEST_E_REFUSED;
                memcpy(texts + i * (n_max + 1), wire[i].data, wire[i].len);
        }
        *n_texts = (uint32_t)n_wire;
        return 0;
}

/* Removes the slashes at the end of each path, so that equal paths have equal bytes. */
static int paths_decode(const ProtobufCBinaryData *wire, size_t n_wire, size_t n_max, char *paths, uint32_t *n_paths) {
        if (texts_decode(wire, n_wire, n_max, paths, n_paths))
                return REQUEST_E_REFUSED;
        for (size_t i = 0; i < n_wire; ++i) {
                char *path = paths + i * (n_max + 1);

                if (*path != '/')
                        return REQUEST_E_REFUSED;
                for (size_t n = strlen(path); n > 0 && path[n - 1] == '/'; --n)
                        path[n - 1] = 0;
        }
        return 0;
}

/* For each shape of proto/filter_criteria.h: macros that find it in the message, decode it and refuse it. */
#define WIRE_HAS_NUMBERS(name) (m->n_##name > 0)
#define WIRE_HAS_TEXTS(name) (m->n_##name > 0)
#define WIRE_HAS_PATHS(name) (m->n_##name > 0)
#define WIRE_HAS_CPU_LIST(name) (*m->name)
#define WIRE_HAS_FLAG(name) (m->name)
#define REFUSE_CRITERION(name, message) REFUSE_VALUE(error, FIELD(type, "filter." #name), message)
#define REFUSE_MANY(name, max, nouns)                                          \
        if (m->n_##name > (max))                                               \
                return REFUSE_CRITERION(name, "There are more than " #max " " nouns ".");
#define DECODE_NUMBERS(name, max, max_bytes, noun, nouns)                      \
        REFUSE_MANY(name, max, nouns)                                          \
        (void)numbers_decode(m->name, m->n_##name, max, filter->name, &filter->n_##name);
#define DECODE_TEXTS(name, max, max_bytes, noun, nouns)                        \
        REFUSE_MANY(name, max, nouns)                                          \
        if (texts_decode(m->name, m->n_##name, max_bytes, filter->name[0], &filter->n_##name)) \
                return REFUSE_CRITERION(name, "A " noun " has 1 to " #max_bytes " bytes, none of them 0.");
#define DECODE_PATHS(name, max, max_bytes, noun, nouns)                        \
        REFUSE_MANY(name, max, nouns)                                          \
        if (paths_decode(m->name, m->n_##name, max_bytes, filter->name[0], &filter->n_##name)) \
                return REFUSE_CRITERION(name,                                  \
                                        "The path of a " noun " begins with '/' and has at most " #max_bytes \
                                        " bytes, none of them 0.");
#define DECODE_CPU_LIST(name, max, max_bytes, noun, nouns)                     \
        if (*m->name && !filter_parse_cpus(filter, m->name))                   \
                return REFUSE_CRITERION(name, "Processors are a list like \"0-3,8\", of numbers below 8192.");
#define DECODE_FLAG(name, max, max_bytes, noun, nouns) filter->name = m->name;
#define REFUSE_TASK(name, shape)
#define REFUSE_EVENT(name, shape)                                              \
        if (type == REQUEST_SAMPLE && WIRE_HAS_##shape(name))                               \
                return REFUSE_CRITERION(name, "Samples contain tasks: a criterion for events does not apply to them.");

static int filter_decode(const Taskbroker__V1__Filter *m, RequestType type, Filter *filter, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, FIELD(type, "filter"),
                              "The filter has a field that this broker does not know.");

#define DECODE(name, NAME, shape, max, max_bytes, scope, noun, nouns, ...)     \
        REFUSE_##scope(name, shape)                                            \
        DECODE_##shape(name, max, max_bytes, noun, nouns)
        FILTER_CRITERIA(DECODE)
#undef DECODE
        return 0;
}

static void starts_convert(const uint64_t *wire, size_t n_wire, uint64_t *starts) {
        for (size_t i = 0; i < n_wire; ++i)
                starts[i] = wire[i] ? wire[i] + (uint64_t)clock_boot_epoch_ns() : 0;
}

static int starts_decode(const Taskbroker__V1__FilterStarts *m, RequestType type, Subscription *subscription,
                         EncodedError *error) {
        const Filter *filter = &subscription->key.filter;

        if (!m)
                return 0;
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, FIELD(type, "starts"),
                              "The starts have a field that this broker does not know.");
        if (m->n_pids > filter->n_pids || m->n_subtrees > filter->n_subtrees)
                return REFUSE_VALUE(error, FIELD(type, "starts"), "There are more starts than numbers.");
        starts_convert(m->pids, m->n_pids, subscription->starts.pids);
        starts_convert(m->subtrees, m->n_subtrees, subscription->starts.subtrees);
        return 0;
}

static int resume_decode(const Taskbroker__V1__Resume *m, Resume *resume, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "subscribe.resume",
                              "The position to resume from has a field that this broker does not know.");
        *resume = (Resume){ .epoch = m->epoch, .feed = m->feed, .next_number = m->next_number };
        return 0;
}

/* The groups of a request, as STATS_*. @none: the bit that stands for no group; 0: it has none. Return: whether all
 * bits are known. */
static bool groups_decode(uint32_t wire, uint32_t none, uint32_t *ret_groups) {
        *ret_groups = wire ? wire & STATS_ALL_GROUPS : STATS_ALL_GROUPS;
        return !(wire & ~(STATS_ALL_GROUPS | none));
}

static int subscribe_decode(const Taskbroker__V1__Subscribe *m, Subscription *subscription, EncodedError *error) {
        SubscriptionKey *key = &subscription->key;
        uint32_t groups;

        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "subscribe",
                              "The request has a field that this broker does not know.");

        for (size_t i = 0; i < m->n_kinds; ++i) {
                if (!event_kind_is_known(m->kinds[i]))
                        return refuse(error, ERROR_BAD_VALUE, false, "subscribe.kinds",
                                      "There is no such kind of event.");
                key->kinds |= EVENT_BIT(m->kinds[i]);
        }
        if (m->n_kinds == 0)
                key->kinds = event_default_kinds();
        key->kinds |= EVENT_BIT(EVENT_LOSS);

        if (m->max_delay_ms > LIMIT_DELAY_MS)
                return refuse(error, ERROR_BAD_VALUE, false, "subscribe.max_delay_ms",
                              "The delay is longer than 60000 milliseconds.");
        if (!groups_decode(m->groups, STATS_NO_GROUP, &groups))
                return REFUSE_VALUE(error, "subscribe.groups", "There is no such group of statistics.");
        key->left_out = STATS_ALL_GROUPS & ~groups;
        subscription->max_delay_ms = m->max_delay_ms;
        subscription->key.threads = m->threads;
        subscription->key.programs = m->programs;
        subscription->strict = m->strict;
        subscription->snapshot = m->snapshot;
        if (m->filter && filter_decode(m->filter, REQUEST_SUBSCRIBE, &subscription->key.filter, error))
                return REQUEST_E_REFUSED;
        if (starts_decode(m->starts, REQUEST_SUBSCRIBE, subscription, error))
                return REQUEST_E_REFUSED;
        subscription->has_resume = m->resume;
        return m->resume ? resume_decode(m->resume, &subscription->resume, error) : 0;
}

static int sample_decode(const Taskbroker__V1__SubscribeSamples *m, Request *request, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "subscribe_samples",
                              "The request has a field that this broker does not know.");
        if (m->interval_ms < LIMIT_SAMPLE_MS_MIN || m->interval_ms > LIMIT_SAMPLE_MS_MAX)
                return REFUSE_VALUE(error, "subscribe_samples.interval_ms",
                                    "An interval has 100 to 60000 milliseconds.");
        if ((int)m->scope < 0 || m->scope > TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS)
                return REFUSE_VALUE(error, "subscribe_samples.scope", "Samples contain processes (1) or threads (2).");
        if (!groups_decode(m->groups, 0, &request->sampling.groups))
                return REFUSE_VALUE(error, "subscribe_samples.groups", "There is no such group of statistics.");

        request->sampling.interval_ms = m->interval_ms;
        request->subscription.key.threads = m->scope == TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS;
        if (m->filter && filter_decode(m->filter, REQUEST_SAMPLE, &request->subscription.key.filter, error))
                return REQUEST_E_REFUSED;
        return starts_decode(m->starts, REQUEST_SAMPLE, &request->subscription, error);
}

static int stats_decode(const Taskbroker__V1__GetTaskStats *m, StatsWanted *stats, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "get_task_stats",
                              "The request has a field that this broker does not know.");
        if (m->n_pids + m->n_tids == 0)
                return REFUSE_VALUE(error, "get_task_stats.pids", "The request names no process and no task.");
        if (numbers_decode(m->pids, m->n_pids, LIMIT_STATS_NUMBERS, stats->pids, &stats->n_pids))
                return REFUSE_VALUE(error, "get_task_stats.pids", "There are more than 128 numbers.");
        if (numbers_decode(m->tids, m->n_tids, LIMIT_STATS_NUMBERS - m->n_pids, stats->tids, &stats->n_tids))
                return REFUSE_VALUE(error, "get_task_stats.tids", "There are more than 128 numbers.");
        return 0;
}

static int change_filter_decode(const Taskbroker__V1__ChangeFilter *m, Request *request, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "change_filter",
                              "The request has a field that this broker does not know.");
        request->stream = m->stream;
        if (m->filter &&
            filter_decode(m->filter, REQUEST_CHANGE_FILTER, &request->subscription.key.filter, error))
                return REQUEST_E_REFUSED;
        return starts_decode(m->starts, REQUEST_CHANGE_FILTER, &request->subscription, error);
}

/* Decodes a request that has nothing but the number of a stream. */
static int stream_decode(const ProtobufCMessage *m, uint32_t stream, const char *name, Request *request,
                         EncodedError *error) {
        if (m->n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, name,
                              "The request has a field that this broker does not know.");
        request->stream = stream;
        return 0;
}

static int client_decode(const Taskbroker__V1__ClientInfo *m, Request *request, EncodedError *error) {
        if (m->base.n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, "client",
                              "The client has a field that this broker does not know.");
        if (!client_info_set(request->client.name, m->name))
                return REFUSE_VALUE(error, "client.name",
                                    "A name has at most 63 bytes of UTF-8, without control characters.");
        if (!client_info_set(request->client.version, m->version))
                return REFUSE_VALUE(error, "client.version",
                                    "A version has at most 63 bytes of UTF-8, without control characters.");
        request->has_client = true;
        return 0;
}

/* Decodes a request that has no fields. */
static int empty_decode(const ProtobufCMessage *m, RequestType type, const char *name, Request *request,
                        EncodedError *error) {
        request->type = type;
        if (m->n_unknown_fields > 0)
                return refuse(error, ERROR_UNKNOWN_FIELD, true, name,
                              "The request has a field that this broker does not know.");
        return 0;
}

/* Decodes a request about a stream that has begun. */
static int restart_decode(const Taskbroker__V1__ClientMessage *m, Request *request, EncodedError *error) {
        switch (m->body_case) {
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_UNSUBSCRIBE:
                request->type = REQUEST_UNSUBSCRIBE;
                return stream_decode(&m->unsubscribe->base, m->unsubscribe->stream, "unsubscribe", request, error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_SNAPSHOT:
                request->type = REQUEST_SNAPSHOT;
                return stream_decode(&m->get_snapshot->base, m->get_snapshot->stream, "get_snapshot", request, error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_CHANGE_FILTER:
                request->type = REQUEST_CHANGE_FILTER;
                return change_filter_decode(m->change_filter, request, error);
        default:
                return refuse(error, ERROR_BAD_MESSAGE, true, NULL, "The message holds no request.");
        }
}

/**
 * request_decode() - read a ClientMessage
 * @data:         the message, without its frame's prefix
 * @n_data:       its length
 * @ret_request:  output
 * @ret_error:    output of REQUEST_E_REFUSED, with constant texts
 *
 * Return: 0, or REQUEST_E_REFUSED.
 */
int request_decode(const uint8_t *data, size_t n_data, Request *ret_request, EncodedError *ret_error) {
        Arena arena UNINITIALISED;
        ProtobufCAllocator allocator = { .alloc = arena_alloc, .free = arena_free, .allocator_data = &arena };
        const Taskbroker__V1__ClientMessage *m;

        *ret_request = (Request){};
        *ret_error = (EncodedError){};
        arena.n_used = 0;
        m = taskbroker__v1__client_message__unpack(&allocator, n_data, data);
        if (!m)
                return refuse(ret_error, ERROR_BAD_MESSAGE, true, NULL, "The frame does not hold a ClientMessage.");

        ret_request->id = m->request_id;
        ret_error->request_id = m->request_id;
        if (m->base.n_unknown_fields > 0)
                return refuse(ret_error, ERROR_UNKNOWN_FIELD, true, NULL,
                              "The message has a field, or a request, that this broker does not know.");
        if (m->client && client_decode(m->client, ret_request, ret_error))
                return REQUEST_E_REFUSED;

        switch (m->body_case) {
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE:
                ret_request->type = REQUEST_SUBSCRIBE;
                return subscribe_decode(m->subscribe, &ret_request->subscription, ret_error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS:
                return empty_decode(&m->get_broker_status->base, REQUEST_STATUS, "get_broker_status", ret_request,
                                    ret_error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_PING:
                return empty_decode(&m->ping->base, REQUEST_PING, "ping", ret_request, ret_error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_TASK_STATS:
                ret_request->type = REQUEST_STATS;
                return stats_decode(m->get_task_stats, &ret_request->stats, ret_error);
        case TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES:
                ret_request->type = REQUEST_SAMPLE;
                return sample_decode(m->subscribe_samples, ret_request, ret_error);
        default:
                return restart_decode(m, ret_request, ret_error);
        }
}
