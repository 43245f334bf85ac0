/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "taskbroker/taskbroker.h"

bool option_next_name(const char **list, const char **ret_name, size_t *ret_n);
bool option_read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number);
bool option_read_seconds(const char *text, uint64_t *ret_ns);
bool option_read_kinds(const char *text, uint32_t *ret_kinds, char *wrong, size_t n_wrong);
bool option_read_user(const char *text, uid_t *ret_uid);
