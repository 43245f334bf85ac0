/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copies of programs. The programs in a message of the library are valid only until
 * the next message. Pure.
 */

#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/program.h"

static const char *program_copy_text(char **at, const char *text, size_t n_text) {
        char *copy = *at;

        if (n_text)
                memcpy(copy, text, n_text);
        copy[n_text] = 0;
        *at += n_text + 1;

        return copy;
}

/* Returns a copy in one block, which the caller frees with free(); NULL: there is too little memory. */
struct tb_program *program_copy(const struct tb_program *program) {
        struct tb_program *copy;
        char *at;

        copy = malloc(sizeof(*copy) + program->n_cmdline + program->n_exe + program->n_cgroup + 3);
        if (!copy)
                return NULL;

        at = (char *)(copy + 1);
        *copy = *program;
        copy->cmdline = program_copy_text(&at, program->cmdline, program->n_cmdline);
        copy->exe = program_copy_text(&at, program->exe, program->n_exe);
        copy->cgroup = program_copy_text(&at, program->cgroup, program->n_cgroup);

        return copy;
}
