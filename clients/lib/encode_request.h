/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/named_starts.h"

/* The largest request, its prefix included. An assertion holds it to the largest filter, which takes 7 KiB. */
#define ENCODE_REQUEST_MAX 8192u

/* The size of a text of tb_set_client_info(), with its NUL; and of both as a member of a request. */
#define ENCODE_TEXT_MAX 64u
#define ENCODE_CLIENT_INFO_MAX (2u * (ENCODE_TEXT_MAX + 2u) + 3u)

size_t encode_subscribe(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const struct tb_subscription *subscription,
                        const NamedStarts *starts,
                        const struct tb_place *resume);
size_t encode_unsubscribe(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id, uint32_t stream);
size_t encode_change_filter(uint8_t frame[static ENCODE_REQUEST_MAX],
                            uint64_t request_id,
                            uint32_t stream,
                            const struct tb_filter *filter);
size_t encode_get_snapshot(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id, uint32_t stream);
size_t encode_get_status(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id);
size_t encode_ping(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id);
size_t encode_client_info(uint8_t bytes[static ENCODE_CLIENT_INFO_MAX], const char *name, const char *version);
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
