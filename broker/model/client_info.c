/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A name is printed on terminals and written into JSON by whoever asks for the status. So it
 * is checked where it comes in: valid UTF-8, and no control characters.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "broker/model/client_info.h"

/* The largest character, and the surrogates, which UTF-8 does not have. */
#define CHARACTER_MAX 0x10ffffu
#define SURROGATE_FIRST 0xd800u
#define SURROGATE_LAST 0xdfffu

/* The number of bytes behind the first byte of a character; SIZE_MAX: it is no first byte. */
static size_t character_n_rest(uint8_t first) {
        if (first < 0x80)
                return 0;
        if (first >= 0xc0 && first < 0xe0)
                return 1;
        if (first >= 0xe0 && first < 0xf0)
                return 2;
        return first >= 0xf0 && first < 0xf8 ? 3 : SIZE_MAX;
}

/* The characters of C0, C1 and DEL control a terminal. A longer form than needed is not valid. */
static bool character_is_printable(uint32_t character, size_t n_rest) {
        static const uint32_t least[] = { 0x20, 0xa0, 0x800, 0x10000 };

        return character >= least[n_rest] && character != 0x7f && character <= CHARACTER_MAX &&
               (character < SURROGATE_FIRST || character > SURROGATE_LAST);
}

static bool text_is_printable(const char *text) {
        const uint8_t *at = (const uint8_t *)text;

        while (*at) {
                size_t n_rest = character_n_rest(*at);
                uint32_t character;

                if (n_rest == SIZE_MAX)
                        return false;
                character = n_rest == 0 ? *at : *at & (0x3fu >> n_rest);
                ++at;
                for (size_t i = 0; i < n_rest; ++i, ++at) {
                        if ((*at & 0xc0) != 0x80)
                                return false;
                        character = character << 6 | (*at & 0x3fu);
                }
                if (!character_is_printable(character, n_rest))
                        return false;
        }
        return true;
}

/**
 * client_info_set() - take a text that a client says
 * @text:  output, if the text is valid; the bytes behind its end are 0
 * @said:  the text
 *
 * Return: Whether it is valid UTF-8 without control characters, and short enough.
 */
bool client_info_set(char text[static CLIENT_INFO_TEXT], const char *said) {
        size_t n = strlen(said);

        if (n >= CLIENT_INFO_TEXT || !text_is_printable(said))
                return false;
        memset(text, 0, CLIENT_INFO_TEXT);
        memcpy(text, said, n);
        return true;
}

/* Whether it is the same program. */
bool client_info_equals(const ClientInfo *a, const ClientInfo *b) {
        return strcmp(a->name, b->name) == 0 && strcmp(a->version, b->version) == 0;
}
