/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a text is written for: how wide it may be, and in which signs. Owns
 * nothing, and changes no locale of the program's.
 */

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clients/cli/base/terminal.h"

/* How wide the terminal is; 0: @fd is none, or does not say. */
size_t terminal_width(int fd) {
        struct winsize size;

        if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
                return 0;

        return size.ws_col;
}

/* Whether the user's locale has lines and corners. */
bool terminal_utf8(void) {
        locale_t locale;
        bool utf8;

        locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
        if (!locale)
                return false;

        utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
        freelocale(locale);
        return utf8;
}

/**
 * terminal_fit() - cut a text to so many columns
 * @text:       the text, as text_escape() makes it
 * @columns:    how many there are; output: how many it leaves
 *
 * Return: The bytes that fit, whole characters.
 */
size_t terminal_fit(const char *text, size_t *columns) {
        size_t n = 0;

        for (; text[n] && *columns > 0; --*columns) {
                do
                        n++;
                while (((unsigned char)text[n] & 0xc0) == 0x80);
        }

        return n;
}
