/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decoder: from the broker's frames to the library's structs. It owns the one message
 * that the program has at a time, and all that it points to.
 *
 * decode_frame.c takes frames apart; decode_event.c, decode_sample.c and so on fill one
 * struct each; decode_base.c is what they share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/arena.h"
#include "clients/lib/batch.h"
#include "clients/lib/named_starts.h"
#include "proto/event_kinds.h"

typedef struct Decoder Decoder;
typedef struct PartialSample PartialSample;

/* A sample of which some parts have come. Each stream has one, as parts of several streams take turns. */
struct PartialSample {
        uint64_t first_number;                  /* the number of the first sample; 0: none yet */
        struct tb_sample sample;                /* the one at hand, as far as it came */
};

/* Entries of Status.clients, at most: a broker of today sends half as many. */
#define DECODER_CLIENTS_MAX 64u

struct Decoder {
        Arena arena;                            /* memory of the last message */
        Arena arena_welcome;                    /* Welcome stays for the connection's life */
        Batch batch;
        bool in_batch;
        WireCursor part;                        /* part of a snapshot */
        bool in_part;
        WireCursor samples;                     /* part of a sample, or an answer */
        bool in_samples;
        bool samples_answer;                    /* it is an answer, to: */
        uint64_t samples_request_id;
        bool samples_end_sent;

        bool welcomed;
        struct tb_welcome welcome;

        uint32_t stream;                        /* the number in the last frame, as the broker has it */
        struct tb_message message;              /* the last message, and its parts */
        struct tb_subscribed subscribed;
        struct tb_restarted restarted;
        NamedStarts starts;                     /* the processes that the last frame named */
        bool starts_changed;                    /* by a Named, which is no message for the program */
        struct tb_status status;
        uint64_t status_events[EVENT_KINDS_N];
        struct tb_client_count status_clients[DECODER_CLIENTS_MAX];
        struct tb_pong pong;
        struct tb_error error;
        struct tb_event event;
        struct tb_task_stats stats;
        struct tb_task_stats process_stats;
        struct tb_program program;
        struct tb_task task;
        struct tb_snapshot_end snapshot_end;
        struct tb_task_sample task_sample;
        PartialSample *partial;                 /* the one of the frame's stream, which owns it; NULL: partial_alone */
        PartialSample partial_alone;
        bool sample_is_last;                    /* this part completes it */
        struct tb_sample sample_done;

        const char *reason;                     /* after -EPROTO: what is wrong */
};

void decoder_deinit(Decoder *decoder);

void decoder_restart(Decoder *decoder);
uint32_t decoder_peek_stream(const uint8_t *data, size_t n_data);
int decoder_begin(Decoder *decoder, const uint8_t *data, size_t n_data);
bool decoder_is_within(const Decoder *decoder);
int decoder_next(Decoder *decoder);
int decoder_next_event(Decoder *decoder);
int decoder_next_task(Decoder *decoder);
int decoder_next_sample(Decoder *decoder);
