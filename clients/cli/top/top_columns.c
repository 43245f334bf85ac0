/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the screen adds to the columns of live tables: which are shown unless the
 * settings say otherwise, which go first where there is no room for all, and the
 * style of a cell. Pure, but for the names of users.
 */

#include <string.h>

#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_view.h"

typedef struct ColumnRank ColumnRank;

struct ColumnRank {
        const char *name;
        unsigned int rank;
};

/* Those that are shown; where there is no room for all, the highest go first. 0: never. */
static const ColumnRank column_ranks[] = {
        { "pid", 0 },
        { "command", 0 },
        { "cpu", 1 },
        { "read", 2 },
        { "write", 3 },
        { "delay", 4 },
        { "user", 5 },
        { "peak", 6 },
        { "time", 7 },
        { "io", 8 },
        { "tasks", 9 },
        { "age", 10 },
        { "state", 11 },
        { "switches", 12 },
        { "majfaults", 13 },
        { "nice", 14 },
};

/* Of those that are not shown by themselves: who asks for one wants to see it. */
#define COLUMN_RANK_WANTED 3

static const ColumnRank *column_find_rank(const LiveColumn *column) {
        for (size_t i = 0; i < sizeof(column_ranks) / sizeof(*column_ranks); ++i)
                if (strcmp(column_ranks[i].name, column->name) == 0)
                        return column_ranks + i;

        return NULL;
}

bool top_column_standard(const LiveColumn *column) {
        return column_find_rank(column);
}

unsigned int top_column_rank(const LiveColumn *column) {
        const ColumnRank *rank = column_find_rank(column);

        return rank ? rank->rank : COLUMN_RANK_WANTED;
}

/* Why there is no value, in a word of at most six letters. */
const char *top_unknown(enum metric_known known) {
        return known == METRIC_WITHHELD ? "hidden" : live_mark(known);
}

/**
 * top_column_cell() - a row's cell
 * @column:     the column
 * @view:       what it depends on besides
 * @row:        the row
 * @cell:       output
 */
void top_column_cell(const LiveColumn *column, const TopView *view, const LiveRow *row, TopCell *cell) {
        enum metric_known known = METRIC_KNOWN;
        double number = 1;

        cell->style = SCREEN_PLAIN;
        if (column->number)
                known = column->number(column, &view->columns, row, &number);
        if (known == METRIC_WITHHELD)
                strcpy(cell->text, top_unknown(known));
        else
                live_column_write(column, &view->columns, row, cell->text);

        /* Where little happens, what happens stands out. */
        if (known != METRIC_KNOWN || strcmp(cell->text, "0") == 0 || strcmp(cell->text, "0.0") == 0)
                cell->style = SCREEN_DIM;
        else if (strcmp(column->name, "user") == 0 && view->welcome && row->uid != view->welcome->uid)
                cell->style = SCREEN_DIM;
        else if (column->width == 0 && row->kernel_thread)
                cell->style = SCREEN_DIM;
}
