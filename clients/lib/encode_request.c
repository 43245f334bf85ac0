/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests as frames.
 *
 * Called by the client, with values that it has checked. Allocates nothing.
 */

#include <assert.h>
#include <string.h>

#include "clients/lib/encode_request.h"
#include "proto/filter_criteria.h"
#include "proto/frame.h"
#include "taskbroker/v1/broker.pb-c.h"

static size_t encode_frame(uint8_t frame[static ENCODE_REQUEST_MAX], const Taskbroker__V1__ClientMessage *message) {
        size_t n_prefix, n;

        n = taskbroker__v1__client_message__get_packed_size(message);
        assert(n <= ENCODE_REQUEST_MAX - FRAME_PREFIX_MAX);

        n_prefix = frame_prefix(frame, (uint32_t)n);
        return n_prefix + taskbroker__v1__client_message__pack(message, frame + n_prefix);
}

/* The largest filter of proto/filter_criteria.h, as bytes: a list of numbers is packed, each text has a tag and a
 * length. */
#define BYTES_NUMBERS(max, max_bytes) (1 + 3 + (max) * 5)
#define BYTES_TEXTS(max, max_bytes) ((max) * (1 + 2 + (max_bytes)))
#define BYTES_PATHS(max, max_bytes) BYTES_TEXTS(max, max_bytes)
#define BYTES_CPU_LIST(max, max_bytes) BYTES_TEXTS(max, max_bytes)
#define BYTES_FLAG(max, max_bytes) 2
#define BYTES(name, NAME, shape, max, max_bytes, ...) +BYTES_##shape(max, max_bytes)
_Static_assert((0 FILTER_CRITERIA(BYTES)) + sizeof(NamedStarts) + ENCODE_CLIENT_INFO_MAX + 128 <= ENCODE_REQUEST_MAX,
               "the largest filter must fit a request");
#undef BYTES

typedef struct FilterWire FilterWire;

/* A Filter of the wire with the lists that it points to. */
struct FilterWire {
        Taskbroker__V1__Filter message;
#define LISTS_NUMBERS(name, max)
#define LISTS_TEXTS(name, max) ProtobufCBinaryData name[max];
#define LISTS_PATHS(name, max) ProtobufCBinaryData name[max];
#define LISTS_CPU_LIST(name, max)
#define LISTS_FLAG(name, max)
#define LISTS(name, NAME, shape, max, ...) LISTS_##shape(name, max)
        FILTER_CRITERIA(LISTS)
#undef LISTS
};

static ProtobufCBinaryData *encode_texts(ProtobufCBinaryData *wire, const char *const *texts, size_t n_texts) {
        for (size_t i = 0; i < n_texts; ++i)
                wire[i] = (ProtobufCBinaryData){ .len = strlen(texts[i]), .data = (uint8_t *)texts[i] };
        return wire;
}

