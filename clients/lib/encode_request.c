/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests as frames.
 *
 * Called by the client, with values that it has checked. Allocates nothing.
 */

#include <assert.h>
#include <string.h>

#include "clients/lib/encode_request.h"
#include "proto/frame.h"
#include "taskbroker/v1/broker.pb-c.h"

static size_t encode_frame(uint8_t frame[static ENCODE_REQUEST_MAX], const Taskbroker__V1__ClientMessage *message) {
        size_t n_prefix, n;

        n = taskbroker__v1__client_message__get_packed_size(message);
        assert(n <= ENCODE_REQUEST_MAX - FRAME_PREFIX_MAX);

        n_prefix = frame_prefix(frame, (uint32_t)n);
        return n_prefix + taskbroker__v1__client_message__pack(message, frame + n_prefix);
}

static void encode_texts(ProtobufCBinaryData *wire, const char *const *texts, size_t n_texts) {
        for (size_t i = 0; i < n_texts; ++i)
                wire[i] = (ProtobufCBinaryData){ .len = strlen(texts[i]), .data = (uint8_t *)texts[i] };
}

/* Says whether there is one. */
static bool encode_filter(Taskbroker__V1__Filter *wire,
                          ProtobufCBinaryData comms[static TB_FILTER_COMMS_MAX],
                          ProtobufCBinaryData cgroups[static TB_FILTER_CGROUPS_MAX],
                          const struct tb_filter *filter) {
        encode_texts(comms, filter->comms, filter->n_comms);
        encode_texts(cgroups, filter->cgroups, filter->n_cgroups);
        wire->n_uids = filter->n_uids;
        wire->uids = (uint32_t *)filter->uids;
        wire->n_pids = filter->n_pids;
        wire->pids = (uint32_t *)filter->pids;
        wire->n_subtrees = filter->n_subtrees;
        wire->subtrees = (uint32_t *)filter->subtrees;
        wire->n_comms = filter->n_comms;
        wire->comms = comms;
        wire->n_cgroups = filter->n_cgroups;
        wire->cgroups = cgroups;
        if (filter->cpus)
                wire->cpus = (char *)filter->cpus;
        wire->nonzero = filter->nonzero;
        return filter->n_uids || filter->n_pids || filter->n_subtrees || filter->n_comms || filter->n_cgroups ||
               filter->cpus || filter->nonzero;
}

size_t encode_subscribe(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const struct tb_subscription *subscription,
                        const EncodeResume *resume) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Subscribe subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        Taskbroker__V1__Resume place = TASKBROKER__V1__RESUME__INIT;
        Taskbroker__V1__Filter filter = TASKBROKER__V1__FILTER__INIT;
        Taskbroker__V1__EventKind kinds[TB_KIND_LOSS];
        ProtobufCBinaryData comms[TB_FILTER_COMMS_MAX], cgroups[TB_FILTER_CGROUPS_MAX];

        for (unsigned int kind = TB_KIND_FORK; kind <= TB_KIND_LOSS; ++kind)
                if (subscription->kinds & TB_KIND_BIT(kind))
                        kinds[subscribe.n_kinds++] = (Taskbroker__V1__EventKind)kind;
        subscribe.kinds = kinds;
        subscribe.threads = subscription->threads;
        subscribe.strict = subscription->strict;
        subscribe.max_delay_ms = subscription->max_delay_ms;
        subscribe.snapshot = subscription->snapshot;
        subscribe.programs = subscription->programs;
        if (resume) {
                place.epoch = resume->epoch;
                place.feed = resume->feed;
                place.next_number = resume->next_number;
                subscribe.resume = &place;
        }
        if (encode_filter(&filter, comms, cgroups, &subscription->filter))
                subscribe.filter = &filter;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        return encode_frame(frame, &message);
}

size_t encode_get_status(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetStatus get_status = TASKBROKER__V1__GET_STATUS__INIT;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_STATUS;
        message.get_status = &get_status;
        return encode_frame(frame, &message);
}

size_t encode_get_stats(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const uint32_t *pids,
                        size_t n_pids,
                        const uint32_t *tids,
                        size_t n_tids) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetStats get_stats = TASKBROKER__V1__GET_STATS__INIT;

        get_stats.pids = (uint32_t *)pids;
        get_stats.n_pids = n_pids;
        get_stats.tids = (uint32_t *)tids;
        get_stats.n_tids = n_tids;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_STATS;
        message.get_stats = &get_stats;
        return encode_frame(frame, &message);
}

size_t encode_sample(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id, const struct tb_sampling *sampling) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Sample sample = TASKBROKER__V1__SAMPLE__INIT;
        Taskbroker__V1__Filter filter = TASKBROKER__V1__FILTER__INIT;
        ProtobufCBinaryData comms[TB_FILTER_COMMS_MAX], cgroups[TB_FILTER_CGROUPS_MAX];

        sample.interval_ms = sampling->interval_ms;
        sample.scope = (Taskbroker__V1__SampleScope)sampling->scope;
        sample.groups = sampling->groups;
        if (encode_filter(&filter, comms, cgroups, &sampling->filter))
                sample.filter = &filter;

        message.request_id = request_id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SAMPLE;
        message.sample = &sample;
        return encode_frame(frame, &message);
}
