/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The prompts: a text to search for, a text to filter by, the time between samples.
 *
 * Each has a function that opens it, for the table of keys, and a TopDialog that draws
 * it and takes its keys.
 */

#include <stdio.h>

#include "clients/cli/base/option.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/top/top_actions.h"
#include "clients/cli/top/top_prompts.h"

#define NS_PER_MS UINT64_C(1000000)

static void prompts_open(Top *top, const TopDialog *dialog, const char *label, const char *text) {
        top->prompt.label = label;
        top->prompt.note = NULL;
        snprintf(top->prompt.text, sizeof(top->prompt.text), "%s", text);
        top->dialog = dialog;
}

static void prompts_draw(Top *top, const TopView *view, size_t row) {
        (void)row;
        top_prompt_draw(&top->prompt, view);
}

/* Takes a key into the text, or closes the prompt. Returns as top_prompt_key(). */
static int prompts_key(Top *top, uint32_t code) {
        int r = top_prompt_key(&top->prompt, code);

        if (r == TOP_PROMPT_DONE || r == TOP_PROMPT_CANCELLED)
                top->dialog = NULL;

        return r;
}

static void prompts_search(Top *top, bool next) {
        snprintf(top->table.search, sizeof(top->table.search), "%s", top->prompt.text);
        top->prompt.note = top_table_search(&top->table, next) ? "(F3: next)" : "(not found)";
}

/* Searches with each character that is typed. */
static void prompts_search_key(Top *top, uint32_t code) {
        int r = prompts_key(top, code);

        if (r == TOP_PROMPT_TYPED)
                prompts_search(top, false);
        if (r == TOP_PROMPT_OTHER && code == SCREEN_KEY_F(3))
                prompts_search(top, true);
}

static const TopDialog prompts_of_search = { .draw = prompts_draw, .key = prompts_search_key };

void top_prompts_search(Top *top, uint32_t code) {
        (void)code;
        prompts_open(top, &prompts_of_search, "Search: ", "");
        top->prompt.note = "(F3: next)";
}

/* Filters with each character that is typed; Escape removes the filter. */
static void prompts_filter_key(Top *top, uint32_t code) {
        int r = prompts_key(top, code);

        if (r != TOP_PROMPT_OTHER)
                top_actions_filter(top, r == TOP_PROMPT_CANCELLED ? "" : top->prompt.text);
}

static const TopDialog prompts_of_filter = { .draw = prompts_draw, .key = prompts_filter_key };

void top_prompts_filter(Top *top, uint32_t code) {
        (void)code;
        prompts_open(top, &prompts_of_filter, "Filter: ", top->table.filter);
}

static void prompts_interval_key(Top *top, uint32_t code) {
        uint64_t ns;

        if (prompts_key(top, code) != TOP_PROMPT_DONE)
                return;
        if (!option_read_seconds(top->prompt.text, &ns) || ns < INTERVAL_MS_MIN * NS_PER_MS ||
            ns > INTERVAL_MS_MAX * NS_PER_MS) {
                top_state_say(top, SCREEN_BAD, "\"%s\" is not a number of seconds from 0.1 to 60.", top->prompt.text);
                return;
        }
        top->settings.interval_ms = (uint32_t)(ns / NS_PER_MS);
        top->reopen = true;
}

static const TopDialog prompts_of_interval = { .draw = prompts_draw, .key = prompts_interval_key };

void top_prompts_interval(Top *top, uint32_t code) {
        (void)code;
        prompts_open(top, &prompts_of_interval, "Seconds between samples (0.1 to 60): ", "");
}
