/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The terminal as a screen: the one file that knows curses.
 *
 * Owns the terminal from screen_init() to screen_deinit(), and meanwhile its colours and
 * the signals that end the program or change the size. Called by the verbs that draw.
 * Every text goes through text_width.c, so that the name of a task cannot control the
 * terminal. screen_flush() shows what was drawn; only changes are sent.
 *
 * Only this file sets LC_CTYPE from the environment: the verbs that print lines do not
 * depend on it.
 */

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/tui/screen.h"

/* The rest of an escape sequence comes so soon after the Escape, even over a slow line. */
#define SCREEN_ESCAPE_MS 25

/* A grey that is readable on black and on white. */
#define SCREEN_GREY 244

typedef struct ScreenStyle ScreenStyle;

/*
 * Colours must be readable on dark and on light backgrounds: a style has the default
 * background of the terminal, or sets its own.
 */
struct ScreenStyle {
        short foreground;               /* -1: the default of the terminal */
        short background;
        attr_t with_colours;
        attr_t without;
};

static const ScreenStyle screen_styles[_SCREEN_STYLE_N] = {
        [SCREEN_PLAIN] = { -1, -1, A_NORMAL, A_NORMAL },
        [SCREEN_STRONG] = { -1, -1, A_BOLD, A_BOLD },
        [SCREEN_DIM] = { SCREEN_GREY, -1, A_NORMAL, A_DIM },
        [SCREEN_NAME] = { COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
        [SCREEN_GOOD] = { COLOR_GREEN, -1, A_NORMAL, A_NORMAL },
        [SCREEN_WARNING] = { COLOR_MAGENTA, -1, A_BOLD, A_BOLD },
        [SCREEN_BAD] = { COLOR_RED, -1, A_BOLD, A_BOLD },
        [SCREEN_HEADER] = { COLOR_BLACK, COLOR_GREEN, A_NORMAL, A_REVERSE },
        [SCREEN_HEADER_SORT] = { COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE | A_BOLD },
        [SCREEN_CURSOR] = { COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE },
        [SCREEN_CURSOR_FOLLOW] = { COLOR_BLACK, COLOR_YELLOW, A_NORMAL, A_REVERSE | A_BOLD },
        [SCREEN_TAGGED] = { COLOR_MAGENTA, -1, A_BOLD, A_BOLD | A_UNDERLINE },
        [SCREEN_BAR] = { COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE },
        [SCREEN_BAR_KEY] = { -1, -1, A_NORMAL, A_NORMAL },
        [SCREEN_GRAPH_CPU] = { COLOR_GREEN, -1, A_NORMAL, A_NORMAL },
        [SCREEN_GRAPH_WAIT] = { COLOR_MAGENTA, -1, A_NORMAL, A_NORMAL },
        [SCREEN_GRAPH_READ] = { COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
        [SCREEN_GRAPH_WRITE] = { COLOR_BLUE, -1, A_BOLD, A_NORMAL },
        [SCREEN_GRAPH_FORK] = { COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
        [SCREEN_GRAPH_EXIT] = { COLOR_BLUE, -1, A_BOLD, A_NORMAL },
        [SCREEN_GRAPH_LOSS] = { COLOR_RED, -1, A_BOLD, A_BOLD },
        [SCREEN_GRAPH_COUNT] = { COLOR_GREEN, -1, A_NORMAL, A_NORMAL },
};

static const int screen_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

static volatile sig_atomic_t screen_stop;

static void screen_on_signal(int signal_number) {
        (void)signal_number;
        screen_stop = 1;
}

/* A second signal of the same kind ends the program at once, if it is stuck. */
static void screen_catch_signals(void) {
        struct sigaction action = { .sa_handler = screen_on_signal, .sa_flags = (int)SA_RESETHAND };

        sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < sizeof(screen_signals) / sizeof(*screen_signals); ++i)
                sigaction(screen_signals[i], &action, NULL);
}

/* Whether the program must end: a signal came, or the terminal was closed. */
bool screen_stopped(void) {
        return screen_stop != 0;
}

static bool screen_wants_colours(void) {
        const char *no = getenv("NO_COLOR");

        return !(no && *no) && has_colors() && start_color() == OK && use_default_colors() == OK;
}

/* The number of a colour on this terminal. A terminal without the grey gets another grey, or dim text. */
static short screen_colour(short colour, attr_t *attributes) {
        if (colour != SCREEN_GREY || COLORS > SCREEN_GREY)
                return colour;
        if (COLORS >= 16)
                return COLOR_BLACK + 8;

        *attributes |= A_DIM;
        return -1;
}

static void screen_make_styles(Screen *screen) {
        screen->coloured = screen_wants_colours();
        for (size_t i = 0; i < _SCREEN_STYLE_N; ++i) {
                const ScreenStyle *style = screen_styles + i;
                attr_t attributes = screen->coloured ? style->with_colours : style->without;
                short pair = (short)i, foreground;

                screen->pairs[i] = 0;
                if (screen->coloured && (style->foreground >= 0 || style->background >= 0)) {
                        foreground = screen_colour(style->foreground, &attributes);
                        if (pair < COLOR_PAIRS && init_pair(pair, foreground, style->background) == OK)
                                screen->pairs[i] = pair;
                        else
                                attributes = style->without;
                }
                screen->attributes[i] = (uint32_t)attributes;
        }
}

static void screen_measure(Screen *screen) {
        int rows, columns;

        getmaxyx(stdscr, rows, columns);
        screen->rows = rows > 0 ? (size_t)rows : 0;
        screen->columns = columns > 0 ? (size_t)columns : 0;
        if (screen->columns > SCREEN_COLUMNS_MAX)
                screen->columns = SCREEN_COLUMNS_MAX;
}

/* On a terminal that cannot move the cursor, such as "dumb", curses would write all rows over each other. */
static bool screen_can_be_drawn(void) {
        const char *move = tigetstr("cup");

        /* tigetstr() returns (char *)-1 if the capability is not a string. */
        return move && move != (const char *)-1;
}

/**
 * screen_init() - take the terminal
 * @screen:     output
 *
 * Return: 0, or a negative errno, and a message was printed: standard input or output
 *         is not a terminal, or its kind is unknown.
 */
int screen_init(Screen *screen) {
        const char *name = getenv("TERM");

        *screen = (Screen)SCREEN_NULL;
        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
                error_print("A screen needs a terminal, as standard input and as output; -b prints lines instead.");
                return -ENOTTY;
        }

        setlocale(LC_CTYPE, "");
        screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

        screen_stop = 0;
        set_escdelay(SCREEN_ESCAPE_MS);
        screen->terminal = newterm(NULL, stdout, stdin);
        if (!screen->terminal) {
                if (name && *name)
                        error_print("A terminal of the kind \"%.64s\" is unknown: set TERM, or use -b.", name);
                else
                        error_print("TERM does not say what kind of terminal this is: set it, or use -b.");
                return -ENODEV;
        }
        if (!screen_can_be_drawn()) {
                screen_deinit(screen);
                error_print("Nothing can be drawn on a terminal of the kind \"%.64s\": set TERM, or use -b.", name);
                return -ENODEV;
        }
        screen_catch_signals();

        cbreak();
        noecho();
        nonl();
        keypad(stdscr, TRUE);
        nodelay(stdscr, TRUE);
        intrflush(stdscr, FALSE);
        curs_set(0);
        screen_make_styles(screen);
        screen_measure(screen);

        return 0;
}

/* Restores the terminal. NULL-safe; does nothing if the terminal was not taken. */
void screen_deinit(Screen *screen) {
        if (!screen || !screen->terminal)
                return;

        endwin();
        delscreen(screen->terminal);
        screen->terminal = NULL;
}

/**
 * screen_wait() - wait for a key or other file descriptors
 * @screen:     the screen
 * @fds:        as poll(2) takes them; the array has one more place, for the keyboard
 * @n_fds:      their number, without the keyboard
 * @timeout_ms: the longest time; -1: no limit
 *
 * Ends early if the size changes or a signal comes.
 *
 * Return: 0, or a negative errno.
 */
int screen_wait(Screen *screen, struct pollfd *fds, size_t n_fds, int timeout_ms) {
        int n_bytes = 0;

        (void)screen;
        fds[n_fds] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
        if (screen_stopped())
                timeout_ms = 0;
        if (poll(fds, n_fds + 1, timeout_ms) < 0) {
                for (size_t i = 0; i <= n_fds; ++i)
                        fds[i].revents = 0;
                return errno == EINTR ? 0 : -errno;
        }

        /* A closed terminal is always ready to be read, but has no bytes. */
        if (fds[n_fds].revents & (POLLHUP | POLLERR | POLLNVAL))
                screen_stop = 1;
        else if ((fds[n_fds].revents & POLLIN) && (ioctl(STDIN_FILENO, FIONREAD, &n_bytes) < 0 || n_bytes == 0))
                screen_stop = 1;

        return 0;
}

static uint32_t screen_function_key(wint_t key) {
        static const struct {
                wint_t curses;
                uint32_t key;
        } keys[] = {
                { KEY_UP, SCREEN_KEY_UP },
                { KEY_DOWN, SCREEN_KEY_DOWN },
                { KEY_LEFT, SCREEN_KEY_LEFT },
                { KEY_RIGHT, SCREEN_KEY_RIGHT },
                { KEY_PPAGE, SCREEN_KEY_PAGE_UP },
                { KEY_NPAGE, SCREEN_KEY_PAGE_DOWN },
                { KEY_HOME, SCREEN_KEY_HOME },
                { KEY_END, SCREEN_KEY_END },
                { KEY_DC, SCREEN_KEY_DELETE },
                { KEY_BTAB, SCREEN_KEY_TAB_BACK },
                { KEY_ENTER, SCREEN_KEY_ENTER },
                { KEY_BACKSPACE, SCREEN_KEY_BACKSPACE },
        };

        if (key >= KEY_F(1) && key <= KEY_F(12))
                return SCREEN_KEY_F0 + (key - KEY_F0);
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); ++i)
                if (keys[i].curses == key)
                        return keys[i].key;

        return SCREEN_KEY_NONE;
}

