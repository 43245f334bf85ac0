/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The command's small nouns: numbers, names and command lines as people read and
 * write them, and the options that say which part of the machine is wanted.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/users.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/connect/filter_options.h"

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

        /* Days and years follow the time zone. 1700000000 is in the 15th, 1704060000 the first second of 2024. */
        check(format_begin(text, UINT64_C(1700000000123999999), UINT64_C(1700000001000000000)), "00:13:20.123");
        check(format_begin(text, UINT64_C(1699999199000000000), UINT64_C(1700000001000000000)), "11-14 23:59");
        check(format_begin(text, UINT64_C(1700000001000000000), UINT64_C(1699999199000000000)), "11-15 00:13");
        check(format_begin(text, UINT64_C(1704059999000000000), UINT64_C(1704060000000000000)), "2023-12-31");
        check(format_begin(text, UINT64_C(1700000000000000000) - UINT64_C(31536000) * 1000000000u,
                           UINT64_C(1700000000000000000)),
              "2022-11-15");
        assert(strlen(format_begin(text, 0, UINT64_MAX)) <= 12);
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
        /* JSON escapes C0 itself, and nothing else that a terminal acts upon. */
        text_escape(text, sizeof(text), "a\x1b\x7f\xc2\x9b\xc2\xa0", TEXT_FOR_JSON);
        check(text, "a\x1b\\x7f\\xc2\\x9b\xc2\xa0");
        /* C1 in UTF-8 (CSI), and the first character behind them. */
        text_escape(text, sizeof(text), "\xc2\x9b\xc2\xa0", TEXT_FOR_TERMINAL);
        check(text, "\\xc2\\x9b\xc2\xa0");
        /* A name may not reverse the text behind it. */
        text_escape(text, sizeof(text), "\xe2\x80\xaez\xe2\x81\xa6\xe2\x80\x8f\xe2\x80\xa6", TEXT_FOR_TERMINAL);
        check(text, "\\xe2\\x80\\xaez\\xe2\\x81\\xa6\\xe2\\x80\\x8f\xe2\x80\xa6");
        /* A character that does not fit is left out whole. */
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

        assert(option_read_number("0", 0, 5, &number) && number == 0);
        assert(option_read_number("18446744073709551615", 0, UINT64_MAX, &number) && number == UINT64_MAX);
        assert(!option_read_number("6", 0, 5, &number) && !option_read_number("0", 1, 5, &number));
        for (size_t i = 0; i < sizeof(wrong_numbers) / sizeof(*wrong_numbers); ++i)
                assert(!option_read_number(wrong_numbers[i], 0, UINT64_MAX, &number));

        assert(option_read_seconds("2", &number) && number == UINT64_C(2000000000));
        assert(option_read_seconds("0.25", &number) && number == 250000000);
        assert(option_read_seconds(".5", &number) && number == 500000000);
        assert(option_read_seconds("3.", &number) && number == UINT64_C(3000000000));
        assert(option_read_seconds("1.1234567899", &number) && number == 1123456789);
        for (size_t i = 0; i < sizeof(wrong_seconds) / sizeof(*wrong_seconds); ++i)
                assert(!option_read_seconds(wrong_seconds[i], &number));

        assert(option_read_kinds("fork", &kinds, wrong, sizeof(wrong)) && kinds == TB_KIND_BIT(TB_KIND_FORK));
        assert(option_read_kinds("exit,loss,exit", &kinds, wrong, sizeof(wrong)));
        assert(kinds == (TB_KIND_BIT(TB_KIND_EXIT) | TB_KIND_BIT(TB_KIND_LOSS)));
        assert(option_read_kinds("fork,all", &kinds, wrong, sizeof(wrong)) && kinds == TB_KINDS_ALL);
        kinds = 77;
        assert(!option_read_kinds("fork,birth,exit", &kinds, wrong, sizeof(wrong)) && kinds == 77);
        check(wrong, "birth");
        assert(!option_read_kinds("", &kinds, wrong, sizeof(wrong)));
        assert(!option_read_kinds("fork,", &kinds, wrong, sizeof(wrong)));
        assert(!option_read_kinds("for", &kinds, wrong, sizeof(wrong)));
        assert(!option_read_kinds("Fork", &kinds, wrong, sizeof(wrong)));

        assert(option_read_user("0", &uid) && uid == 0);
        assert(option_read_user("root", &uid) && uid == 0);
        assert(option_read_user("4294967294", &uid) && uid == 4294967294u);
        assert(!option_read_user("4294967295", &uid));
        assert(!option_read_user("no such user", &uid));
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

