/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Request: what a client asked for, decoded and checked. Pure; the input is not trusted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/client_info.h"
#include "broker/model/error_code.h"
#include "broker/output/subscription_key.h"

typedef struct Request Request;
typedef struct Resume Resume;
typedef struct Sampling Sampling;
typedef struct StatsWanted StatsWanted;
typedef struct Subscription Subscription;

enum {
        _REQUEST_E_SUCCESS,
        REQUEST_E_REFUSED,      /* the error says why */
};

typedef enum RequestType {
        REQUEST_SUBSCRIBE,
        REQUEST_STATUS,
        REQUEST_STATS,
        REQUEST_SAMPLE,
        REQUEST_UNSUBSCRIBE,
        REQUEST_CHANGE_FILTER,  /* the filter and the starts are in the subscription */
        REQUEST_SNAPSHOT,
        REQUEST_PING,
} RequestType;

/* A place in a feed, of a former connection. */
struct Resume {
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;
};

struct Subscription {
        SubscriptionKey key;
        FilterStarts starts;            /* the processes that its numbers name; 0: the one that has the number now */
        bool strict;
        uint32_t max_delay_ms;
        bool snapshot;
        bool has_resume;
        Resume resume;
};

/* Processes, then tasks. */
struct StatsWanted {
        uint32_t n_pids, n_tids;
        uint32_t pids[LIMIT_STATS_NUMBERS];
        uint32_t tids[LIMIT_STATS_NUMBERS];
};

/* The interval and the groups of samples. The subscription's key selects the tasks by its threads and its filter. */
struct Sampling {
        uint32_t interval_ms;
        uint32_t groups;        /* STATS_* */
};

struct Request {
        uint64_t id;
        RequestType type;
        bool has_client;
        ClientInfo client;      /* the program that makes the request */
        uint32_t stream;        /* the stream that the request is about; 0: none */
        Subscription subscription;
        Sampling sampling;
        StatsWanted stats;
};

int request_decode(const uint8_t *data, size_t n_data, Request *ret_request, EncodedError *ret_error);
