/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text as the cells of a terminal: what does not fit is cut, and nothing that a
 * terminal acts upon is left.
 *
 * Called by screen.c for every text that it writes, whoever it is from: names of
 * tasks are any bytes. Characters may be two cells wide; which are, the locale
 * knows. Pure, but for the locale.
 */

#include <stdint.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"

/* In the place of what cannot be shown. */
#define TEXT_WIDTH_UNKNOWN L'\xfffd'
#define TEXT_WIDTH_UNKNOWN_ASCII L'?'

typedef struct TextWidthReader TextWidthReader;

struct TextWidthReader {
        const char *at;
        bool utf8;
};

/*
 * The next character and how many cells it takes, 1 or 2; false at the end.
 * Characters without a width are left out: they would be drawn over the one
 * before, or turn the direction of all that follows.
 */
static bool text_width_next(TextWidthReader *reader, wchar_t *ret_cell, size_t *ret_width) {
        uint32_t code;
        size_t n;
        int width;

        for (; *reader->at; reader->at += n) {
                n = text_decode(reader->at, &code);
                width = 1;
                if (n == 0) {
                        n = 1;
                        code = 0;
                }
                if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code > 0x7f && !reader->utf8))
                        code = reader->utf8 ? TEXT_WIDTH_UNKNOWN : TEXT_WIDTH_UNKNOWN_ASCII;
                else if (code > 0x7f)
                        width = wcwidth((wchar_t)code);
                if (width == 0)
                        continue;
                if (width < 0) {
                        code = TEXT_WIDTH_UNKNOWN;
                        width = 1;
                }

                reader->at += n;
                *ret_cell = (wchar_t)code;
                *ret_width = (size_t)width;
                return true;
        }

        return false;
}

/**
 * text_width_clip() - make cells of a text
 * @cells:      output
 * @n_cells:    room in it, at least 1
 * @text:       the text: any bytes
 * @columns:    how many columns there are
 * @utf8:       the terminal's locale has more than ASCII
 * @ret_columns: output: how many of them are taken
 *
 * Of a text that does not fit, the last column shows that it was cut.
 *
 * Return: The number of characters.
 */
size_t text_width_clip(wchar_t *cells, size_t n_cells, const char *text, size_t columns, bool utf8, size_t *ret_columns) {
        TextWidthReader reader = { .at = text, .utf8 = utf8 };
        size_t n = 0, used = 0, width, n_cut = 0, used_cut = 0;
        wchar_t cell;

        while (text_width_next(&reader, &cell, &width)) {
                if (n < n_cells && used + width <= columns) {
                        /* Up to here the text still has room for the sign that it was cut. */
                        if (used + width < columns && n + 1 < n_cells) {
                                n_cut = n + 1;
                                used_cut = used + width;
                        }
                        cells[n++] = cell;
                        used += width;
                        continue;
                }

                n = n_cut;
                used = used_cut;
                if (columns > 0 && n_cells > 0) {
                        cells[n++] = utf8 ? L'\x2026' : L'~';
                        used++;
                }
                break;
        }

        *ret_columns = used;
        return n;
}

/* How many columns the whole text takes. */
size_t text_width(const char *text, bool utf8) {
        TextWidthReader reader = { .at = text, .utf8 = utf8 };
        size_t n = 0, width;
        wchar_t cell;

        while (text_width_next(&reader, &cell, &width))
                n += width;

        return n;
}