static void check_arguments(const char *cmdline, size_t n_cmdline, bool truncated, const char *should) {
        struct tb_program program = { .cmdline = cmdline, .n_cmdline = n_cmdline, .truncated = truncated };
        char text[CMDLINE_TEXT_MAX];

        assert(cmdline_text(text, &program) == strlen(should));
        check(text, should);
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
        /* Another of what the program was may have been cut. */
        CHECK_ARGUMENTS("a\0b\0", true, "a b");
        CHECK_ARGUMENTS("a\0b", true, "a b...");
#undef CHECK_ARGUMENTS

        /* As wide as it gets, and more than this broker tells. */
        memset(line, 0xff, sizeof(line) - 1);
        assert(cmdline_text(text, &program) == 4 * CMDLINE_MAX + 3);
        check(text + 4 * (CMDLINE_MAX - 1), "\\xff...");
}

static void check_filter_refused(int option, const char *value) {
        static FilterOptions filter;

        filter_options_init(&filter);
        if (filter_options_read_option(&filter, "watch", option, value) != EXIT_STATUS_USAGE)
                fprintf(stderr, "%s was taken\n", value);
        assert(filter.wanted.n_uids == 0 && filter.wanted.n_pids == 0 && filter.wanted.n_subtrees == 0);
        assert(filter.wanted.n_comms == 0 && filter.wanted.n_cgroups == 0 && !filter.wanted.cpus);
}

static void check_cgroup(const char *value, const char *should) {
        static FilterOptions filter;

        filter_options_init(&filter);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_CGROUP, value) == EXIT_STATUS_OK);
        assert(filter.wanted.n_cgroups == 1);
        check(filter.wanted.cgroups[0], should);
}

/* Each may be given so often, and what was taken is what the broker is told. */
static void check_filter_limit(int option, const char *value, unsigned int n_max, const size_t *n,
                               FilterOptions *filter) {
        filter_options_init(filter);
        for (unsigned int i = 0; i < n_max; ++i)
                assert(filter_options_read_option(filter, "watch", option, value) == EXIT_STATUS_OK);
        assert(*n == n_max);
        assert(filter_options_read_option(filter, "watch", option, value) == EXIT_STATUS_USAGE);
        assert(*n == n_max);
}

