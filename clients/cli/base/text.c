/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names as text: a task's name is any bytes, JSON and terminals want UTF-8.
 *
 * What is not UTF-8 becomes \xNN, byte by byte; so does the backslash, so that
 * the text says exactly which bytes there were. Pure.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text.h"

/*
 * The length of the UTF-8 sequence that @text begins with, 0 if it is none.
 * Overlong forms, surrogates and what lies beyond U+10FFFF are none. The text
 * ends with a NUL, which is never a continuation: nothing behind it is read.
 */
static size_t text_sequence(const uint8_t *text) {
        size_t n;

        if (text[0] < 0x80)
                return 1;
        if (text[0] >= 0xc2 && text[0] <= 0xdf)
                n = 2;
        else if (text[0] >= 0xe0 && text[0] <= 0xef)
                n = 3;
        else if (text[0] >= 0xf0 && text[0] <= 0xf4)
                n = 4;
        else
                return 0;

        for (size_t i = 1; i < n; ++i)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;

        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;

        return n;
}

/*
 * C0, DEL and C1, which some terminals obey in their UTF-8 form too; and what turns
 * the direction of, or breaks, the text that follows (U+200E, U+200F, U+2028 to
 * U+202E, U+2066 to U+2069), whosever it is. @text begins with a sequence.
 */
static bool text_is_control(const uint8_t *text, enum text_purpose purpose) {
        if (text[0] < 0x20)
                return purpose == TEXT_FOR_TERMINAL;
        if (text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0))
                return true;
        if (text[0] != 0xe2)
                return false;

        return (text[1] == 0x80 && (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xa8 && text[2] <= 0xae))) ||
               (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9);
}

/**
 * text_escape() - make valid and harmless UTF-8 of a name
 * @escaped:    output; what does not fit is left out
 * @n_escaped:  room in it
 * @text:       the name
 * @purpose:    for whom
 *
 * Return: The length of the output.
 */
size_t text_escape(char *escaped, size_t n_escaped, const char *text, enum text_purpose purpose) {
        const uint8_t *at = (const uint8_t *)text;
        size_t n = 0;

        while (*at) {
                size_t n_sequence = text_sequence(at);
                bool escape = n_sequence == 0 || *at == '\\';

                if (n_sequence > 0 && text_is_control(at, purpose))
                        escape = true;
                if (n_sequence == 0)
                        n_sequence = 1;

                if (n + (escape ? 4 * n_sequence : n_sequence) >= n_escaped)
                        break;
                for (size_t i = 0; i < n_sequence; i++, ++at) {
                        if (escape)
                                n += (size_t)snprintf(escaped + n, n_escaped - n, "\\x%02x", *at);
                        else
                                escaped[n++] = (char)*at;
                }
        }
        escaped[n] = 0;

        return n;
}

/*
 * How wide the text is: its characters, of which wide and combining ones are
 * rare enough in names of tasks. wcwidth() would need the locale to be UTF-8.
 */
size_t text_columns(const char *text) {
        size_t n = 0;

        for (; *text; ++text)
                n += ((uint8_t)*text & 0xc0) != 0x80;

        return n;
}

/**
 * text_decode() - read a character
 * @text:       where it begins
 * @ret_code:   output: its number in Unicode
 *
 * Return: The length of its UTF-8 sequence; 0: it is none.
 */
size_t text_decode(const char *text, uint32_t *ret_code) {
        static const uint8_t first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        const uint8_t *at = (const uint8_t *)text;
        size_t n = text_sequence(at);
        uint32_t code = at[0] & first[n];

        if (n == 0)
                return 0;
        for (size_t i = 1; i < n; ++i)
                code = code << 6 | (at[i] & 0x3fu);

        *ret_code = code;
        return n;
}
