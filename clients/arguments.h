/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "taskbroker/taskbroker.h"

#include "clients/text.h"

/* Of a command line, the broker tells so many bytes. */
#define ARGUMENTS_MAX 2048u

/* Room for all of them as a text. */
#define ARGUMENTS_TEXT_MAX (TEXT_ESCAPED_MAX(ARGUMENTS_MAX) + sizeof("..."))

size_t arguments_text(char text[static ARGUMENTS_TEXT_MAX], const struct tb_program *program);