static void test_filter(void) {
        static const char *const wrong_cpus[] = { "", ",", "-", "1-", "-1", "3-1", "1,", ",1", "a", "1 ", " 1", "1--2",
                                                  "1-2-3", "0x1", "8192", "0-8192", "1-3:2/4",
                                                  "99999999999999999999999" };
        static const char *const right_cpus[] = { "0", "0-3,8", "8191", "1-1", "5,3,3-4", "007" };
        static const char *const wrong_cgroups[] = { "", "system.slice", "./a", "sys/fs/cgroup/a" };
        char text[TB_FILTER_CGROUP_BYTES_MAX + 16];
        static FilterOptions filter;

        assert(filter_options_owns(FILTER_OPTIONS_OPTION_UID) && filter_options_owns(FILTER_OPTIONS_OPTION_NONZERO));
        assert(!filter_options_owns('h') && !filter_options_owns(FILTER_OPTIONS_OPTION_UID - 1) &&
               !filter_options_owns(_FILTER_OPTIONS_OPTION_BEHIND));

        filter_options_init(&filter);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_UID, "root") == EXIT_STATUS_OK);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_UID, "4294967294") == EXIT_STATUS_OK);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_PID, "4194304") == EXIT_STATUS_OK);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_TREE, "1") == EXIT_STATUS_OK);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_TREE, "7") == EXIT_STATUS_OK);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_COMM, "cc1*") == EXIT_STATUS_OK);
        assert(!filter.wanted.nonzero && !filter.wanted.cpus);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_NONZERO, NULL) == EXIT_STATUS_OK);
        assert(filter.wanted.nonzero);
        assert(filter.wanted.n_uids == 2 && filter.wanted.uids[0] == 0 && filter.wanted.uids[1] == 4294967294u);
        assert(filter.wanted.n_pids == 1 && filter.wanted.pids[0] == 4194304);
        assert(filter.wanted.n_subtrees == 2 && filter.wanted.subtrees[0] == 1 && filter.wanted.subtrees[1] == 7);
        assert(filter.wanted.n_comms == 1);
        check(filter.wanted.comms[0], "cc1*");

        check_filter_refused(FILTER_OPTIONS_OPTION_UID, "no such user");
        check_filter_refused(FILTER_OPTIONS_OPTION_PID, "0");
        check_filter_refused(FILTER_OPTIONS_OPTION_PID, "4194305");
        check_filter_refused(FILTER_OPTIONS_OPTION_TREE, "self");
        check_filter_refused(FILTER_OPTIONS_OPTION_COMM, "");
        memset(text, 'x', TB_FILTER_COMM_BYTES_MAX + 1);
        text[TB_FILTER_COMM_BYTES_MAX + 1] = 0;
        check_filter_refused(FILTER_OPTIONS_OPTION_COMM, text);
        text[TB_FILTER_COMM_BYTES_MAX] = 0;
        filter_options_init(&filter);
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_COMM, text) == EXIT_STATUS_OK);

        for (size_t i = 0; i < sizeof(wrong_cpus) / sizeof(*wrong_cpus); ++i)
                check_filter_refused(FILTER_OPTIONS_OPTION_CPU, wrong_cpus[i]);
        for (size_t i = 0; i < sizeof(right_cpus) / sizeof(*right_cpus); ++i) {
                filter_options_init(&filter);
                assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_CPU, right_cpus[i]) ==
                       EXIT_STATUS_OK);
                check(filter.wanted.cpus, right_cpus[i]);
        }
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_CPU, "1") == EXIT_STATUS_USAGE);

        check_cgroup("/", "/");
        check_cgroup("///", "/");
        check_cgroup("/system.slice/ssh.service", "/system.slice/ssh.service");
        check_cgroup("/user.slice/", "/user.slice");
        check_cgroup("/sys/fs/cgroup/system.slice/", "/system.slice");
        check_cgroup("/sys/fs/cgroup", "/");
        check_cgroup("/sys/fs/cgroup/", "/");
        check_cgroup("/sys/fs/cgroups", "/sys/fs/cgroups");
        for (size_t i = 0; i < sizeof(wrong_cgroups) / sizeof(*wrong_cgroups); ++i)
                check_filter_refused(FILTER_OPTIONS_OPTION_CGROUP, wrong_cgroups[i]);
        memset(text, 'x', sizeof(text));
        text[0] = '/';
        text[TB_FILTER_CGROUP_BYTES_MAX + 1] = 0;
        check_filter_refused(FILTER_OPTIONS_OPTION_CGROUP, text);
        text[TB_FILTER_CGROUP_BYTES_MAX] = 0;
        check_cgroup(text, text);

        check_filter_limit(FILTER_OPTIONS_OPTION_UID, "1", TB_FILTER_UIDS_MAX, &filter.wanted.n_uids, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_PID, "1", TB_FILTER_PIDS_MAX, &filter.wanted.n_pids, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_TREE, "1", TB_FILTER_SUBTREES_MAX, &filter.wanted.n_subtrees, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_COMM, "x", TB_FILTER_COMMS_MAX, &filter.wanted.n_comms, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_CGROUP, text, TB_FILTER_CGROUPS_MAX, &filter.wanted.n_cgroups,
                           &filter);
}

static void test_link(void) {
        struct tb_link link = { .state = TB_LINK_LOST, .reason = "The broker went.", .lost_time_ns = 5 };
        char text[CONNECTION_TEXT_MAX], *longest;

        check(connection_describe(text, &link, 5), "The broker went; trying again");
        link = (struct tb_link){ .state = TB_LINK_RESUMED, .lost_time_ns = 1000, .tries = 1 };
        check(connection_describe(text, &link, 124001000),
              "Connected again after 124ms: the stream goes on where it was");
        link.tries = 3;
        check(connection_describe(text, &link, 124001000),
              "Connected again after 124ms and 3 tries: the stream goes on where it was");
        /* The clock was set back meanwhile. */
        check(connection_describe(text, &link, 5),
              "Connected again after 0 and 3 tries: the stream goes on where it was");
        link.state = TB_LINK_RESTARTED;
        link.reason = "The broker was restarted.";
        check(connection_describe(text, &link, 124001000),
              "Connected again after 124ms and 3 tries: what happened in between is not known "
              "(The broker was restarted)");

        longest = malloc(4096);
        assert(longest);
        memset(longest, 'x', 4095);
        longest[4095] = 0;
        link = (struct tb_link){ .state = TB_LINK_RESTARTED, .reason = longest, .tries = UINT32_MAX };
        assert(strlen(connection_describe(text, &link, UINT64_MAX)) == CONNECTION_TEXT_MAX - 1);
        free(longest);
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
        test_arguments();
        test_filter();
        test_link();
        return 0;
}