/**
 * screen_key() - take the next key that was pressed
 * @screen:     the screen
 *
 * Does not wait. Keys that are not in enum screen_key are left out.
 *
 * Return: A character, one of enum screen_key, or SCREEN_KEY_NONE: no key is left.
 */
uint32_t screen_key(Screen *screen) {
        uint32_t key;
        wint_t code;
        int r;

        for (;;) {
                r = get_wch(&code);
                if (r == ERR)
                        return SCREEN_KEY_NONE;
                if (r != KEY_CODE_YES)
                        return code == '\n' ? SCREEN_KEY_ENTER : code == 8 ? SCREEN_KEY_BACKSPACE : code;
                if (code == KEY_RESIZE) {
                        screen_measure(screen);
                        return SCREEN_KEY_RESIZE;
                }
                key = screen_function_key(code);
                if (key != SCREEN_KEY_NONE)
                        return key;
        }
}

/* Begins an empty screen, without the cursor. */
void screen_begin(Screen *screen) {
        (void)screen;
        curs_set(0);
        erase();
}

/* Shows what was drawn: only changes are sent to the terminal. */
void screen_flush(Screen *screen) {
        (void)screen;
        refresh();
}

/* Sends the whole screen at the next screen_flush(). */
void screen_redraw(Screen *screen) {
        (void)screen;
        clearok(stdscr, TRUE);
}

