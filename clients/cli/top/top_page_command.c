/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page with the whole command line of one process, on as many rows as it takes: it
 * can be read and copied there.
 *
 * Owns a copy of the text, which stays when the process has ended. A command line that
 * the broker cut ends in "...".
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/model/live_values.h"
#include "clients/cli/top/top_page_command.h"

typedef struct TopPageCommand TopPageCommand;

struct TopPageCommand {
        uint32_t tid;
        bool known;                     /* the arguments are known; if not, the text is the name */
        char text[CMDLINE_TEXT_MAX];
        size_t first;                   /* the row of the text at the top of the screen */
        size_t n_rows;
};

static size_t command_height(const TopView *view) { return view->screen->rows - 2; }

static void command_draw_title(const TopPageCommand *page, const TopView *view) {
        char title[96];

        if (!page->known)
                snprintf(title, sizeof(title), "%" PRIu32 ": the arguments are not known", page->tid);
        else if (page->n_rows <= command_height(view))
                snprintf(title, sizeof(title), "%" PRIu32 ": the command line", page->tid);
        else
                snprintf(title, sizeof(title), "%" PRIu32 ": rows %zu to %zu of %zu of the command line", page->tid,
                         page->first + 1, page->first + command_height(view), page->n_rows);
        screen_fill(view->screen, 0, 0, view->screen->columns, SCREEN_HEADER);
        screen_put(view->screen, 0, 0, view->screen->columns, SCREEN_HEADER, title);
}

static void command_scroll(TopPageCommand *page, ptrdiff_t by, size_t height) {
        page->first = top_list_clamp(page->first, by, page->n_rows > height ? page->n_rows - height : 0);
}

static size_t page_command_draw(Top *top, TopView *view) {
        TopPageCommand *page = top_state_page(top, &top_page_command);
        enum text_form form = screen_form(view->screen);
        size_t width = view->screen->columns, row = 0;
        char text[TEXT_FIT_MAX(SCREEN_COLUMNS_MAX)];
        const char *rest = page->text;

        for (page->n_rows = 0; text_row(text, sizeof(text), &rest, width, form) > 0; ++page->n_rows)
                ;
        command_scroll(page, 0, command_height(view));
        command_draw_title(page, view);
        if (view->message && view->message_urgent) {
                screen_fill(view->screen, 0, 0, width, SCREEN_PLAIN);
                screen_put(view->screen, 0, 0, width, view->message_style, view->message);
        }

        rest = page->text;
        for (; row < page->first + command_height(view) && text_row(text, sizeof(text), &rest, width, form) > 0; ++row)
                if (row >= page->first)
                        screen_put(view->screen, row - page->first + 1, 0, width, SCREEN_PLAIN, text);

        return 0;
}

static void page_command_move(Top *top, ptrdiff_t by) {
        command_scroll(top_state_page(top, &top_page_command), by, top->screen.rows - 2);
}

static size_t page_command_page(const Top *top) { return top->screen.rows - 2; }

const TopPage top_page_command = {
        .n_state = sizeof(TopPageCommand),
        .draw = page_command_draw,
        .move = page_command_move,
        .height = page_command_page,
        .bar = "Esc: back; arrows: more",
};

/* Shows the command line of the row under the cursor of the table. */
void top_page_command_show(Top *top, uint32_t code) {
        TopPageCommand *page = top_state_page(top, &top_page_command);
        const LiveRow *row = top_table_row(&top->table);

        (void)code;
        if (!row)
                return;

        page->tid = row->tid;
        page->first = 0;
        page->known = row->program && cmdline_text(page->text, row->program) > 0;
        if (!page->known)
                live_name(row, page->text, sizeof(page->text));
        top_state_show(top, &top_page_command);
}
