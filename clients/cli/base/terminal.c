/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The terminal that a text is written to: its width, and whether it shows UTF-8. Owns
 * nothing, and does not change the locale of the program.
 */

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clients/cli/base/terminal.h"

/* The width of the terminal; 0: @fd is not a terminal, or has no size. */
size_t terminal_width(int fd) {
        struct winsize size;

        if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
                return 0;

        return size.ws_col;
}

/* Whether the locale of the user has UTF-8, and so lines and corners. */
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
