/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "clients/lib/stream.h"

typedef struct StreamRequest StreamRequest;
typedef enum StreamRequestType StreamRequestType;
typedef struct Streams Streams;

/* Requests to change a stream, or for a snapshot, without an answer. */
#define STREAMS_CHANGES_MAX 16u

enum StreamRequestType {
        STREAM_UNSUBSCRIBE,
        STREAM_CHANGE_FILTER,
        STREAM_GET_SNAPSHOT,
};

/* A request about a stream. It is kept until its answer, and a request for a snapshot until the snapshot's end. */
struct StreamRequest {
        StreamRequest *next;
        StreamRequestType type;
        Stream *stream;
        uint64_t id;
        bool sent;                      /* on this connection */
        bool answered;                  /* STREAM_GET_SNAPSHOT: the snapshot comes */
        FilterCopy *filter;             /* STREAM_CHANGE_FILTER: the filter to come */
};

struct Streams {
        Stream *first;                  /* in the order of the program's requests */
        StreamRequest *requests;        /* in this order, too */
        uint32_t last_number;
};

void streams_deinit(Streams *streams);

bool streams_is_full(const Streams *streams, bool with_ending);
void streams_add(Streams *streams, Stream *stream);
void streams_remove(Streams *streams, Stream *stream);
Stream *streams_find(const Streams *streams, uint32_t number);
Stream *streams_find_live(const Streams *streams, uint32_t broker_number);
Stream *streams_find_asked(const Streams *streams, uint64_t request_id);
bool streams_any_lost(const Streams *streams);
void streams_put_on(Streams *streams);
void streams_set_lost(Streams *streams, uint64_t now_ns);

int streams_add_request(Streams *streams, StreamRequestType type, Stream *stream, uint64_t id,
                        const struct tb_filter *filter);
void streams_remove_request(Streams *streams, StreamRequest *request);
StreamRequest *streams_find_request(const Streams *streams, uint64_t id);
StreamRequest *streams_find_ended(const Streams *streams);
void streams_drop_snapshots(Streams *streams, const Stream *stream);
