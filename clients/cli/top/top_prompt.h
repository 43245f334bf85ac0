/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct TopView;

typedef struct TopPrompt TopPrompt;

#define TOP_PROMPT_MAX 128u

enum {
        TOP_PROMPT_TYPED,               /* the text may have changed */
        TOP_PROMPT_DONE,
        TOP_PROMPT_CANCELLED,
        TOP_PROMPT_OTHER,               /* a key that types nothing */
};

struct TopPrompt {
        const char *label;
        char text[TOP_PROMPT_MAX];      /* UTF-8 */
        const char *note;               /* behind the text; NULL: none */
};

int top_prompt_key(TopPrompt *prompt, uint32_t code);
void top_prompt_draw(const TopPrompt *prompt, const struct TopView *view);
