/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/users.h"

typedef struct EventLines EventLines;

/* Any line, its end and its colours included: arguments, escaped, are the longest part, then a sentence. */
#define EVENT_LINES_MAX (CMDLINE_TEXT_MAX + 4096)

struct EventLines {
        bool threads;           /* show tids */
        bool colour;
        bool arguments;         /* show command lines */
        uint32_t left_out;      /* columns for which the terminal has no room: see event_lines_fit() */
        size_t width;           /* of the terminal, to which these are cut; 0: there is none */
        Users *users;
        size_t n_cells;
        size_t n;
        char text[EVENT_LINES_MAX];   /* the last line made */
};

void event_lines_fit(EventLines *lines, size_t width);
void event_lines_header(EventLines *lines);
void event_lines_event(EventLines *lines, const struct tb_event *event);
void event_lines_task(EventLines *lines, const struct tb_task *task, uint64_t now_ns);
void event_lines_snapshot_end(EventLines *lines, const struct tb_snapshot_end *end);
void event_lines_link(EventLines *lines, const struct tb_link *link, uint64_t now_ns);
