/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command's small nouns: numbers and names as people read and write them,
 * and which events pass a filter.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/filter.h"
#include "clients/format.h"
#include "clients/options.h"
#include "clients/text.h"
#include "clients/users.h"

static void check(const char *is, const char *should) {
        if (strcmp(is, should) != 0)
                fprintf(stderr, "is \"%s\", should be \"%s\"\n", is, should);
        assert(strcmp(is, should) == 0);
}

static void test_bytes(void) {
        char text[FORMAT_MAX];

        check(format_bytes(text, 0), "0");
        check(format_bytes(text, 1023), "1023");
        check(format_bytes(text, 1024), "1.0K");
        check(format_bytes(text, 1536), "1.5K");
        check(format_bytes(text, 10188), "9.9K");
        check(format_bytes(text, 10189), "10K");
        check(format_bytes(text, 1024 * 1024 - 513), "1023K");
        check(format_bytes(text, 1024 * 1024 - 512), "1.0M");
        check(format_bytes(text, 1024 * 1024), "1.0M");
        check(format_bytes(text, UINT64_C(5) << 30), "5.0G");
        check(format_bytes(text, UINT64_C(1) << 50), "1.0P");
        check(format_bytes(text, UINT64_MAX), "16E");
}

static void test_duration(void) {
        char text[FORMAT_MAX];

        check(format_duration(text, 0), "0");
        check(format_duration(text, 999), "999ns");
        check(format_duration(text, 1000), "1.00us");
        check(format_duration(text, 9994), "9.99us");
        check(format_duration(text, 9996), "10.0us");
        check(format_duration(text, 99960), "100us");
        check(format_duration(text, 999499), "999us");
        check(format_duration(text, 999500), "1.00ms");
        check(format_duration(text, 12345678), "12.3ms");
        check(format_duration(text, UINT64_C(59994999999)), "60.0s");
        check(format_duration(text, UINT64_C(60000000000)), "1m00s");
        check(format_duration(text, UINT64_C(123000000000)), "2m03s");
        check(format_duration(text, UINT64_C(3600000000000)), "1h00m");
        check(format_duration(text, UINT64_C(86399000000000)), "23h59m");
        check(format_duration(text, UINT64_C(86400000000000) * 5 + UINT64_C(3600000000000) * 6), "5d06h");
        check(format_duration(text, UINT64_MAX), "213503d23h");
}

static void test_count(void) {
        char text[FORMAT_MAX];

        check(format_count(text, 0), "0");
        check(format_count(text, 999), "999");
        check(format_count(text, 1000), "1 000");
        check(format_count(text, 1284311), "1 284 311");
        check(format_count(text, UINT64_MAX), "18 446 744 073 709 551 615");
}

static void test_time(void) {
        char text[FORMAT_MAX];

        setenv("TZ", "UTC-2", 1);
        tzset();
        check(format_clock(text, UINT64_C(1700000000123999999)), "00:13:20.123");
        check(format_date(text, UINT64_C(1700000000123999999)), "2023-11-15 00:13:20");
        check(format_clock(text, 0), "02:00:00.000");
        assert(strlen(format_clock(text, UINT64_MAX)) == 12);
}

static void test_termination(void) {
        char text[FORMAT_MAX];

        check(format_termination(text, &(struct tb_termination){ .exit_code = 3 }), "-");
        check(format_termination(text, &(struct tb_termination){ .known = true }), "0");
        check(format_termination(text, &(struct tb_termination){ .known = true, .exit_code = 255 }), "exit 255");
        check(format_termination(text, &(struct tb_termination){ .known = true, .term_signal = 9 }), "SIGKILL");
        check(format_termination(text,
                                 &(struct tb_termination){ .known = true, .term_signal = 11, .core_dumped = true }),
              "SIGSEGV + core");
        check(format_termination(text, &(struct tb_termination){ .known = true, .term_signal = 40 }), "signal 40");
        check(format_termination(text, &(struct tb_termination){ .known = true, .term_signal = UINT32_MAX }),
              "signal 4294967295");
}

static void test_text(void) {
        char text[64];

        assert(text_escape(text, sizeof(text), "a\x1b[1m\x7f", TEXT_FOR_TERMINAL) == 12);
        check(text, "a\\x1b[1m\\x7f");
        text_escape(text, sizeof(text), "a\x1b\x7f", TEXT_FOR_JSON);
        check(text, "a\x1b\x7f");
        /* C1 in UTF-8 (CSI), and the first character behind them. */
        text_escape(text, sizeof(text), "\xc2\x9b\xc2\xa0", TEXT_FOR_TERMINAL);
        check(text, "\\xc2\\x9b\xc2\xa0");
        /* What does not fit is left out whole. */
        assert(text_escape(text, 8, "ab\xff\xff", TEXT_FOR_TERMINAL) == 6);
        check(text, "ab\\xff");
        assert(text_escape(text, 7, "ab\xff", TEXT_FOR_TERMINAL) == 6);
        assert(text_escape(text, 6, "ab\xff", TEXT_FOR_TERMINAL) == 2);
        assert(text_escape(text, 3, "\xe2\x82\xac", TEXT_FOR_TERMINAL) == 0);
        assert(text_escape(text, 4, "\xe2\x82\xac", TEXT_FOR_TERMINAL) == 3);
        assert(text_columns("") == 0 && text_columns("abc") == 3 && text_columns("\xe2\x82\xac" "x") == 2);
}

