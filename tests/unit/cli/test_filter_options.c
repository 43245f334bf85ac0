/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The options that restrict what a verb shows: values, refusals and maxima.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/exit_status.h"
#include "clients/cli/connect/filter_options.h"
#include "tests/unit/text_rig.h"

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
        check_text(filter.wanted.cgroups[0], should);
}

/* An option is accepted @n_max times. One time more is refused, and leaves the values as they are. */
static void check_filter_limit(int option, const char *value, unsigned int n_max, const size_t *n,
                               FilterOptions *filter) {
        filter_options_init(filter);
        for (unsigned int i = 0; i < n_max; ++i)
                assert(filter_options_read_option(filter, "watch", option, value) == EXIT_STATUS_OK);
        assert(*n == n_max);
        assert(filter_options_read_option(filter, "watch", option, value) == EXIT_STATUS_USAGE);
        assert(*n == n_max);
}

/* @text: output; a path of @n characters */
static void make_path(char *text, size_t n) {
        memset(text, 'x', n);
        text[0] = '/';
        text[n] = 0;
}

static void test_values(void) {
        static FilterOptions filter;

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
        check_text(filter.wanted.comms[0], "cc1*");
}

static void test_refused(void) {
        char text[TB_FILTER_COMM_BYTES_MAX + 2];
        static FilterOptions filter;

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
}

static void test_cpus(void) {
        static const char *const wrong_cpus[] = { "", ",", "-", "1-", "-1", "3-1", "1,", ",1", "a", "1 ", " 1", "1--2",
                                                  "1-2-3", "0x1", "8192", "0-8192", "1-3:2/4",
                                                  "99999999999999999999999" };
        static const char *const right_cpus[] = { "0", "0-3,8", "8191", "1-1", "5,3,3-4", "007" };
        static FilterOptions filter;

        for (size_t i = 0; i < sizeof(wrong_cpus) / sizeof(*wrong_cpus); ++i)
                check_filter_refused(FILTER_OPTIONS_OPTION_CPU, wrong_cpus[i]);
        for (size_t i = 0; i < sizeof(right_cpus) / sizeof(*right_cpus); ++i) {
                filter_options_init(&filter);
                assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_CPU, right_cpus[i]) ==
                       EXIT_STATUS_OK);
                check_text(filter.wanted.cpus, right_cpus[i]);
        }
        assert(filter_options_read_option(&filter, "watch", FILTER_OPTIONS_OPTION_CPU, "1") == EXIT_STATUS_USAGE);
}

static void test_cgroups(void) {
        static const char *const wrong_cgroups[] = { "", "system.slice", "./a", "sys/fs/cgroup/a" };
        char text[TB_FILTER_CGROUP_BYTES_MAX + 2];

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
        make_path(text, TB_FILTER_CGROUP_BYTES_MAX + 1);
        check_filter_refused(FILTER_OPTIONS_OPTION_CGROUP, text);
        make_path(text, TB_FILTER_CGROUP_BYTES_MAX);
        check_cgroup(text, text);
}

static void test_limits(void) {
        char text[TB_FILTER_CGROUP_BYTES_MAX + 1];
        static FilterOptions filter;

        make_path(text, TB_FILTER_CGROUP_BYTES_MAX);
        check_filter_limit(FILTER_OPTIONS_OPTION_UID, "1", TB_FILTER_UIDS_MAX, &filter.wanted.n_uids, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_PID, "1", TB_FILTER_PIDS_MAX, &filter.wanted.n_pids, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_TREE, "1", TB_FILTER_SUBTREES_MAX, &filter.wanted.n_subtrees, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_COMM, "x", TB_FILTER_COMMS_MAX, &filter.wanted.n_comms, &filter);
        check_filter_limit(FILTER_OPTIONS_OPTION_CGROUP, text, TB_FILTER_CGROUPS_MAX, &filter.wanted.n_cgroups,
                           &filter);
}

int main(void) {
        test_values();
        test_refused();
        test_cpus();
        test_cgroups();
        test_limits();
        return 0;
}
