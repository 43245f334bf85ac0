/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A cell of a table on the screen: its text, and the style that shows whether its
 * value is known. Pure, but for names of users.
 */

#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/top/top_cell.h"
#include "clients/cli/top/top_view.h"

/* The word in place of a value that is not known: at most six letters. */
const char *top_cell_unknown(enum metric_known known) {
        return known == METRIC_WITHHELD ? "hidden" : live_column_mark(known);
}

/**
 * top_cell_write() - write the cell of a row in a column
 * @column:     the column
 * @view:       all else that the cell depends on
 * @row:        the row
 * @cell:       output
 */
void top_cell_write(const LiveColumn *column, const TopView *view, const LiveRow *row, TopCell *cell) {
        enum metric_known known = METRIC_KNOWN;
        double number = 1;

        cell->style = SCREEN_PLAIN;
        if (column->number)
                known = column->number(column, &view->columns, row, &number);
        if (known == METRIC_WITHHELD)
                strcpy(cell->text, top_cell_unknown(known));
        else
                live_column_write(column, &view->columns, row, cell->text);

        cell->whole = (column->number && known == METRIC_KNOWN) || (column->width && text_is_number(cell->text));

        /* Zeroes are dim, so that other values stand out. */
        if (known != METRIC_KNOWN || strcmp(cell->text, "0") == 0 || strcmp(cell->text, "0.0") == 0)
                cell->style = SCREEN_DIM;
        else if (strcmp(column->name, "user") == 0 && view->welcome && row->uid != view->welcome->uid)
                cell->style = SCREEN_DIM;
        else if (column->width == 0 && row->kernel_thread)
                cell->style = SCREEN_DIM;
}
