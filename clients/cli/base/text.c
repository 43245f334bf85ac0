/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names as text: the name of a task may have any bytes, but JSON and terminals need
 * UTF-8.
 *
 * A byte that is not UTF-8 becomes \xNN. A backslash does too, so that the text shows
 * exactly which bytes there were. Pure.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_char.h"

/*
 * The length of the UTF-8 sequence at the beginning of @text; 0 if it is invalid.
 * Overlong forms, surrogates and numbers above U+10FFFF are invalid. The NUL at the end
 * is never a continuation, so no byte behind it is read.
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
 * Whether a character controls the terminal: C0, DEL and C1, which some terminals obey
 * also in UTF-8. The function also finds characters that change the direction of the text
 * or break the line: U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069. For a terminal it
 * finds all characters whose width is not known, too. @text begins with a sequence.
 */
static bool text_is_control(const uint8_t *text, enum text_purpose purpose) {
        uint32_t code;

        if (text[0] < 0x20)
                return purpose == TEXT_FOR_TERMINAL;
        if (text[0] >= 0x80 && purpose == TEXT_FOR_TERMINAL && text_decode((const char *)text, &code) > 0)
                return text_char_width(code) < 0;
        if (text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0))
                return true;
        if (text[0] != 0xe2)
                return false;

        return (text[1] == 0x80 && (text[2] == 0x8e || text[2] == 0x8f || (text[2] >= 0xa8 && text[2] <= 0xae))) ||
               (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9);
}

/**
 * text_character() - find the end of a character
 * @text:               begins with the character; not empty
 * @purpose:            the reader of the text
 * @ret_escaped:        output: the character must be escaped
 *
 * Return: The number of its bytes. A byte that is not UTF-8 is a character of its own.
 */
size_t text_character(const char *text, enum text_purpose purpose, bool *ret_escaped) {
        const uint8_t *at = (const uint8_t *)text;
        size_t n = text_sequence(at);

        *ret_escaped = n == 0 || text_is_control(at, purpose);
        return n > 0 ? n : 1;
}

bool text_is_utf8(const char *text) {
        const uint8_t *at = (const uint8_t *)text;
        size_t n;

        for (; *at; at += n) {
                n = text_sequence(at);
                if (n == 0)
                        return false;
        }

        return true;
}

/**
 * text_escape() - make a name valid UTF-8 without control characters
 * @escaped:    output; characters that do not fit are left out
 * @n_escaped:  the size of @escaped
 * @text:       the name
 * @purpose:    the reader of the text
 *
 * Return: The length of the output.
 */
size_t text_escape(char *escaped, size_t n_escaped, const char *text, enum text_purpose purpose) {
        size_t n = 0;

        while (*text) {
                bool escape;
                size_t n_character = text_character(text, purpose, &escape);

                escape |= *text == '\\';
                if (n + (escape ? 4 * n_character : n_character) >= n_escaped)
                        break;
                for (; n_character > 0; --n_character, ++text) {
                        if (escape)
                                n += (size_t)snprintf(escaped + n, n_escaped - n, "\\x%02x", (uint8_t)*text);
                        else
                                escaped[n++] = *text;
                }
        }
        escaped[n] = 0;

        return n;
}

/**
 * text_name() - write the name of a task for the terminal
 * @text:       output
 * @n_text:     its size, at least TEXT_NAME_MAX
 * @comm:       the name
 * @stale:      it may be the name before an exec: it stands behind a question mark
 *
 * Return: The length of the text.
 */
size_t text_name(char *text, size_t n_text, const char *comm, bool stale) {
        size_t n = stale ? 1 : 0;

        if (stale)
                text[0] = '?';
        return n + text_escape(text + n, n_text - n, comm, TEXT_FOR_TERMINAL);
}

/**
 * text_decode() - read a character
 * @text:       begins with the character
 * @ret_code:   output: its number in Unicode
 *
 * Return: The length of the UTF-8 sequence; 0: it is invalid.
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
