/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the escaped form of @n bytes, with its NUL. */
#define TEXT_ESCAPED_MAX(n) (4 * (n) + 1)

enum text_purpose {
        TEXT_FOR_TERMINAL,      /* nothing that a terminal acts upon is left */
        TEXT_FOR_JSON,          /* nor here, but that C0 is left to JSON, which escapes it itself */
};

size_t text_escape(char *escaped, size_t n_escaped, const char *text, enum text_purpose purpose);
size_t text_columns(const char *text);
size_t text_decode(const char *text, uint32_t *ret_code);
