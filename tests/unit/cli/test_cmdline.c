/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Command lines as text: arguments, escapes, and the mark of a cut.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/base/cmdline.h"
#include "tests/unit/text_rig.h"

static void check_arguments(const char *cmdline, size_t n_cmdline, bool truncated, const char *should) {
        struct tb_program program = { .cmdline = cmdline, .n_cmdline = n_cmdline, .truncated = truncated };
        char text[CMDLINE_TEXT_MAX];

        assert(cmdline_text(text, &program) == strlen(should));
        check_text(text, should);
}

static void test_arguments(void) {
        static char line[3 * CMDLINE_MAX + 1];
        struct tb_program program = { .cmdline = line, .n_cmdline = sizeof(line) - 1 };
        char text[CMDLINE_TEXT_MAX];

#define CHECK_ARGUMENTS(cmdline, truncated, should) check_arguments(cmdline, sizeof(cmdline) - 1, truncated, should)
        CHECK_ARGUMENTS("", false, "");
        CHECK_ARGUMENTS("\0", false, "");
        CHECK_ARGUMENTS("a\0", false, "a");
        CHECK_ARGUMENTS("cc\0-c\0a b\0", false, "cc -c a b");
        CHECK_ARGUMENTS("a\0\0b\0\0", false, "a  b");
        CHECK_ARGUMENTS("title\0\0\0\0", false, "title");
        CHECK_ARGUMENTS("a\0\x1b[1m\xff\\\0", false, "a \\x1b[1m\\xff\\x5c");
        /* The path of the executable or of the cgroup was cut, not the command line. */
        CHECK_ARGUMENTS("a\0b\0", true, "a b");
        CHECK_ARGUMENTS("a\0b", true, "a b...");
#undef CHECK_ARGUMENTS

        /* The longest text: every byte is escaped, and the command line is longer than the broker sends it. */
        memset(line, 0xff, sizeof(line) - 1);
        assert(cmdline_text(text, &program) == 4 * CMDLINE_MAX + 3);
        check_text(text + 4 * (CMDLINE_MAX - 1), "\\xff...");
}

int main(void) {
        test_arguments();
        return 0;
}
