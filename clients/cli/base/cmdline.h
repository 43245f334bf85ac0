/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/text.h"

/* The bytes of a command line: the most that a broker sends. */
#define CMDLINE_MAX 32768u

/* Room for an argument of @n bytes, quoted, with the NUL. */
#define CMDLINE_QUOTED_MAX(n) (4 * (n) + 4)

/* Room for the text: more than a function has on its stack. */
#define CMDLINE_TEXT_MAX (CMDLINE_QUOTED_MAX(CMDLINE_MAX) + sizeof("..."))

size_t cmdline_quote(char *text, const char *argument, bool first);
size_t cmdline_text(char text[static CMDLINE_TEXT_MAX], const struct tb_program *program);
