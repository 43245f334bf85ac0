/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A command line as a text for people: the arguments with spaces between them, as in
 * ps(1). Pure.
 */

#include <string.h>

#include "clients/cli/base/cmdline.h"

#define CUT "..."

/**
 * cmdline_text() - write a command line
 * @text:       output: escaped for a terminal; empty if there are no arguments
 * @program:    the program
 *
 * A command line that was cut ends in "...". The broker cuts it, and leaves the last
 * argument without its NUL. A newer broker may send more: then it is cut here.
 *
 * Return: The length of the text.
 */
size_t cmdline_text(char text[static CMDLINE_TEXT_MAX], const struct tb_program *program) {
        size_t n_line = program->n_cmdline, n;
        char line[CMDLINE_MAX + 1];
        bool cut = n_line > 0 && program->truncated && program->cmdline[n_line - 1];

        if (n_line > CMDLINE_MAX) {
                n_line = CMDLINE_MAX;
                cut = true;
        }
        memcpy(line, program->cmdline, n_line);

        /* The NUL of the last argument, and more of them if the process has set a shorter title. */
        while (n_line > 0 && !line[n_line - 1])
                --n_line;
        for (size_t i = 0; i < n_line; ++i)
                if (!line[i])
                        line[i] = ' ';
        line[n_line] = 0;

        n = text_escape(text, TEXT_ESCAPED_MAX(CMDLINE_MAX), line, TEXT_FOR_TERMINAL);
        if (cut) {
                memcpy(text + n, CUT, sizeof(CUT));
                n += strlen(CUT);
        }

        return n;
}
