/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Untrusted text: which bytes are escaped, for a terminal and for JSON, and how wide a text is.
 */

#include <assert.h>

#include "clients/cli/base/text.h"
#include "tests/unit/text_rig.h"

static void test_text(void) {
        char text[64];

        assert(text_escape(text, sizeof(text), "a\x1b[1m\x7f", TEXT_FOR_TERMINAL) == 12);
        check_text(text, "a\\x1b[1m\\x7f");
        /* For JSON, C0 is left to json-c; all other control characters are escaped. */
        text_escape(text, sizeof(text), "a\x1b\x7f\xc2\x9b\xc2\xa0", TEXT_FOR_JSON);
        check_text(text, "a\x1b\\x7f\\xc2\\x9b\xc2\xa0");
        /* U+009B (CSI) is a C1 control. U+00A0 is the first character after C1. */
        text_escape(text, sizeof(text), "\xc2\x9b\xc2\xa0", TEXT_FOR_TERMINAL);
        check_text(text, "\\xc2\\x9b\xc2\xa0");
        /* Characters that change the direction of the text are escaped. */
        text_escape(text, sizeof(text), "\xe2\x80\xaez\xe2\x81\xa6\xe2\x80\x8f\xe2\x80\xa6", TEXT_FOR_TERMINAL);
        check_text(text, "\\xe2\\x80\\xaez\\xe2\\x81\\xa6\\xe2\\x80\\x8f\xe2\x80\xa6");
        /* A character that does not fit is left out as a whole. */
        assert(text_escape(text, 8, "ab\xff\xff", TEXT_FOR_TERMINAL) == 6);
        check_text(text, "ab\\xff");
        assert(text_escape(text, 7, "ab\xff", TEXT_FOR_TERMINAL) == 6);
        assert(text_escape(text, 6, "ab\xff", TEXT_FOR_TERMINAL) == 2);
        assert(text_escape(text, 3, "\xe2\x82\xac", TEXT_FOR_TERMINAL) == 0);
        assert(text_escape(text, 4, "\xe2\x82\xac", TEXT_FOR_TERMINAL) == 3);
        /* A joiner and an unassigned character are escaped for a terminal, which may draw anything there. */
        text_escape(text, sizeof(text), "a\xe2\x80\x8d" "b\xf4\x8f\xbf\xbf", TEXT_FOR_TERMINAL);
        check_text(text, "a\\xe2\\x80\\x8db\\xf4\\x8f\\xbf\\xbf");
        text_escape(text, sizeof(text), "a\xe2\x80\x8d" "b", TEXT_FOR_JSON);
        check_text(text, "a\xe2\x80\x8d" "b");
}

int main(void) {
        test_text();
        return 0;
}
