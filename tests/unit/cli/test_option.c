/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The values of options: numbers, seconds, kinds of events and users.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/base/option.h"
#include "tests/unit/text_rig.h"

static void test_numbers(void) {
        static const char *const wrong_numbers[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "a",
                                                     "18446744073709551616" };
        uint64_t number;

        assert(option_read_number("0", 0, 5, &number) && number == 0);
        assert(option_read_number("18446744073709551615", 0, UINT64_MAX, &number) && number == UINT64_MAX);
        assert(!option_read_number("6", 0, 5, &number) && !option_read_number("0", 1, 5, &number));
        for (size_t i = 0; i < sizeof(wrong_numbers) / sizeof(*wrong_numbers); ++i)
                assert(!option_read_number(wrong_numbers[i], 0, UINT64_MAX, &number));
}

static void test_seconds(void) {
        static const char *const wrong_seconds[] = { "", ".", "0", "0.0", "-1", "1s", "1e3", "inf", "1,5", "1000000001",
                                                     "0.0000000001", "1.2.3", " 1" };
        uint64_t number;

        assert(option_read_seconds("2", &number) && number == UINT64_C(2000000000));
        assert(option_read_seconds("0.25", &number) && number == 250000000);
        assert(option_read_seconds(".5", &number) && number == 500000000);
        assert(option_read_seconds("3.", &number) && number == UINT64_C(3000000000));
        assert(option_read_seconds("1.1234567899", &number) && number == 1123456789);
        for (size_t i = 0; i < sizeof(wrong_seconds) / sizeof(*wrong_seconds); ++i)
                assert(!option_read_seconds(wrong_seconds[i], &number));
}

static void test_kinds(void) {
        char wrong[80];
        uint32_t kinds;

        assert(option_read_kinds("fork", &kinds, wrong, sizeof(wrong)) && kinds == TB_KIND_BIT(TB_KIND_FORK));
        assert(option_read_kinds("exit,loss,exit", &kinds, wrong, sizeof(wrong)));
        assert(kinds == (TB_KIND_BIT(TB_KIND_EXIT) | TB_KIND_BIT(TB_KIND_LOSS)));
        assert(option_read_kinds("fork,all", &kinds, wrong, sizeof(wrong)) && kinds == TB_KINDS_ALL);
        kinds = 77;
        assert(!option_read_kinds("fork,birth,exit", &kinds, wrong, sizeof(wrong)) && kinds == 77);
        check_text(wrong, "birth");
        assert(!option_read_kinds("", &kinds, wrong, sizeof(wrong)));
        assert(!option_read_kinds("fork,", &kinds, wrong, sizeof(wrong)));
        assert(!option_read_kinds("for", &kinds, wrong, sizeof(wrong)));
        assert(!option_read_kinds("Fork", &kinds, wrong, sizeof(wrong)));
}

static void test_users(void) {
        uid_t uid;

        assert(option_read_user("0", &uid) && uid == 0);
        assert(option_read_user("root", &uid) && uid == 0);
        assert(option_read_user("4294967294", &uid) && uid == 4294967294u);
        assert(!option_read_user("4294967295", &uid));
        assert(!option_read_user("no such user", &uid));
}

int main(void) {
        test_numbers();
        test_seconds();
        test_kinds();
        test_users();
        return 0;
}
