/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shared code of the fuzz targets. Each target defines LLVMFuzzerTestOneInput().
 * libFuzzer calls it in a build with -Dfuzz=true, and replay.c in any other build.
 * Bytes beyond the end of an input are zero, so that every input is valid.
 *
 * Include it behind #undef NDEBUG: a broken promise is an assertion that fails.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct FuzzInput FuzzInput;

struct FuzzInput {
        const uint8_t *at;
        const uint8_t *end;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data);

static inline bool fuzz_has_more(const FuzzInput *input) {
        return input->at < input->end;
}

static inline size_t fuzz_left(const FuzzInput *input) {
        return (size_t)(input->end - input->at);
}

/* At most @n bytes, as they are. */
static inline const uint8_t *fuzz_take(FuzzInput *input, size_t n, size_t *ret_n) {
        const uint8_t *at = input->at;

        *ret_n = n < fuzz_left(input) ? n : fuzz_left(input);
        input->at += *ret_n;
        return at;
}

static inline void fuzz_fill(FuzzInput *input, void *to, size_t n) {
        size_t n_there;
        const uint8_t *data = fuzz_take(input, n, &n_there);

        memset(to, 0, n);
        memcpy(to, data, n_there);
}

static inline uint8_t fuzz_u8(FuzzInput *input) {
        return fuzz_has_more(input) ? *input->at++ : 0;
}

static inline uint16_t fuzz_u16(FuzzInput *input) {
        uint16_t value;

        fuzz_fill(input, &value, sizeof(value));
        return value;
}

static inline uint32_t fuzz_u32(FuzzInput *input) {
        uint32_t value;

        fuzz_fill(input, &value, sizeof(value));
        return value;
}

static inline uint64_t fuzz_u64(FuzzInput *input) {
        uint64_t value;

        fuzz_fill(input, &value, sizeof(value));
        return value;
}

/* Reads the bytes, so that a sanitizer finds invalid bytes. */
static inline void fuzz_touch(const void *data, size_t n) {
        static volatile uint8_t sink;
        uint8_t sum = 0;

        for (size_t i = 0; i < n; ++i)
                sum ^= ((const uint8_t *)data)[i];
        sink = sum;
        (void)sink;
}

static inline void fuzz_touch_text(const char *text) {
        fuzz_touch(text, strlen(text));
}
