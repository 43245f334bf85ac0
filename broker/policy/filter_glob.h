/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterGlob: the patterns of names of one filter, compiled. It has the semantics of
 * fnmatch() without flags in the C locale. Unlike fnmatch(), it reads each byte of a name
 * once: the work for a name does not depend on how the patterns are built.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/event.h"

typedef struct FilterGlob FilterGlob;

/* The longest pattern: each of its offsets is one bit of a word. */
#define FILTER_GLOB_BYTES_MAX 63u

FilterGlob *filter_glob_new(void);
FilterGlob *filter_glob_free(FilterGlob *glob);
bool filter_glob_add(FilterGlob **glob, const char *pattern);
size_t filter_glob_size(const FilterGlob *glob);
uint64_t filter_glob_steps_max(const FilterGlob *glob);
bool filter_glob_is_odd(const FilterGlob *glob);
bool filter_glob_match(FilterGlob *glob, const char *name, uint64_t *n_steps);
