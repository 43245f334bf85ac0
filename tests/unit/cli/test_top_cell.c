/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Cells on the screen: a value that is not known is never a number.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/top/top_cell.h"
#include "tests/unit/top_rig.h"

/* An unknown value is shown as a word. */
static void test_cells(void) {
        static TopCell cell;
        TopSettings settings;
        TopView view;
        Live live;
        LiveRow *row;

        make_live(&live);
        top_settings_init(&settings);
        view = view_of(&live, &settings);

        row = live_find(&live, 12);
        top_cell_write(column_of("read"), &view, row, &cell);
        assert(strcmp(cell.text, "hidden") == 0 && cell.style == SCREEN_DIM);
        top_cell_write(column_of("writes"), &view, row, &cell);
        assert(strcmp(cell.text, "hidden") == 0);
        top_cell_write(column_of("cpu"), &view, row, &cell);
        assert(strcmp(cell.text, "0.0") == 0);

        row = live_find(&live, 13);
        top_cell_write(column_of("io"), &view, row, &cell);
        assert(strcmp(cell.text, "off") == 0 && cell.style == SCREEN_DIM);
        top_cell_write(column_of("swap"), &view, row, &cell);
        assert(strcmp(cell.text, "off") == 0);

        row = live_find(&live, 11);
        top_cell_write(column_of("cpu"), &view, row, &cell);
        assert(strcmp(cell.text, "90.0") == 0 && cell.style == SCREEN_PLAIN);

        live_deinit(&live);
}

int main(void) {
        test_cells();
        return 0;
}
