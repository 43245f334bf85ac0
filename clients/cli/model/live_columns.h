/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/users.h"
#include "clients/cli/model/live.h"

typedef struct LiveColumn LiveColumn;
typedef struct LiveView LiveView;

/* Room for a cell: the longest is a command line. */
#define LIVE_TEXT_MAX CMDLINE_TEXT_MAX

/* What a cell depends on besides its row. */
struct LiveView {
        const Live *live;
        Users *users;
        bool arguments;   /* the command with its arguments, where they are known */
        bool accumulated; /* what was used since the beginning, instead of per second */
};

struct LiveColumn {
        const char *name; /* as --sort has it */
        const char *header;
        const char *help;
        unsigned int width;  /* of a table on a screen; a wider cell must be cut, or push the rest; 0: the rest */
        bool right;          /* aligned to the right */
        bool ascending;      /* the order that is of use: of numbers of use the other */
        unsigned int metric; /* of those that are made of one */
        /* What it is sorted by: one of these two. A number that is not known sorts below all others. */
        enum metric_known (*number)(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret);
        void (*text)(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text);
        /* What is shown; never more than LIVE_TEXT_MAX bytes with the NUL. */
        void (*write)(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text);
};

const LiveColumn *live_column_find(const char *name, size_t n_name);
const LiveColumn *live_column_next(const LiveColumn *column);

void live_column_write(const LiveColumn *column, const LiveView *view, const LiveRow *row,
                       char text[static LIVE_TEXT_MAX]);

/* What stands where a value is not known. */
const char *live_mark(enum metric_known known);

/* Puts rows in order, @reverse: in the other one than is of use. Where they are equal, by number. Returns 0, or
 * -ENOMEM. */
int live_sort(LiveRow **rows, size_t n_rows, const LiveColumn *column, const LiveView *view, bool reverse);