/* Return: the message in @wire; NULL where the filter is empty. */
static Taskbroker__V1__Filter *encode_filter(FilterWire *wire, const struct tb_filter *filter) {
        Taskbroker__V1__Filter *m = &wire->message;
        bool any = false;

        taskbroker__v1__filter__init(m);
#define ENCODE_NUMBERS(name)                                                   \
        m->name = (uint32_t *)filter->name;                                    \
        any |= (m->n_##name = filter->n_##name) > 0;
#define ENCODE_TEXTS(name)                                                     \
        m->name = encode_texts(wire->name, filter->name, filter->n_##name);    \
        any |= (m->n_##name = filter->n_##name) > 0;
#define ENCODE_PATHS(name) ENCODE_TEXTS(name)
#define ENCODE_CPU_LIST(name)                                                  \
        if (filter->name) {                                                    \
                m->name = (char *)filter->name;                                \
                any = true;                                                    \
        }
#define ENCODE_FLAG(name) any |= m->name = filter->name;
#define ENCODE(name, NAME, shape, ...) ENCODE_##shape(name)
        FILTER_CRITERIA(ENCODE)
#undef ENCODE
        return any ? m : NULL;
}

/* Return: the message in @m; NULL: the numbers name the processes that have them now. */
static Taskbroker__V1__FilterStarts *encode_starts(Taskbroker__V1__FilterStarts *m, const NamedStarts *starts) {
        taskbroker__v1__filter_starts__init(m);
        if (!starts || starts->n_pids + starts->n_subtrees == 0)
                return NULL;
        m->pids = (uint64_t *)starts->pids;
        m->n_pids = starts->n_pids;
        m->subtrees = (uint64_t *)starts->subtrees;
        m->n_subtrees = starts->n_subtrees;
        return m;
}

size_t encode_subscribe(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const struct tb_subscription *subscription,
                        const NamedStarts *starts,
                        const struct tb_place *resume) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Subscribe subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        Taskbroker__V1__Resume place = TASKBROKER__V1__RESUME__INIT;
        Taskbroker__V1__FilterStarts named;
        FilterWire filter;
        Taskbroker__V1__EventKind kinds[32];

        for (unsigned int kind = 0; kind < sizeof(kinds) / sizeof(*kinds); ++kind)
                if (subscription->kinds & TB_KIND_BIT(kind))
                        kinds[subscribe.n_kinds++] = (Taskbroker__V1__EventKind)kind;
        subscribe.kinds = kinds;
        subscribe.threads = subscription->threads;
        subscribe.strict = subscription->strict;
        subscribe.max_delay_ms = subscription->max_delay_ms;
        subscribe.snapshot = subscription->snapshot;
        subscribe.programs = subscription->programs;
        subscribe.groups = subscription->groups;
        if (resume) {
                place.epoch = resume->epoch;
                place.feed = resume->feed;
                place.next_number = resume->next_number;
                subscribe.resume = &place;
        }
        subscribe.filter = encode_filter(&filter, &subscription->filter);
        subscribe.starts = encode_starts(&named, starts);

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        return encode_frame(frame, &message);
}

/* @stream: its number on this connection. */
size_t encode_unsubscribe(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id, uint32_t stream) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Unsubscribe unsubscribe = TASKBROKER__V1__UNSUBSCRIBE__INIT;

        unsubscribe.stream = stream;
        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_UNSUBSCRIBE;
        message.unsubscribe = &unsubscribe;
        return encode_frame(frame, &message);
}

size_t encode_change_filter(uint8_t frame[static ENCODE_REQUEST_MAX],
                            uint64_t request_id,
                            uint32_t stream,
                            const struct tb_filter *filter) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__ChangeFilter change = TASKBROKER__V1__CHANGE_FILTER__INIT;
        FilterWire wire;

        change.stream = stream;
        change.filter = encode_filter(&wire, filter);
        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_CHANGE_FILTER;
        message.change_filter = &change;
        return encode_frame(frame, &message);
}

size_t encode_get_snapshot(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id, uint32_t stream) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetSnapshot get_snapshot = TASKBROKER__V1__GET_SNAPSHOT__INIT;

        get_snapshot.stream = stream;
        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_SNAPSHOT;
        message.get_snapshot = &get_snapshot;
        return encode_frame(frame, &message);
}

size_t encode_get_status(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetBrokerStatus get_status = TASKBROKER__V1__GET_BROKER_STATUS__INIT;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS;
        message.get_broker_status = &get_status;
        return encode_frame(frame, &message);
}

size_t encode_ping(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Ping ping = TASKBROKER__V1__PING__INIT;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_PING;
        message.ping = &ping;
        return encode_frame(frame, &message);
}

/**
 * encode_client_info() - write the member ClientMessage.client
 * @bytes:    output: they may stand behind the message of any request
 * @name:     the program's, shorter than ENCODE_TEXT_MAX
 * @version:  likewise
 *
 * Return: The number of bytes.
 */
size_t encode_client_info(uint8_t bytes[static ENCODE_CLIENT_INFO_MAX], const char *name, const char *version) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__ClientInfo info = TASKBROKER__V1__CLIENT_INFO__INIT;

        info.name = (char *)name;
        info.version = (char *)version;
        message.client = &info;
        return taskbroker__v1__client_message__pack(&message, bytes);
}

size_t encode_get_stats(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const uint32_t *pids,
                        size_t n_pids,
                        const uint32_t *tids,
                        size_t n_tids) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetTaskStats get_stats = TASKBROKER__V1__GET_TASK_STATS__INIT;

        get_stats.pids = (uint32_t *)pids;
        get_stats.n_pids = n_pids;
        get_stats.tids = (uint32_t *)tids;
        get_stats.n_tids = n_tids;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_TASK_STATS;
        message.get_task_stats = &get_stats;
        return encode_frame(frame, &message);
}

size_t encode_sample(uint8_t frame[static ENCODE_REQUEST_MAX],
                     uint64_t request_id,
                     const struct tb_sampling *sampling,
                     const NamedStarts *starts) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__SubscribeSamples sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;
        Taskbroker__V1__FilterStarts named;
        FilterWire filter;

        sample.interval_ms = sampling->interval_ms;
        sample.scope = (Taskbroker__V1__SampleScope)sampling->scope;
        sample.groups = sampling->groups;
        sample.filter = encode_filter(&filter, &sampling->filter);
        sample.starts = encode_starts(&named, starts);

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = &sample;
        return encode_frame(frame, &message);
}
