/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Request: what a client asked for, decoded and checked. Pure; the input is nobody's friend. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/output/encode.h"

typedef struct Request Request;
typedef struct Subscription Subscription;

enum {
        _REQUEST_E_SUCCESS,
        REQUEST_E_REFUSED,      /* the error says why */
};

typedef enum RequestType {
        REQUEST_SUBSCRIBE,
        REQUEST_STATUS,
} RequestType;

#define MAX_DELAY_MS_LIMIT 60000u

struct Subscription {
        uint32_t kinds;         /* EVENT_BIT()s; always with EVENT_LOSS */
        bool threads;
        bool strict;
        uint32_t max_delay_ms;
};

struct Request {
        uint64_t id;
        RequestType type;
        Subscription subscription;
};

int request_decode(const uint8_t *data, size_t n_data, Request *ret_request, EncodedError *ret_error);
