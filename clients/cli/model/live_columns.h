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

/* All that a cell depends on besides its row. */
struct LiveView {
        const Live *live;
        Users *users;
        bool arguments;   /* the command with its arguments, if they are known */
        bool accumulated; /* the use since the first sample, instead of per second */
};

struct LiveColumn {
        const char *name; /* as --sort has it */
        const char *header;
        const char *help;
        unsigned int width;  /* on a screen; a wider cell is cut, or moves those behind it; 0: the rest of the line */
        bool right;          /* aligned to the right */
        bool ascending;      /* the useful order; large amounts are more useful first */
        unsigned int metric; /* for columns of one metric */
        /* The value to sort by: one of these two. A number that is not known is below all others. */
        enum metric_known (*number)(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret);
        void (*text)(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text);
        /* Writes the cell: at most LIVE_TEXT_MAX bytes with the NUL. */
        void (*write)(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text);
};

const LiveColumn *live_column_find(const char *name, size_t n_name);
const LiveColumn *live_column_next(const LiveColumn *column);

void live_column_write(const LiveColumn *column, const LiveView *view, const LiveRow *row,
                       char text[static LIVE_TEXT_MAX]);

/* The mark in place of a value that is not known. */
const char *live_column_mark(enum metric_known known);

/* Sorts rows by the useful order of a column, or by its reverse; equal rows by number. Returns 0, or -ENOMEM. */
int live_column_sort(LiveRow **rows, size_t n_rows, const LiveColumn *column, const LiveView *view, bool reverse);
