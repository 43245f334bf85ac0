/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A prompt: characters that are typed and deleted.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/top/top_prompt.h"
#include "clients/cli/tui/screen.h"

static void test_prompt(void) {
        TopPrompt prompt = { .text = "" };

        assert(top_prompt_key(&prompt, 'a') == TOP_PROMPT_TYPED);
        assert(top_prompt_key(&prompt, 0xe9) == TOP_PROMPT_TYPED && strcmp(prompt.text, "a\xc3\xa9") == 0);
        assert(top_prompt_key(&prompt, 0x1f600) == TOP_PROMPT_TYPED);
        assert(top_prompt_key(&prompt, SCREEN_KEY_BACKSPACE) == TOP_PROMPT_TYPED &&
               strcmp(prompt.text, "a\xc3\xa9") == 0);
        assert(top_prompt_key(&prompt, SCREEN_KEY_BACKSPACE) == TOP_PROMPT_TYPED && strcmp(prompt.text, "a") == 0);
        assert(top_prompt_key(&prompt, SCREEN_KEY_F(3)) == TOP_PROMPT_OTHER);
        assert(top_prompt_key(&prompt, SCREEN_KEY_ENTER) == TOP_PROMPT_DONE);
        assert(top_prompt_key(&prompt, SCREEN_KEY_ESCAPE) == TOP_PROMPT_CANCELLED);
        for (int i = 0; i < 1000; ++i)
                assert(top_prompt_key(&prompt, 0x20ac) == TOP_PROMPT_TYPED && strlen(prompt.text) < TOP_PROMPT_MAX);
        for (int i = 0; i < 1000; ++i)
                assert(top_prompt_key(&prompt, SCREEN_KEY_BACKSPACE) == TOP_PROMPT_TYPED);
        assert(!prompt.text[0]);
}

int main(void) {
        test_prompt();
        return 0;
}
