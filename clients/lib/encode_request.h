/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/named_starts.h"

/* The largest request, its prefix included. An assertion holds it to the largest filter, which takes 7 KiB. */
#define ENCODE_REQUEST_MAX 8192u

typedef struct EncodeResume EncodeResume;

/* Where to go on. */
struct EncodeResume {
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;
};

size_t encode_subscribe(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const struct tb_subscription *subscription,
                        const NamedStarts *starts,
                        const EncodeResume *resume);
size_t encode_get_status(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id);
size_t encode_get_stats(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const uint32_t *pids,
                        size_t n_pids,
                        const uint32_t *tids,
                        size_t n_tids);
size_t encode_sample(uint8_t frame[static ENCODE_REQUEST_MAX],
                     uint64_t request_id,
                     const struct tb_sampling *sampling,
                     const NamedStarts *starts);
