/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text as the cells of a terminal. A text that does not fit is cut, and control
 * characters are replaced.
 *
 * Called by screen.c for every text that it writes, because names of tasks may have any
 * bytes. Some characters are two cells wide, by the locale. Pure, but for the locale.
 */

#include <stdint.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"

/* Shown in place of a character that cannot be shown. */
#define TEXT_WIDTH_UNKNOWN L'\xfffd'
#define TEXT_WIDTH_UNKNOWN_ASCII L'?'

typedef struct TextWidthReader TextWidthReader;

struct TextWidthReader {
        const char *at;
        bool utf8;
};

/*
 * Reads the next character and its width, 1 or 2 cells; returns false at the end.
 * Characters of no width are left out: they would be drawn over the character before, or
 * change the direction of the text behind them.
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
 * text_width_clip() - make the cells of a text
 * @cells:      output
 * @n_cells:    the size of @cells, at least 1
 * @text:       the text: any bytes
 * @columns:    the columns that there are
 * @utf8:       the locale of the terminal has UTF-8
 * @ret_columns: output: the columns that are taken
 *
 * The last column of a text that was cut shows a sign for that.
 *
 * Return: The number of characters.
 */
size_t text_width_clip(wchar_t *cells,
                       size_t n_cells,
                       const char *text,
                       size_t columns,
                       bool utf8,
                       size_t *ret_columns) {
        TextWidthReader reader = { .at = text, .utf8 = utf8 };
        size_t n = 0, used = 0, width, n_cut = 0, used_cut = 0;
        wchar_t cell;

        while (text_width_next(&reader, &cell, &width)) {
                if (n < n_cells && used + width <= columns) {
                        /* Up to here there is room for the sign that the text was cut. */
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
                        ++used;
                }
                break;
        }

        *ret_columns = used;
        return n;
}

/* The number of columns that the whole text takes. */
size_t text_width(const char *text, bool utf8) {
        TextWidthReader reader = { .at = text, .utf8 = utf8 };
        size_t n = 0, width;
        wchar_t cell;

        while (text_width_next(&reader, &cell, &width))
                n += width;

        return n;
}
