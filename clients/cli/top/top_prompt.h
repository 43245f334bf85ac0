/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct TopView;

typedef struct TopPrompt TopPrompt;

#define TOP_PROMPT_MAX 128u

enum {
        TOP_PROMPT_ON,                  /* the text may have changed */
        TOP_PROMPT_DONE,
        TOP_PROMPT_CANCELLED,
        TOP_PROMPT_OTHER,               /* a key that is not for a text */
};

struct TopPrompt {
        const char *label;
        char text[TOP_PROMPT_MAX];      /* UTF-8 */
};

int top_prompt_key(TopPrompt *prompt, uint32_t key);
void top_prompt_draw(const TopPrompt *prompt, const struct TopView *view, const char *note);
