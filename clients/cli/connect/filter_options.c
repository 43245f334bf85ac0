/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which part of the machine a person wants: the options that say so, the same of
 * every verb. The broker does the choosing; see FilterOptions in broker.proto.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/connect/filter_options.h"

/* PID_MAX_LIMIT of the kernel. */
#define PID_MAX 4194304u

/* The broker's own limit: NR_CPUS of the largest kernels. */
#define CPUS_MAX 8192u

/* People copy paths with it; the kernel's own, in /proc/PID/cgroup, are without. */
#define CGROUP_MOUNT "/sys/fs/cgroup"

/* Nothing is left out. */
void filter_options_init(FilterOptions *filter) {
        *filter = (FilterOptions){ 0 };
        filter->wanted.uids = filter->uids;
        filter->wanted.pids = filter->pids;
        filter->wanted.subtrees = filter->subtrees;
        filter->wanted.comms = filter->comms;
        filter->wanted.cgroups = filter->cgroups;
}

/* Whether filter_options_read_option() knows what getopt_long() returned. */
bool filter_options_owns(int option) {
        return option >= FILTER_OPTIONS_OPTION_UID && option <= FILTER_OPTIONS_OPTION_NONZERO;
}

static int filter_options_too_many(const char *verb, const char *option, unsigned int n_max) {
        return error_usage(verb, "%s: it can be given %u times at most.", option, n_max);
}

static int filter_options_read_uid(FilterOptions *filter, const char *verb, const char *value) {
        uid_t uid;

        if (filter->wanted.n_uids == TB_FILTER_UIDS_MAX)
                return filter_options_too_many(verb, "--uid", TB_FILTER_UIDS_MAX);
        if (!option_read_user(value, &uid))
                return error_usage(verb,
                                      "%s: there is no such user; "
                                      "name one, or give a number from 0 to 4294967294.",
                                      value);

        filter->uids[filter->wanted.n_uids++] = (uint32_t)uid;
        return EXIT_STATUS_OK;
}

static int filter_options_read_pid(const char *verb,
                           const char *option,
                           const char *value,
                           uint32_t *pids,
                           size_t *n_pids,
                           unsigned int n_max) {
        uint64_t pid;

        if (*n_pids == n_max)
                return filter_options_too_many(verb, option, n_max);
        if (!option_read_number(value, 1, PID_MAX, &pid))
                return error_usage(verb, "%s %s: a process id is a number from 1 to %u.", option, value, PID_MAX);

        pids[(*n_pids)++] = (uint32_t)pid;
        return EXIT_STATUS_OK;
}

static int filter_options_read_comm(FilterOptions *filter, const char *verb, const char *value) {
        if (filter->wanted.n_comms == TB_FILTER_COMMS_MAX)
                return filter_options_too_many(verb, "--comm", TB_FILTER_COMMS_MAX);
        if (!*value)
                return error_usage(verb, "--comm: the pattern is empty; give a name, or one with *, ? or [...].");
        if (strlen(value) > TB_FILTER_COMM_BYTES_MAX)
                return error_usage(verb,
                                      "--comm: the pattern is longer than %u bytes; a task's name has 15 at most.",
                                      TB_FILTER_COMM_BYTES_MAX);

        filter->comms[filter->wanted.n_comms++] = value;
        return EXIT_STATUS_OK;
}

static int filter_options_read_cgroup(FilterOptions *filter, const char *verb, const char *value) {
        const char *path = value;
        char *kept;
        size_t n;

        if (filter->wanted.n_cgroups == TB_FILTER_CGROUPS_MAX)
                return filter_options_too_many(verb, "--cgroup", TB_FILTER_CGROUPS_MAX);

        n = strlen(CGROUP_MOUNT);
        if (strncmp(path, CGROUP_MOUNT, n) == 0 && (path[n] == '/' || !path[n]))
                path = path[n] ? path + n : "/";
        if (*path != '/')
                return error_usage(verb,
                                      "--cgroup %s: the path of a control group begins with /, such as "
                                      "/system.slice/ssh.service; /proc/PID/cgroup shows a process' own.",
                                      value);

        n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
                n--;
        if (n > TB_FILTER_CGROUP_BYTES_MAX)
                return error_usage(verb,
                                      "--cgroup: the path is longer than the %u bytes that the broker takes; "
                                      "name a group above it.",
                                      TB_FILTER_CGROUP_BYTES_MAX);

        kept = filter->paths[filter->wanted.n_cgroups];
        memcpy(kept, path, n);
        kept[n] = 0;
        filter->cgroups[filter->wanted.n_cgroups++] = kept;
        return EXIT_STATUS_OK;
}

/* Takes a processor's number off the list; -1: there is none. */
static long cpus_next(const char **text) {
        unsigned long number;
        char *end;

        if (!isdigit((unsigned char)**text))
                return -1;
        number = strtoul(*text, &end, 10);
        *text = end;

        return number < CPUS_MAX ? (long)number : -1;
}

/* As the kernel writes it: "0-3,8". */
static bool cpus_are_list(const char *text) {
        long first, last;

        for (;; ++text) {
                first = last = cpus_next(&text);
                if (first >= 0 && *text == '-') {
                        text++;
                        last = cpus_next(&text);
                }
                if (first < 0 || last < first)
                        return false;
                if (*text != ',')
                        return !*text;
        }
}

static int filter_options_read_cpu(FilterOptions *filter, const char *verb, const char *value) {
        if (filter->wanted.cpus)
                return error_usage(verb, "--cpu: it can be given once; give one list, such as 0-3,8.");
        if (!cpus_are_list(value))
                return error_usage(verb,
                                      "--cpu %s: processors are a list of numbers and ranges below %u, such as 0-3,8.",
                                      value,
                                      CPUS_MAX);

        filter->wanted.cpus = value;
        return EXIT_STATUS_OK;
}

/**
 * filter_options_read_option() - take one of FILTER_OPTIONS_LONG_OPTIONS
 * @filter:     gets it
 * @verb:       whose option it is, for what is said of a wrong one
 * @option:     what getopt_long() returned, as filter_options_owns() knows it
 * @value:      its value; kept as a pointer, but for paths
 *
 * Return: EXIT_STATUS_OK, or the status of error_usage().
 */
int filter_options_read_option(FilterOptions *filter, const char *verb, int option, const char *value) {
        switch (option) {
        case FILTER_OPTIONS_OPTION_UID:
                return filter_options_read_uid(filter, verb, value);
        case FILTER_OPTIONS_OPTION_PID:
                return filter_options_read_pid(
                        verb, "--pid", value, filter->pids, &filter->wanted.n_pids, TB_FILTER_PIDS_MAX);
        case FILTER_OPTIONS_OPTION_TREE:
                return filter_options_read_pid(
                        verb, "--tree", value, filter->subtrees, &filter->wanted.n_subtrees, TB_FILTER_SUBTREES_MAX);
        case FILTER_OPTIONS_OPTION_COMM:
                return filter_options_read_comm(filter, verb, value);
        case FILTER_OPTIONS_OPTION_CGROUP:
                return filter_options_read_cgroup(filter, verb, value);
        case FILTER_OPTIONS_OPTION_CPU:
                return filter_options_read_cpu(filter, verb, value);
        case FILTER_OPTIONS_OPTION_NONZERO:
                filter->wanted.nonzero = true;
                return EXIT_STATUS_OK;
        }

        return EXIT_STATUS_USAGE;
}
