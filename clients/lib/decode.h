/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/arena.h"
#include "clients/lib/batch.h"

typedef struct Decoder Decoder;

struct Decoder {
        Arena arena;                            /* of the message that was handed out last */
        Arena arena_welcome;                    /* Welcome stays for the connection's life */
        Batch batch;
        bool in_batch;
        WireCursor part;                        /* of a snapshot */
        bool in_part;

        bool welcomed;
        struct tb_welcome welcome;

        struct tb_message message;              /* what was handed out last, and its parts */
        struct tb_subscribed subscribed;
        struct tb_status status;
        struct tb_error error;
        struct tb_event event;
        struct tb_task_stats stats;
        struct tb_task_stats process_stats;
        struct tb_program program;
        struct tb_task task;
        struct tb_snapshot_end snapshot_end;

        const char *reason;                     /* after -EPROTO: what is wrong */
};

void decoder_deinit(Decoder *decoder);

void decoder_restart(Decoder *decoder);
int decoder_begin(Decoder *decoder, const uint8_t *data, size_t n_data);
int decoder_next_event(Decoder *decoder);
int decoder_next_task(Decoder *decoder);
