/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Command lines as text: arguments, quotes, and the mark of a cut.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/base/cmdline.h"
#include "tests/unit/text_rig.h"

static void check_arguments(const char *cmdline, size_t n_cmdline, bool truncated, const char *should) {
        struct tb_program program = { .cmdline = cmdline, .n_cmdline = n_cmdline, .truncated = truncated };
        char text[CMDLINE_TEXT_MAX];
        size_t n = cmdline_text(text, &program);

        check_text(text, should);
        assert(n == strlen(should));
}

static void test_arguments(void) {
        static char line[3 * CMDLINE_MAX + 1];
        struct tb_program program = { .cmdline = line, .n_cmdline = sizeof(line) - 1 };
        char text[CMDLINE_TEXT_MAX];

#define CHECK_ARGUMENTS(cmdline, truncated, should) check_arguments(cmdline, sizeof(cmdline) - 1, truncated, should)
        CHECK_ARGUMENTS("", false, "");
        CHECK_ARGUMENTS("\0", false, "");
        CHECK_ARGUMENTS("a\0", false, "a");
        CHECK_ARGUMENTS("cc\0-c\0a b\0", false, "cc -c 'a b'");
        CHECK_ARGUMENTS("a\0\0b\0\0", false, "a '' b ''");
        CHECK_ARGUMENTS("test\0\0", false, "test ''");
        CHECK_ARGUMENTS("\0x\0", false, "'' x");
        CHECK_ARGUMENTS("a\0\x1b[1m\xff\\\0", false, "a $'\\x1b[1m\\xff\\\\'");
        CHECK_ARGUMENTS("a=b\0a=b\0", false, "'a=b' a=b");
        CHECK_ARGUMENTS("if\0if\0", false, "'if' if");
        /* The rest of the room of a title is filled with NULs. */
        CHECK_ARGUMENTS("title\0\0\0\0\0\0", false, "title");
        CHECK_ARGUMENTS("worker: idle\0\0", false, "'worker: idle'");
        CHECK_ARGUMENTS("\0\0", false, "");
        /* The path of the executable or of the cgroup was cut, not the command line. */
        CHECK_ARGUMENTS("a\0b\0", true, "a b");
        CHECK_ARGUMENTS("a\0b", true, "a b...");
        CHECK_ARGUMENTS("a\0b c", true, "a 'b c'...");
#undef CHECK_ARGUMENTS

        /* The longest text: every byte is escaped, and the command line is longer than the broker sends it. */
        memset(line, 0xff, sizeof(line) - 1);
        assert(cmdline_text(text, &program) == 4 * CMDLINE_MAX + 6);
        check_text(text + 2 + 4 * (CMDLINE_MAX - 1), "\\xff'...");

        /* Many short arguments. The room is enough for each of them. */
        for (size_t i = 0; i < sizeof(line) - 1; ++i)
                line[i] = i % 2 ? '\'' : 0;
        assert(cmdline_text(text, &program) < CMDLINE_TEXT_MAX);
        memset(line + 1, 0, sizeof(line) - 2);
        line[CMDLINE_MAX - 1] = '\x01';
        assert(cmdline_text(text, &program) < CMDLINE_TEXT_MAX);
}

static void test_quotes(void) {
        static const struct {
                const char *argument, *should;
        } cases[] = {
                { "", "''" },
                { "-O2", "-O2" },
                { "/a/b_c.d,e:f@g%h+i=j", "/a/b_c.d,e:f@g%h+i=j" },
                { "a b", "'a b'" },
                { "it's", "'it'\\''s'" },
                { "'", "''\\'''" },
                { "$HOME", "'$HOME'" },
                { "a\\b", "'a\\b'" },
                { "*", "'*'" },
                { "!x", "'!x'" },
                { "{}", "'{}'" },
                { "a;b", "'a;b'" },
                { "~", "'~'" },
                { "a~", "a~" },
                { "--x=~", "'--x=~'" },
                { "a:~/b", "'a:~/b'" },
                { "=ls", "'=ls'" },
                { "a\nb", "$'a\\nb'" },
                { "\t\r\x01'\\", "$'\\t\\r\\x01\\'\\\\'" },
                { "\xc3\xa9", "\xc3\xa9" },
                { "a\xc2\xa0z", "'a\xc2\xa0z'" },
                { "a\xe3\x80\x80z", "'a\xe3\x80\x80z'" },
                { "a\x80z", "$'a\\x80z'" },
                { "\xe2\x80\xaez", "$'\\xe2\\x80\\xaez'" },
                { "\xc2\x9b", "$'\\xc2\\x9b'" },
        };
        char text[CMDLINE_QUOTED_MAX(32)];

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
                size_t n = cmdline_quote(text, cases[i].argument, false);

                check_text(text, cases[i].should);
                assert(n == strlen(cases[i].should));
        }
}

int main(void) {
        test_arguments();
        test_quotes();
        return 0;
}
