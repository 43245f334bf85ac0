/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the escaped form of @n bytes, with the NUL. */
#define TEXT_ESCAPED_MAX(n) (4 * (n) + 1)

/* Room for text_name(), of a name of at most 15 bytes. */
#define TEXT_NAME_MAX (TEXT_ESCAPED_MAX(16) + 1)

enum text_purpose {
        TEXT_FOR_TERMINAL,      /* control characters are escaped */
        TEXT_FOR_JSON,          /* the same but for C0, which json-c escapes */
};

size_t text_character(const char *text, enum text_purpose purpose, bool *ret_escaped);
bool text_is_utf8(const char *text);
size_t text_escape(char *escaped, size_t n_escaped, const char *text, enum text_purpose purpose);
size_t text_name(char *text, size_t n_text, const char *comm, bool stale);
size_t text_decode(const char *text, uint32_t *ret_code);
