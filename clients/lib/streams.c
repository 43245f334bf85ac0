/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The streams of a client, and the requests about them that have no answer yet.
 *
 * Owns both. A client has few of each, so that lists do. Memory is taken for a stream when
 * the program asks for it, and given back when it ends. Called by request.c and
 * session_streams.c.
 */

#include <errno.h>
#include <stdlib.h>

#include "clients/lib/streams.h"

static void stream_request_free(StreamRequest *request) {
        if (request->filter)
                filter_copy_deinit(request->filter);
        free(request->filter);
        free(request);
}

void streams_deinit(Streams *streams) {
        while (streams->first)
                streams_remove(streams, streams->first);
}

/* Whether there may be no further stream. With @with_ending, streams count that wait for their end only. */
bool streams_is_full(const Streams *streams, bool with_ending) {
        const unsigned int max = with_ending ? 2 * TB_STREAMS_MAX : TB_STREAMS_MAX;
        unsigned int n = 0;

        for (const Stream *stream = streams->first; stream; stream = stream->next)
                n += with_ending || !stream->ending;

        return n >= max;
}

void streams_add(Streams *streams, Stream *stream) {
        Stream **end = &streams->first;

        while (*end)
                end = &(*end)->next;
        *end = stream;
}

/* Removes a stream that has ended, with the requests about it. */
void streams_remove(Streams *streams, Stream *stream) {
        StreamRequest *next;
        Stream **at = &streams->first;

        for (StreamRequest *request = streams->requests; request; request = next) {
                next = request->next;
                if (request->stream == stream)
                        streams_remove_request(streams, request);
        }
        while (*at != stream)
                at = &(*at)->next;
        *at = stream->next;
        stream_free(stream);
}

/* Finds the stream of this number that has begun, and that the program has not ended. */
Stream *streams_find(const Streams *streams, uint32_t number) {
        Stream *stream = streams->first;

        while (stream && (stream->number != number || number == 0 || stream->ending))
                stream = stream->next;

        return stream;
}

/* The stream that the broker gave this number on this connection. */
Stream *streams_find_live(const Streams *streams, uint32_t broker_number) {
        Stream *stream = streams->first;

        while (stream && (stream->state != STREAM_LIVE || stream->broker_number != broker_number))
                stream = stream->next;

        return stream;
}

/* The stream that this request asked for, and that has no answer yet. */
Stream *streams_find_asked(const Streams *streams, uint64_t request_id) {
        Stream *stream = streams->first;

        while (stream && (stream->state != STREAM_ASKED || stream->asked_id != request_id))
                stream = stream->next;

        return stream;
}

/* Whether a stream lost its connection and is not back. */
bool streams_any_lost(const Streams *streams) {
        const Stream *stream = streams->first;

        while (stream && !stream->lost_time_ns)
                stream = stream->next;

        return stream;
}

/* The streams that the broker refused for a while are due again. */
void streams_put_on(Streams *streams) {
        for (Stream *stream = streams->first; stream; stream = stream->next)
                stream->put_off = false;
}

/* The connection is lost, and with it all answers. */
void streams_set_lost(Streams *streams, uint64_t now_ns) {
        for (Stream *stream = streams->first; stream; stream = stream->next)
                stream_set_lost(stream, now_ns);
        for (StreamRequest *request = streams->requests; request; request = request->next)
                request->sent = request->answered = false;
}

static bool streams_has_too_many_changes(const Streams *streams) {
        unsigned int n = 0;

        for (const StreamRequest *request = streams->requests; request; request = request->next)
                n += request->type != STREAM_UNSUBSCRIBE;

        return n >= STREAMS_CHANGES_MAX;
}

/**
 * streams_add_request() - remember a request about a stream
 * @streams:    the streams
 * @type:       the type
 * @stream:     the stream
 * @id:         the request's id
 * @filter:     STREAM_CHANGE_FILTER: a checked filter, which is copied; else NULL
 *
 * Return: 0; -ENOBUFS: too many have no answer; -ENOMEM.
 */
int streams_add_request(Streams *streams, StreamRequestType type, Stream *stream, uint64_t id,
                        const struct tb_filter *filter) {
        StreamRequest **end = &streams->requests;
        StreamRequest *request;

        if (type != STREAM_UNSUBSCRIBE && streams_has_too_many_changes(streams))
                return -ENOBUFS;
        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        if (filter) {
                request->filter = calloc(1, sizeof(*request->filter));
                if (!request->filter || filter_copy_set(request->filter, filter) < 0) {
                        free(request->filter);
                        free(request);
                        return -ENOMEM;
                }
        }

        request->type = type;
        request->stream = stream;
        request->id = id;
        while (*end)
                end = &(*end)->next;
        *end = request;
        return 0;
}

void streams_remove_request(Streams *streams, StreamRequest *request) {
        StreamRequest **at = &streams->requests;

        while (*at != request)
                at = &(*at)->next;
        *at = request->next;
        stream_request_free(request);
}

/* The request that an answer with this id belongs to. */
StreamRequest *streams_find_request(const Streams *streams, uint64_t id) {
        StreamRequest *request = streams->requests;

        while (request && (!request->sent || request->id != id))
                request = request->next;

        return request;
}

/* A request to end a stream that the broker does not send any more: nobody but the library can answer it. */
StreamRequest *streams_find_ended(const Streams *streams) {
        StreamRequest *request = streams->requests;

        while (request && (request->type != STREAM_UNSUBSCRIBE || request->stream->state != STREAM_DUE))
                request = request->next;

        return request;
}

/* The snapshot that the stream was sending is complete, or void. */
void streams_drop_snapshots(Streams *streams, const Stream *stream) {
        StreamRequest *next;

        for (StreamRequest *request = streams->requests; request; request = next) {
                next = request->next;
                if (request->stream == stream && request->answered)
                        streams_remove_request(streams, request);
        }
}