static void test_options(void) {
        static const char *const wrong_numbers[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "a",
                                                     "18446744073709551616" };
        static const char *const wrong_seconds[] = { "", ".", "0", "0.0", "-1", "1s", "1e3", "inf", "1,5", "1000000001",
                                                     "0.0000000001", "1.2.3", " 1" };
        char wrong[80];
        uint64_t number;
        uint32_t kinds;
        uid_t uid;

        assert(options_read_number("0", 0, 5, &number) && number == 0);
        assert(options_read_number("18446744073709551615", 0, UINT64_MAX, &number) && number == UINT64_MAX);
        assert(!options_read_number("6", 0, 5, &number) && !options_read_number("0", 1, 5, &number));
        for (size_t i = 0; i < sizeof(wrong_numbers) / sizeof(*wrong_numbers); i++)
                assert(!options_read_number(wrong_numbers[i], 0, UINT64_MAX, &number));

        assert(options_read_seconds("2", &number) && number == UINT64_C(2000000000));
        assert(options_read_seconds("0.25", &number) && number == 250000000);
        assert(options_read_seconds(".5", &number) && number == 500000000);
        assert(options_read_seconds("3.", &number) && number == UINT64_C(3000000000));
        assert(options_read_seconds("1.1234567899", &number) && number == 1123456789);
        for (size_t i = 0; i < sizeof(wrong_seconds) / sizeof(*wrong_seconds); i++)
                assert(!options_read_seconds(wrong_seconds[i], &number));

        assert(options_read_kinds("fork", &kinds, wrong, sizeof(wrong)) && kinds == TB_KIND_BIT(TB_KIND_FORK));
        assert(options_read_kinds("exit,loss,exit", &kinds, wrong, sizeof(wrong)));
        assert(kinds == (TB_KIND_BIT(TB_KIND_EXIT) | TB_KIND_BIT(TB_KIND_LOSS)));
        assert(options_read_kinds("fork,all", &kinds, wrong, sizeof(wrong)) && kinds == TB_KINDS_ALL);
        kinds = 77;
        assert(!options_read_kinds("fork,birth,exit", &kinds, wrong, sizeof(wrong)) && kinds == 77);
        check(wrong, "birth");
        assert(!options_read_kinds("", &kinds, wrong, sizeof(wrong)));
        assert(!options_read_kinds("fork,", &kinds, wrong, sizeof(wrong)));
        assert(!options_read_kinds("for", &kinds, wrong, sizeof(wrong)));
        assert(!options_read_kinds("Fork", &kinds, wrong, sizeof(wrong)));

        assert(options_read_user("0", &uid) && uid == 0);
        assert(options_read_user("root", &uid) && uid == 0);
        assert(options_read_user("4294967294", &uid) && uid == 4294967294u);
        assert(!options_read_user("4294967295", &uid));
        assert(!options_read_user("no such user", &uid));
}

static void test_users(void) {
        static Users users;

        check(users_name(&users, 0), "root");
        check(users_name(&users, 4294960000u), "4294960000");
        /* The same slot, there and back. */
        check(users_name(&users, 4294960000u + USERS_CACHE), "4294960064");
        check(users_name(&users, 4294960000u), "4294960000");
        check(users_name(&users, 0), "root");
}

static void test_filter(void) {
        Filter filter = { 0 };
        struct tb_event event = { .kind = TB_KIND_EXEC, .pid = 10, .tid = 11, .uid = 0, .comm = "bash" };
        struct tb_event loss = { .kind = TB_KIND_LOSS };
        struct tb_event birth = { .kind = TB_KIND_FORK, .pid = 20, .tid = 20, .fork.parent_pid = 10, .comm = "bash" };

        assert(filter_passes(&filter, &event));

        filter.uids[filter.n_uids++] = 5;
        assert(!filter_passes(&filter, &event));
        assert(filter_passes(&filter, &loss));
        filter.uids[filter.n_uids++] = 0;
        assert(filter_passes(&filter, &event));
        event.task_unknown = true;
        assert(!filter_passes(&filter, &event));
        event.uid = 5;
        assert(filter_passes(&filter, &event));

        filter = (Filter){ .pids = { 11 }, .n_pids = 1 };
        assert(!filter_passes(&filter, &event));
        filter.pids[0] = 10;
        assert(filter_passes(&filter, &event));
        assert(filter_passes(&filter, &birth));
        birth.fork.parent_pid = 12;
        assert(!filter_passes(&filter, &birth));
        filter.pids[0] = 20;
        assert(filter_passes(&filter, &birth));

        /* Children pass, and theirs do not. */
        filter.pids[0] = 7;
        assert(!filter_passes(&filter, &event));
        event.ppid = 7;
        assert(filter_passes(&filter, &event));

        filter = (Filter){ .comms = { "b*h", "x" }, .n_comms = 2 };
        assert(filter_passes(&filter, &event));
        filter.comms[0] = "ba";
        assert(!filter_passes(&filter, &event));
        strcpy(event.comm, "x");
        assert(filter_passes(&filter, &event));
        strcpy(event.comm, "now");
        event.kind = TB_KIND_COMM;
        strcpy(event.comm_change.old_comm, "x");
        assert(filter_passes(&filter, &event));

        /* All sorts that are given must match. */
        filter.pids[filter.n_pids++] = 99;
        assert(!filter_passes(&filter, &event));

        /* A name that is not known matches not even "*". */
        filter = (Filter){ .comms = { "*" }, .n_comms = 1 };
        event = (struct tb_event){ .kind = TB_KIND_EXEC, .pid = 1 };
        assert(filter_passes(&filter, &event));
        event.task_unknown = true;
        assert(!filter_passes(&filter, &event));
}

int main(void) {
        test_bytes();
        test_duration();
        test_count();
        test_time();
        test_termination();
        test_text();
        test_options();
        test_users();
        test_filter();
        return 0;
}
