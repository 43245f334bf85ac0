/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/text.h"

/* The bytes of a command line: the most that a broker sends, and enough for a screen or a report. */
#define CMDLINE_MAX 32768u
#define CMDLINE_SHORT_MAX 2048u

/* Room for an argument of @n bytes, quoted, with the NUL. */
#define CMDLINE_QUOTED_MAX(n) (4 * (n) + 4)

/* Room for the text. */
#define CMDLINE_TEXT_MAX (CMDLINE_QUOTED_MAX(CMDLINE_MAX) + sizeof("..."))
#define CMDLINE_SHORT_TEXT_MAX (CMDLINE_QUOTED_MAX(CMDLINE_SHORT_MAX) + sizeof("..."))

size_t cmdline_quote(char *text, const char *argument, bool first);
size_t cmdline_text(char text[static CMDLINE_TEXT_MAX], const struct tb_program *program);
size_t cmdline_short_text(char text[static CMDLINE_SHORT_TEXT_MAX], const struct tb_program *program);
