/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "taskbroker/taskbroker.h"

#include "clients/users.h"

typedef struct Lines Lines;

/* Any line, its end and its colours included: two names, escaped, are the longest part. */
#define LINES_MAX 1024

struct Lines {
        bool threads;           /* show tids */
        bool colour;
        Users *users;
        size_t n_cells;
        size_t n;
        char text[LINES_MAX];   /* the last line made */
};

void lines_header(Lines *lines);
void lines_event(Lines *lines, const struct tb_event *event);
