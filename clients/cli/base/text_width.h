/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Room for a text of @columns columns, with its combining characters and the NUL. */
#define TEXT_FIT_MAX(columns) (8 * (columns) + 8)

/* The place that a text is written to. It says which characters there are, and how a cut is marked. */
enum text_form {
        TEXT_LINE,              /* a line, in UTF-8; "+" */
        TEXT_SCREEN,            /* a screen with UTF-8; an ellipsis */
        TEXT_SCREEN_ASCII,      /* a screen without UTF-8: "?" for all other characters; "+" */
};

size_t text_width(const char *text, enum text_form form);
size_t text_fit(char *fitted, size_t n_fitted, const char *text, size_t columns, enum text_form form);
size_t text_row(char *row, size_t n_row, const char **text, size_t columns, enum text_form form);
const char *text_skip(const char *text, size_t columns, enum text_form form);
bool text_is_number(const char *text);
