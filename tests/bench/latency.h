/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long after it happened a fork reaches a subscriber that lets none be held back: root, and another user after
 * latency_add_user().
 */

#include <stddef.h>

#include "taskbroker/taskbroker.h"

#define LATENCY_FORKS_MAX 100000
#define LATENCY_CLIENTS_MAX 2

/* The benchmark leaves numbers for so many tasks of others: without them no other program could start. */
#define LATENCY_TASKS_BESIDES 20000

typedef struct Latency Latency;

struct Latency {
        struct tb_client *clients[LATENCY_CLIENTS_MAX]; /* get the forks */
        double *ms[LATENCY_CLIENTS_MAX];
        size_t n_clients;
        size_t n_forks;
};

int latency_init(Latency *latency, const char *path, size_t n_forks);
int latency_add_user(Latency *latency, const char *path, unsigned int uid);
void latency_deinit(Latency *latency);
int latency_measure(Latency *latency, const char *what);

void latency_become_ordinary(void);
const struct tb_message *latency_await(struct tb_client *client, enum tb_message_type type);
