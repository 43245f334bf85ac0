/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

/* The largest request, its prefix included: an id, ten kinds and three more fields take less. */
#define ENCODE_REQUEST_MAX 128u

size_t encode_subscribe(uint8_t frame[static ENCODE_REQUEST_MAX],
                        uint64_t request_id,
                        const struct tb_subscription *subscription);
size_t encode_get_status(uint8_t frame[static ENCODE_REQUEST_MAX], uint64_t request_id);
