/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The width of a character on a terminal.
 *
 * wcwidth() knows it, in a locale with UTF-8. The locale of the user may have none, and the
 * verbs that print lines do not set it. So a locale of our own is used for the call alone.
 * It is made at the first call and kept.
 */

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "clients/cli/base/text_char.h"

/* Characters that draw nothing but act on others: joiners, marks of direction, and tags. */
static bool text_char_is_invisible(uint32_t code) {
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                { 0xad, 0xad },         /* soft hyphen */
                { 0x61c, 0x61c },       /* mark of direction */
                { 0x115f, 0x1160 },     /* fillers */
                { 0x180b, 0x180f },
                { 0x200b, 0x200f },     /* spaces without width, joiners, marks of direction */
                { 0x2028, 0x202e },     /* ends of lines, embeddings */
                { 0x2060, 0x206f },
                { 0x3164, 0x3164 },
                { 0xfeff, 0xfeff },
                { 0xffa0, 0xffa0 },
                { 0xfff9, 0xfffb },
                { 0x1bca0, 0x1bca3 },
                { 0x1d173, 0x1d17a },
                { 0xe0000, 0xe0fff },
        };

        for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); ++i)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;

        return false;
}

/* The simple rule for a system without any such locale: most characters are one column wide. */
static locale_t text_char_locale(void) {
        static const char *const names[] = { "C.UTF-8", "C.utf8", "en_US.UTF-8", "POSIX.UTF-8" };
        static locale_t locale;
        static bool made;

        for (size_t i = 0; !made && !locale && i < sizeof(names) / sizeof(*names); ++i)
                locale = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
        made = true;

        return locale;
}

/**
 * text_char_width() - find the width of a character
 * @code:       its number in Unicode
 *
 * Return: 1 or 2 columns; 0: it is drawn over the character before; -1: a terminal may draw
 *         nothing, or anything: a control character, an unassigned one, or an invisible one.
 */
int text_char_width(uint32_t code) {
        locale_t ours, before;
        int width;

        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
                return -1;
        if (code < 0x7f)
                return 1;
        if (text_char_is_invisible(code))
                return -1;
        ours = text_char_locale();
        if (!ours)
                return 1;

        before = uselocale(ours);
        width = wcwidth((wchar_t)code);
        uselocale(before);

        return width;
}
