/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A client that reads all it gets as cheaply as a client can: one connection,
 * one read at a time, frames and events counted and stepped over.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/crew.h"

typedef struct SubscriberOptions {
        const char *path;
        uint32_t max_delay_ms;
        bool forks_only;        /* small events; else forks, execs and exits with their statistics */
} SubscriberOptions;

int subscriber_main(void *userdata, CrewSeat *seat);

/* Shared with the other readers. Blocking, one frame at a time. */
int stream_connect(const char *path);
int stream_send(int fd, const uint8_t *message, size_t n_message);
int varint_read(const uint8_t **data, const uint8_t *end, uint64_t *ret);
