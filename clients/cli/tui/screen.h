/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "clients/cli/base/text_width.h"

typedef struct Screen Screen;

/* On a wider terminal the rest is empty. */
#define SCREEN_COLUMNS_MAX 1024u

/* The meaning of a cell. Its colours and attributes also depend on the terminal. */
enum screen_style {
        SCREEN_PLAIN,
        SCREEN_STRONG,
        SCREEN_DIM,             /* less important: ended tasks, scales, separators */
        SCREEN_NAME,            /* names of things, in the header and in texts */
        SCREEN_GOOD,
        SCREEN_WARNING,
        SCREEN_BAD,
        SCREEN_HEADER,          /* the line above a table */
        SCREEN_HEADER_SORT,     /* in it, the column that the table is sorted by */
        SCREEN_CURSOR,          /* the line that is selected */
        SCREEN_CURSOR_FOLLOW,   /* the same, while it follows its task */
        SCREEN_TAGGED,
        SCREEN_BAR,             /* the line at the bottom: what a key does */
        SCREEN_BAR_KEY,         /* the key */
        SCREEN_GRAPH_CPU,
        SCREEN_GRAPH_WAIT,
        SCREEN_GRAPH_READ,
        SCREEN_GRAPH_WRITE,
        SCREEN_GRAPH_FORK,
        SCREEN_GRAPH_EXIT,
        SCREEN_GRAPH_LOSS,
        SCREEN_GRAPH_COUNT,
        _SCREEN_STYLE_N,
};

/*
 * Keys are Unicode characters (27 is Escape, 1 to 26 are Ctrl-A to Ctrl-Z), or
 * those that the terminal has besides.
 */
enum screen_key {
        SCREEN_KEY_NONE = 0,
        SCREEN_KEY_ENTER = 13,
        SCREEN_KEY_ESCAPE = 27,
        SCREEN_KEY_BACKSPACE = 127,
        SCREEN_KEY_UP = 0x200000,
        SCREEN_KEY_DOWN,
        SCREEN_KEY_LEFT,
        SCREEN_KEY_RIGHT,
        SCREEN_KEY_PAGE_UP,
        SCREEN_KEY_PAGE_DOWN,
        SCREEN_KEY_HOME,
        SCREEN_KEY_END,
        SCREEN_KEY_DELETE,
        SCREEN_KEY_TAB_BACK,
        SCREEN_KEY_RESIZE,      /* rows and columns have changed */
        SCREEN_KEY_F0,          /* F1 is the one behind it, and so on up to F12 */
        SCREEN_KEY_F12 = SCREEN_KEY_F0 + 12,
};

#define SCREEN_KEY_F(n) (SCREEN_KEY_F0 + (n))
#define SCREEN_KEY_CTRL(letter) ((letter) & 0x1f)

struct Screen {
        void *terminal;                 /* curses' own; NULL: not open */
        size_t rows;
        size_t columns;
        bool utf8;                      /* more than ASCII can be shown */
        bool coloured;
        uint32_t attributes[_SCREEN_STYLE_N];
        short pairs[_SCREEN_STYLE_N];
};

#define SCREEN_NULL { 0 }

int screen_init(Screen *screen);
void screen_deinit(Screen *screen);
bool screen_stopped(void);

int screen_wait(Screen *screen, struct pollfd *fds, size_t n_fds, int timeout_ms);
uint32_t screen_key(Screen *screen);

void screen_begin(Screen *screen);
void screen_flush(Screen *screen);
void screen_redraw(Screen *screen);
enum text_form screen_form(const Screen *screen);
size_t screen_put(Screen *screen, size_t row, size_t column, size_t columns, enum screen_style style, const char *text);
void screen_put_right(Screen *screen,
                      size_t row,
                      size_t column,
                      size_t columns,
                      enum screen_style style,
                      const char *text);
void screen_put_cell(Screen *screen, size_t row, size_t column, enum screen_style style, wchar_t cell);
void screen_fill(Screen *screen, size_t row, size_t column, size_t columns, enum screen_style style);
void screen_cursor(Screen *screen, size_t row, size_t column);
