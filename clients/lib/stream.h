/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stream: what the program asked for with tb_subscribe() or tb_sample(), and the program's
 * place in it. It outlives a connection.
 */

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/decode.h"
#include "clients/lib/filter_copy.h"
#include "clients/lib/named_starts.h"

typedef struct Stream Stream;
typedef enum StreamState StreamState;

enum StreamState {
        STREAM_DUE,                     /* to be asked for: no request for it is on its way */
        STREAM_ASKED,                   /* asked for on this connection */
        STREAM_LIVE,                    /* accepted on this connection */
};

struct Stream {
        Stream *next;
        StreamState state;
        uint32_t number;                /* the number that the program knows; 0: it was never accepted */
        uint32_t broker_number;         /* STREAM_LIVE: its number on this connection */
        uint64_t request_id;            /* the id of the program's request */
        uint64_t asked_id;              /* the id of the last request for it */
        bool ending;                    /* the program has asked for its end */

        uint64_t lost_time_ns;          /* when it lost its connection, until it is back; 0: it has not */
        bool resuming;                  /* the last request for it asks to resume */
        bool put_off;                   /* the broker refused it for now: it waits for the timer */
        const char *restart_reason;     /* why it cannot be resumed */

        bool samples;                   /* sampling is used, and not subscription */
        struct tb_subscription subscription; /* points into filter */
        struct tb_sampling sampling;    /* points into filter, too */
        FilterCopy *filter;
        NamedStarts starts;             /* the processes that the numbers of the filter name */

        bool has_former;                /* until it is accepted, it is to continue at: */
        struct tb_place former;         /* the program's place in a stream of a former client */

        bool resumable;                 /* it can be resumed at: */
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;           /* number of the first event that the program has not got */

        PartialSample partial;          /* the decoder's */
};

int stream_new(Stream **ret_stream, const struct tb_subscription *subscription, const struct tb_sampling *sampling);
Stream *stream_free(Stream *stream);

void stream_set_filter(Stream *stream, FilterCopy *filter);
void stream_set_lost(Stream *stream, uint64_t now_ns);
void stream_set_place(Stream *stream, uint64_t epoch, uint64_t feed, uint64_t next_number, const NamedStarts *starts);
void stream_track(Stream *stream, const struct tb_message *message);
