/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "taskbroker/taskbroker.h"

/* Room for any of these texts. */
#define FORMAT_MAX 48

const char *format_bytes(char text[static FORMAT_MAX], uint64_t bytes);
const char *format_duration(char text[static FORMAT_MAX], uint64_t ns);
const char *format_count(char text[static FORMAT_MAX], uint64_t count);
const char *format_clock(char text[static FORMAT_MAX], uint64_t time_ns);
const char *format_begin(char text[static FORMAT_MAX], uint64_t time_ns, uint64_t now_ns);
const char *format_realtime(char text[static FORMAT_MAX], uint64_t realtime_s);
const char *format_date(char text[static FORMAT_MAX], uint64_t time_ns);
const char *format_termination(char text[static FORMAT_MAX], const struct tb_termination *termination);
const char *format_plural(uint64_t n, const char *one, const char *many);
