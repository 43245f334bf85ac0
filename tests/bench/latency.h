/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How long after it happened a fork reaches a subscriber that lets none be held back. */

#include <stddef.h>

#include "taskbroker/taskbroker.h"

#define LATENCY_FORKS_MAX 100000

typedef struct Latency Latency;

struct Latency {
        struct tb_client *client; /* gets the forks */
        size_t n_forks;
        double *ms;
};

int latency_init(Latency *latency, const char *path, size_t n_forks);
void latency_deinit(Latency *latency);
int latency_measure(Latency *latency, const char *what);

const struct tb_message *latency_await(struct tb_client *client, enum tb_message_type type);
