/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Output Output;

#define OUTPUT_BUFFER (64u * 1024u)

struct Output {
        int fd;                                 /* not owned */
        bool terminal;
        bool colour;
        const volatile sig_atomic_t *stop;      /* set by a signal: writing must not wait any longer */
        size_t n;
        char buffer[OUTPUT_BUFFER];
};

void output_init(Output *output, int fd, const volatile sig_atomic_t *stop);
int output_write(Output *output, const char *data, size_t n_data);
int output_flush(Output *output);
int output_finish(Output *output);
int output_verdict(int error);
