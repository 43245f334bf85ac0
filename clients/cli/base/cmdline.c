/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A command line as a text for people: the arguments with spaces between them,
 * as ps(1) has them. Pure.
 */

#include <string.h>

#include "clients/cli/base/cmdline.h"

#define CUT "..."

/**
 * cmdline_text() - write a command line
 * @text:       output: harmless on a terminal; empty where there are no arguments
 * @program:    whose it is
 *
 * What was cut ends in "...": by the broker, which leaves the last argument
 * without its NUL, or here, if another broker tells more than this one does.
 *
 * Return: The text's length.
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

        /* The last one's end; and what a process that gave itself a shorter title filled the rest with. */
        while (n_line > 0 && !line[n_line - 1])
                n_line--;
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
