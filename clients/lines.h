/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/arguments.h"
#include "clients/users.h"

typedef struct Lines Lines;

/* Any line, its end and its colours included: arguments, escaped, are the longest part, then a sentence. */
#define LINES_MAX (ARGUMENTS_TEXT_MAX + 4096)

struct Lines {
        bool threads;           /* show tids */
        bool colour;
        bool arguments;         /* show command lines */
        uint32_t left_out;      /* columns for which the terminal has no room: see lines_fit() */
        size_t width;           /* of the terminal, to which these are cut; 0: there is none */
        Users *users;
        size_t n_cells;
        size_t n;
        char text[LINES_MAX];   /* the last line made */
};

void lines_fit(Lines *lines, size_t width);
void lines_header(Lines *lines);
void lines_event(Lines *lines, const struct tb_event *event);
void lines_task(Lines *lines, const struct tb_task *task, uint64_t now_ns);
void lines_snapshot_end(Lines *lines, const struct tb_snapshot_end *end);
void lines_link(Lines *lines, const struct tb_link *link, uint64_t now_ns);
