/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests put together field by field, right or wrong, and what is made of them.
 *
 * Include it behind #undef NDEBUG.
 */

#include "broker/base/util.h"
#include "broker/output/request_decode.h"
#include "tests/unit/pb.h"

#define ALWAYS EVENT_BIT(EVENT_LOSS)
#define BYTES_MAX (128u * 1024u)

typedef struct Bytes Bytes;

struct Bytes {
        size_t n;
        uint8_t data[BYTES_MAX];
};

static Bytes bytes;

static inline void add_varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
                bytes.data[bytes.n++] = (uint8_t)(value | 0x80);
        bytes.data[bytes.n++] = (uint8_t)value;
}

static inline void add_field(uint32_t number, uint32_t wire_type) {
        add_varint((uint64_t)number << 3 | wire_type);
}

static inline void add_number(uint32_t number, uint64_t value) {
        add_field(number, 0);
        add_varint(value);
}

static inline void add_bytes(uint32_t number, const void *data, size_t n) {
        add_field(number, 2);
        add_varint(n);
        if (n)
                memcpy(bytes.data + bytes.n, data, n);
        bytes.n += n;
}

/* Makes what was added so far the content of field @number, behind request_id @id. */
static inline void wrap(uint64_t id, uint32_t number) {
        static uint8_t body[BYTES_MAX];
        size_t n = bytes.n;

        memcpy(body, bytes.data, n);
        bytes.n = 0;
        if (id)
                add_number(1, id);
        add_bytes(number, body, n);
}

/* Decodes what was added, from memory that ends where it does, and begins anew. */
static inline int decode(Request *request, EncodedError *error) {
        uint8_t *data = exact_copy(bytes.data, bytes.n);
        int r;

        memset(request, 0x55, sizeof(*request));
        memset(error, 0x55, sizeof(*error));
        r = request_decode(data, bytes.n, request, error);
        free(data);
        bytes.n = 0;
        return r;
}

static inline void check_refused(uint64_t id, ErrorCode code, bool closing, const char *field) {
        EncodedError error;
        Request request;

        assert(decode(&request, &error) == REQUEST_E_REFUSED);
        assert(error.request_id == id);
        assert(error.code == code);
        assert(error.closing == closing);
        assert(error.lost == 0);
        assert(field ? error.field && !strcmp(error.field, field) : !error.field);
        /* a sentence */
        assert(error.message && error.message[strlen(error.message) - 1] == '.');
}

static inline Subscription check_subscribe(uint64_t id) {
        EncodedError error;
        Request request;

        assert(decode(&request, &error) == 0);
        assert(request.id == id);
        assert(request.type == REQUEST_SUBSCRIBE);
        return request.subscription;
}
