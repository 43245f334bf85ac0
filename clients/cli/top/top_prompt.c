/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A line to type in, at the bottom of the screen. Does not know what the text is for:
 * top_prompts.c has the prompts.
 */

#include <string.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/top/top_prompt.h"
#include "clients/cli/top/top_view.h"
#include "clients/cli/tui/screen.h"

static size_t prompt_encode(uint32_t code, char bytes[static 4]) {
        if (code < 0x80) {
                bytes[0] = (char)code;
                return 1;
        }
        if (code < 0x800) {
                bytes[0] = (char)(0xc0 | code >> 6);
                bytes[1] = (char)(0x80 | (code & 0x3f));
                return 2;
        }
        if (code < 0x10000) {
                bytes[0] = (char)(0xe0 | code >> 12);
                bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
                bytes[2] = (char)(0x80 | (code & 0x3f));
                return 3;
        }
        bytes[0] = (char)(0xf0 | code >> 18);
        bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (code & 0x3f));

        return 4;
}

/* Takes a key into the text. Returns TOP_PROMPT_... */
int top_prompt_key(TopPrompt *prompt, uint32_t code) {
        size_t n = strlen(prompt->text), n_bytes;
        char bytes[4];

        if (code == SCREEN_KEY_ENTER)
                return TOP_PROMPT_DONE;
        if (code == SCREEN_KEY_ESCAPE || code == SCREEN_KEY_CTRL('g'))
                return TOP_PROMPT_CANCELLED;
        if (code == SCREEN_KEY_CTRL('u')) {
                prompt->text[0] = 0;
                return TOP_PROMPT_TYPED;
        }
        if (code == SCREEN_KEY_BACKSPACE) {
                while (n > 0 && ((unsigned char)prompt->text[--n] & 0xc0) == 0x80)
                        ;
                prompt->text[n] = 0;
                return TOP_PROMPT_TYPED;
        }
        if (code < 0x20 || code > 0x10ffff)
                return TOP_PROMPT_OTHER;

        n_bytes = prompt_encode(code, bytes);
        if (n + n_bytes < sizeof(prompt->text)) {
                memcpy(prompt->text + n, bytes, n_bytes);
                prompt->text[n + n_bytes] = 0;
        }

        return TOP_PROMPT_TYPED;
}

/* Draws the prompt in the last line. */
void top_prompt_draw(const TopPrompt *prompt, const TopView *view) {
        size_t row = view->screen->rows - 1, width = view->screen->columns, at;

        screen_fill(view->screen, row, 0, width, SCREEN_BAR);
        at = screen_put(view->screen, row, 0, width, SCREEN_BAR, prompt->label);
        at += screen_put(view->screen, row, at, width - at, SCREEN_BAR, prompt->text);
        if (prompt->note)
                screen_put(view->screen,
                           row,
                           at + 3,
                           width > at + 3 ? width - at - 3 : 0,
                           SCREEN_BAR,
                           prompt->note);
        screen_cursor(view->screen, row, at < width ? at : width - 1);
}
