/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#define INTERVAL_MS_DEFAULT 1000u

/* The broker refuses other intervals. */
#define INTERVAL_MS_MIN 100u
#define INTERVAL_MS_MAX 60000u

int interval_read(const char *verb, const char *value, uint32_t *ret_ms);
