/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/model/live_link.h"
#include "clients/cli/top/top_menu.h"
#include "clients/cli/top/top_options.h"
#include "clients/cli/top/top_prompt.h"
#include "clients/cli/top/top_table.h"
#include "clients/cli/top/top_view.h"

typedef struct Top Top;
typedef struct TopDialog TopDialog;
typedef struct TopKey TopKey;
typedef struct TopPage TopPage;
typedef struct TopPageState TopPageState;

#define TOP_PAGES_MAX 8u
#define TOP_KEY_CODES_MAX 10u

/*
 * A page fills the screen. It is an object of functions. A page keeps its own data in a block
 * that no other file reads; top_state_page() finds it.
 */
struct TopPage {
        size_t n_state;                                 /* the size of its own data; 0: it has none */
        void (*init)(void *state);                      /* NULL: zeroes will do */
        void (*deinit)(Top *top);                       /* NULL: there is nothing to release */
        int (*refresh)(Top *top, const TopView *view);  /* reads the model again: 0, or -ENOMEM; NULL: not needed */
        size_t (*draw)(Top *top, TopView *view);        /* all but the last line; returns the line where menus open */
        void (*move)(Top *top, ptrdiff_t by);           /* lines; negative: up */
        size_t (*height)(const Top *top);               /* the distance of Page Down; NULL: half of the screen */
        void (*key)(Top *top, uint32_t code);           /* a key that has no row in top_keys.c; NULL: ignored */
        const char *bar;                                /* the last line; NULL: the words of top_keys.c */
};

/* A menu or a prompt in front of the page, which takes the keys in its place. */
struct TopDialog {
        void (*draw)(Top *top, const TopView *view, size_t row);
        void (*key)(Top *top, uint32_t code);
};

/* A row of the table of keys: what its keys do on one page, or on all. */
struct TopKey {
        const TopPage *page;            /* NULL: all pages */
        uint32_t codes[TOP_KEY_CODES_MAX];
        void (*run)(Top *top, uint32_t code);
        const char *names;              /* as the help prints them; NULL: not in the help */
        const char *help;
        const char *bar;                /* the word in the last line; NULL: not there */
};

struct TopPageState {
        const TopPage *page;
        void *data;
};

/* All of the screen. top_screen.c owns it; pages, dialogs and keys change it. */
struct Top {
        const TopOptions *options;
        Screen screen;
        LiveLink link;
        Live live;
        Live *paused;                   /* a copy of the model; NULL: not paused */
        Users users;
        TopSettings settings;
        TopSettings settings_written;   /* as the file has them */
        char settings_path[PATH_MAX];   /* "": there is no place for the file */

        const TopKey *keys;
        size_t n_keys;
        TopPageState pages[TOP_PAGES_MAX];
        size_t n_pages;
        const TopPage *page;            /* the one that is shown */
        const TopDialog *dialog;        /* NULL: the page takes the keys */
        TopTable table;
        TopMenu menu;
        TopPrompt prompt;

        char message[CONNECTION_TEXT_MAX];
        enum screen_style message_style;
        uint64_t message_until;         /* clock_now_ns(); 0: there is no message */

        bool stale;                     /* rows came or went: the page must be refreshed before it is used */
        bool dirty;                     /* the screen must be drawn again */
        bool reopen;                    /* the settings ask for other samples */
        uint64_t reopen_at;             /* clock_now_ns(): not before */
        bool quit;
};

int top_state_init(Top *top, const TopPage *const *pages, size_t n_pages);
void top_state_deinit(Top *top);
void *top_state_page(const Top *top, const TopPage *page);
void top_state_show(Top *top, const TopPage *page);
void top_state_change(Top *top);
void top_state_refresh(Top *top);
void top_state_view(Top *top, TopView *ret_view);
__attribute__((format(printf, 3, 4))) void top_state_say(Top *top, enum screen_style style, const char *format, ...);
