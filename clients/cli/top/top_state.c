/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The state of the screen, and what pages, dialogs and keys do to it: show another
 * page, mark the page as out of date, print a message.
 *
 * Knows no page: top_screen.c says which there are. Draws nothing.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/top/top_pause.h"
#include "clients/cli/top/top_state.h"

/* A message stays for four seconds. */
#define MESSAGE_NS UINT64_C(4000000000)

/**
 * top_state_init() - make the data of the pages and an empty model
 * @top:        zeroed
 * @pages:      all pages; the first is shown
 * @n_pages:    their number
 *
 * Return: 0, or -ENOMEM; top_state_deinit() must follow in either case.
 */
int top_state_init(Top *top, const TopPage *const *pages, size_t n_pages) {
        live_init(&top->live);
        top->table = (TopTable)TOP_TABLE_NULL;
        top->page = pages[0];
        for (size_t i = 0; i < n_pages && i < TOP_PAGES_MAX; ++i) {
                void *data = calloc(1, pages[i]->n_state + 1);

                if (!data)
                        return -ENOMEM;
                if (pages[i]->init)
                        pages[i]->init(data);
                top->pages[top->n_pages++] = (TopPageState){ .page = pages[i], .data = data };
        }

        return 0;
}

void top_state_deinit(Top *top) {
        for (size_t i = 0; i < top->n_pages; ++i) {
                if (top->pages[i].page->deinit)
                        top->pages[i].page->deinit(top);
                free(top->pages[i].data);
        }
        top->n_pages = 0;
        top->paused = top_pause_end(top->paused, &top->live);
        top_table_deinit(&top->table);
        live_deinit(&top->live);
}

/* The data of a page: zeroed, or as its init() left it. NULL: top_state_init() was not given the page. */
void *top_state_page(const Top *top, const TopPage *page) {
        for (size_t i = 0; i < top->n_pages; ++i)
                if (top->pages[i].page == page)
                        return top->pages[i].data;

        return NULL;
}

/* A page that was not shown was not refreshed: it may point to rows that have gone. */
void top_state_show(Top *top, const TopPage *page) {
        top->page = page;
        top_state_change(top);
}

/* The page must be refreshed and drawn. */
void top_state_change(Top *top) {
        top->stale = true;
        top->dirty = true;
}

/* Drops rows that have ended, and has the page read the model again. */
void top_state_refresh(Top *top) {
        TopView view;

        top_state_view(top, &view);
        if (!top->paused)
                live_expire(&top->live, view.now_ns);
        if (top->page->refresh && top->page->refresh(top, &view) < 0)
                top_state_say(top, SCREEN_BAD, "There is too little memory for the table.");
        top->stale = false;
}

/* Fills in all that the parts of the screen are drawn from, without a message. */
void top_state_view(Top *top, TopView *ret_view) {
        const Live *live = top->paused ? top->paused : &top->live;

        *ret_view = (TopView){
                .screen = &top->screen,
                .live = live,
                .columns = { .live = live, .users = &top->users, .arguments = top->settings.command_lines },
                .settings = &top->settings,
                .welcome = top->link.samples ? live_link_welcome(&top->link) : NULL,
                .now_ns = clock_now_time_ns(),
                .paused = top->paused,
        };
}

/* Shows a message for some seconds, in place of the message before. */
void top_state_say(Top *top, enum screen_style style, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(top->message, sizeof(top->message), format, args);
        va_end(args);
        top->message_style = style;
        top->message_until = clock_now_ns() + MESSAGE_NS;
        top->dirty = true;
}
