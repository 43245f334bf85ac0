/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one table of filter criteria: by what a subscription is restricted.
 *
 * Everything that knows a criterion by name is made from this list: the broker's
 * struct Filter (broker/policy), the decoding of a request and its refusals
 * (broker/output), the library's check, deep copy and encoding (clients/lib), and
 * the options of the command with their help (clients/cli/connect). A test holds
 * broker.proto and the public header against it.
 *
 * To add a criterion: one row here, a field in broker.proto, a member of struct
 * tb_filter, and a function NAME_match() in broker/policy/filter_matcher.c.
 *
 * C(name, NAME, shape, max, max_bytes, scope, noun, nouns, OPTION, option, VALUE, help)
 *   name       the field of the wire's Filter; the member of each struct
 *   shape      the form of its values:
 *                NUMBERS   a list of numbers: repeated uint32
 *                TEXTS     a list of texts: repeated bytes
 *                PATHS     a list of texts that begin with '/': repeated bytes
 *                CPU_LIST  a text such as "0-3,8": string
 *                FLAG      bool
 *   max        how many values a filter has at most
 *   max_bytes  how long a text is at most; for CPU_LIST only the library says so
 *   scope      TASK: it restricts the set of tasks; EVENT: it leaves out events,
 *              and is refused where the request is for samples
 *   noun       one value in a sentence, and several
 *   OPTION     the option's name in constants, and as the user types it
 *   VALUE      the option's value: as --help shows it, and as
 *              clients/cli/connect/filter_options.c reads it
 *   help       the option's line of --help
 */
#define FILTER_CRITERIA(C)                                                    \
        C(uids, UIDS, NUMBERS, 64, 0, TASK, "user id", "user ids",            \
          UID, "uid", USER, "only tasks of this user (a name or a number)")   \
        C(pids, PIDS, NUMBERS, 64, 0, TASK, "process", "processes",           \
          PID, "pid", PID, "only this process and its children")              \
        C(subtrees, SUBTREES, NUMBERS, 16, 0, TASK, "subtree", "subtrees",    \
          TREE, "tree", PID, "only this process and all that descends from it") \
        C(comms, COMMS, TEXTS, 16, 63, TASK, "pattern of names", "patterns of names", \
          COMM, "comm", GLOB, "only tasks of such a name")                    \
        C(cgroups, CGROUPS, PATHS, 8, 511, TASK, "cgroup", "cgroups",         \
          CGROUP, "cgroup", PATH, "only tasks in this control group, and in those below it") \
        C(cpus, CPUS, CPU_LIST, 1, 1024, EVENT, "list of processors", "lists of processors", \
          CPU, "cpu", LIST, "only events on these processors, such as 0-3,8") \
        C(nonzero, NONZERO, FLAG, 1, 0, EVENT, "flag", "flags",               \
          NONZERO, "nonzero", NONE, "of exits, only those with a status that is not 0")
