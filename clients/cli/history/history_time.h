/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool history_time_read(const char *text, uint64_t now_ns, uint64_t *ret_ns);
bool history_time_read_span(const char *text, uint64_t *ret_ns);