static void screen_style(Screen *screen, enum screen_style style) {
        attr_set((attr_t)screen->attributes[style], screen->pairs[style], NULL);
}

/* The form of texts on this terminal. */
enum text_form screen_form(const Screen *screen) {
        return screen->utf8 ? TEXT_SCREEN : TEXT_SCREEN_ASCII;
}

/**
 * screen_put() - write a text
 * @screen:     the screen
 * @row:        from 0 on; nothing is written outside of the screen
 * @column:     from 0 on
 * @columns:    the text is cut to so many columns
 * @style:      the style
 * @text:       the text: any bytes
 *
 * Return: The number of columns that the text takes.
 */
size_t screen_put(Screen *screen,
                  size_t row,
                  size_t column,
                  size_t columns,
                  enum screen_style style,
                  const char *text) {
        char fitted[TEXT_FIT_MAX(SCREEN_COLUMNS_MAX)];
        size_t used;

        if (row >= screen->rows || column >= screen->columns)
                return 0;
        if (columns > screen->columns - column)
                columns = screen->columns - column;

        used = text_fit(fitted, sizeof(fitted), text, columns, screen_form(screen));
        if (used > 0) {
                screen_style(screen, style);
                mvaddstr((int)row, (int)column, fitted);
        }

        return used;
}

/* As screen_put(), but aligned to the right end of the columns. */
void screen_put_right(Screen *screen,
                      size_t row,
                      size_t column,
                      size_t columns,
                      enum screen_style style,
                      const char *text) {
        size_t width = text_width(text, screen_form(screen));

        if (width < columns) {
                column += columns - width;
                columns = width;
        }
        screen_put(screen, row, column, columns, style, text);
}

/* Writes one character, which must be printable and one column wide. */
void screen_put_cell(Screen *screen, size_t row, size_t column, enum screen_style style, wchar_t cell) {
        if (row >= screen->rows || column >= screen->columns)
                return;

        screen_style(screen, style);
        mvaddnwstr((int)row, (int)column, &cell, 1);
}

/* Makes columns empty, in a style. */
void screen_fill(Screen *screen, size_t row, size_t column, size_t columns, enum screen_style style) {
        if (row >= screen->rows || column >= screen->columns)
                return;
        if (columns > screen->columns - column)
                columns = screen->columns - column;

        screen_style(screen, style);
        mvhline((int)row,
                (int)column,
                ' ' | (chtype)screen->attributes[style] | COLOR_PAIR(screen->pairs[style]),
                (int)columns);
}

/* Shows the cursor. To be called after everything was drawn. */
void screen_cursor(Screen *screen, size_t row, size_t column) {
        if (row >= screen->rows || column >= screen->columns)
                return;

        curs_set(1);
        move((int)row, (int)column);
}
