/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/text.h"

/* Of a command line, the broker tells so many bytes. */
#define CMDLINE_MAX 2048u

/* Room for all of them as a text. */
#define CMDLINE_TEXT_MAX (TEXT_ESCAPED_MAX(CMDLINE_MAX) + sizeof("..."))

size_t cmdline_text(char text[static CMDLINE_TEXT_MAX], const struct tb_program *program);
