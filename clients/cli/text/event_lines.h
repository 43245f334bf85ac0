/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/time_form.h"
#include "clients/cli/base/users.h"
#include "clients/cli/model/process_names.h"
#include "clients/cli/text/line.h"

typedef struct EventLines EventLines;

struct EventLines {
        bool threads;           /* show tids */
        bool arguments;         /* show command lines */
        const ProcessNames *names; /* the names of parents are shown; NULL: they are not */
        TimeForm time_form;     /* the form of all times */
        uint32_t left_out;      /* columns for which the terminal has no room: by event_lines_fit() */
        size_t name_gives;      /* columns that each name lacks for the same reason */
        size_t width;           /* width of the terminal, where command lines are cut; 0: no terminal */
        Users *users;
        Line line;              /* the last line made */
};

void event_lines_fit(EventLines *lines, size_t width);
void event_lines_header(EventLines *lines);
void event_lines_event(EventLines *lines, const struct tb_event *event);
void event_lines_task(EventLines *lines, const struct tb_task *task, uint64_t now_ns);
void event_lines_snapshot_end(EventLines *lines, const struct tb_snapshot_end *end);
void event_lines_link(EventLines *lines, const struct tb_link *link, uint64_t now_ns);
