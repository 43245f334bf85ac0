/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text in columns: the columns that a text takes, and what of it fits into so many.
 *
 * Called by every view for every text that goes into a column. Names of tasks may have any
 * bytes. So a byte that is not UTF-8, and a character that controls the terminal or draws
 * nothing there, becomes \xNN. A text that is cut ends in a mark. Neither a character nor
 * an escape is cut in the middle, and combining characters stay with their base.
 *
 * A text from text_escape() is not escaped again: a backslash stays as it is.
 */

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_char.h"
#include "clients/cli/base/text_width.h"

typedef struct TextPart TextPart;

/* A part that is never divided: a character, or an escape. */
struct TextPart {
        size_t n;               /* its bytes in the text */
        size_t width;           /* 0: combining */
        bool escaped;           /* its bytes become \xNN */
        bool replaced;          /* it becomes "?" */
};

/* Whether \xNN begins here. */
static bool text_is_escape(const char *text) {
        return text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2]) &&
               isxdigit((unsigned char)text[3]);
}

/* @has_base: a combining character would find a base before it. */
static TextPart text_part(const char *text, bool has_base, enum text_form form) {
        TextPart part = { .width = 1 };
        uint32_t code;
        int width;

        part.n = text_character(text, TEXT_FOR_TERMINAL, &part.escaped);
        if (!part.escaped && (unsigned char)*text >= 0x80) {
                (void)text_decode(text, &code);
                width = text_char_width(code);
                part.escaped = width == 0 && !has_base;
                part.replaced = form == TEXT_SCREEN_ASCII;
                part.width = part.replaced && width > 0 ? 1 : (size_t)width;
        } else if (!part.escaped && text_is_escape(text)) {
                part.n = part.width = 4;
        }
        if (part.escaped)
                part.width = 4 * part.n;

        return part;
}

/* Writes a part. Returns its length in bytes; 0: nothing is left of it. */
static size_t text_write_part(char *to, size_t n_to, const char *text, const TextPart *part) {
        size_t n = 0;

        if (part->escaped) {
                for (size_t i = 0; i < part->n && n + 4 < n_to; ++i)
                        n += (size_t)snprintf(to + n, n_to - n, "\\x%02x", (unsigned char)text[i]);
        } else if (part->replaced) {
                if (part->width > 0)
                        to[n++] = '?';
        } else {
                memcpy(to, text, part->n);
                n = part->n;
        }

        return n;
}

/* The bytes that a part takes at most. */
static size_t text_part_size(const TextPart *part) {
        return part->escaped ? 4 * part->n : part->n;
}

/* The number of columns that the whole text takes. */
size_t text_width(const char *text, enum text_form form) {
        size_t width = 0;
        TextPart part;

        for (bool has_base = false; *text; text += part.n) {
                part = text_part(text, has_base, form);
                width += part.width;
                has_base = !part.escaped && (has_base || part.width > 0);
        }

        return width;
}

/**
 * text_fit() - fit a text into a number of columns
 * @fitted:     output
 * @n_fitted:   the size of @fitted, at least 8; TEXT_FIT_MAX() is enough for all usual texts
 * @text:       the text: any bytes
 * @columns:    the columns that there are
 * @form:       where the text is written to
 *
 * A text that does not fit is cut, and its last column has the mark of a cut. A number must
 * not be cut: the caller makes room for it.
 *
 * Return: The number of columns that are taken, at most @columns.
 */
size_t text_fit(char *fitted, size_t n_fitted, const char *text, size_t columns, enum text_form form) {
        static const char *const marks[] = { [TEXT_LINE] = "+", [TEXT_SCREEN] = "\u2026", [TEXT_SCREEN_ASCII] = "+" };
        size_t room = n_fitted - strlen(marks[form]) - 1, n = 0, used = 0, n_cut = 0, used_cut = 0;
        TextPart part;

        for (bool has_base = false; *text; text += part.n) {
                part = text_part(text, has_base, form);

                /* Up to here there is room for the mark. */
                if (part.width > 0 && used < columns) {
                        n_cut = n;
                        used_cut = used;
                }
                if (used + part.width > columns || n + text_part_size(&part) > room) {
                        n = n_cut;
                        used = used_cut;
                        if (columns > 0) {
                                n += (size_t)(stpcpy(fitted + n, marks[form]) - (fitted + n));
                                ++used;
                        }
                        break;
                }
                n += text_write_part(fitted + n, n_fitted - n, text, &part);
                used += part.width;
                has_base = !part.escaped && (has_base || part.width > 0);
        }
        fitted[n] = 0;

        return used;
}

/**
 * text_row() - take a row of a text that fills several rows
 * @row:        output
 * @n_row:      the size of @row, TEXT_FIT_MAX(@columns) or more
 * @text:       input and output: the rest of the text
 * @columns:    the columns of a row
 * @form:       where the text is written to
 *
 * Nothing is cut. A character that is wider than a row has a row of its own.
 *
 * Return: The number of bytes in @row; 0: the text is at its end.
 */
size_t text_row(char *row, size_t n_row, const char **text, size_t columns, enum text_form form) {
        size_t n = 0, used = 0;
        const char *begin = *text;
        TextPart part;

        for (bool has_base = false; **text; *text += part.n) {
                part = text_part(*text, has_base, form);
                if (*text > begin && (used + part.width > columns || n + text_part_size(&part) + 1 > n_row))
                        break;
                n += text_write_part(row + n, n_row - n, *text, &part);
                used += part.width;
                has_base = !part.escaped && (has_base || part.width > 0);
        }
        row[n] = 0;

        return n;
}

/* The rest of a text whose first columns are scrolled away. A wide character goes as a whole. */
const char *text_skip(const char *text, size_t columns, enum text_form form) {
        size_t used = 0;
        TextPart part;

        for (bool has_base = false; *text; text += part.n) {
                part = text_part(text, has_base, form);
                if (used >= columns && (part.width > 0 || columns == 0))
                        break;
                used += part.width;
                has_base = !part.escaped && (has_base || part.width > 0);
        }

        return text;
}

/* Whether a text has only digits: a cut number would be read as another number. */
bool text_is_number(const char *text) {
        return *text && !text[strspn(text, "0123456789")];
}
