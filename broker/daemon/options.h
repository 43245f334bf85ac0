/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options: what the command line asks for. */

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/log.h"
#include "broker/daemon/delayacct.h"

typedef struct Options Options;

enum {
        _OPTIONS_E_SUCCESS,
        OPTIONS_E_DONE,         /* --help or --version was printed */
        OPTIONS_E_USAGE,        /* a sentence was printed on stderr */
};

struct Options {
        const char *socket_path;
        uint64_t rcvbuf_bytes;
        uint64_t feed_bytes;
        uint64_t clients_bytes; /* of memory, for all clients */
        uint64_t user_bytes;    /* of that, for those of one user */
        uint64_t user_connections;
        LogLevel log_level;
        const char *admin_group;        /* a name, or a number; NULL: the usual one, if it is there */
        const char *socket_group;       /* the same; NULL: as it comes */
        uint32_t socket_mode;
        bool shows_exit_status;         /* of everybody's tasks, to everybody */
        bool check;
        const char *user;       /* to become; NULL: the default, where it exists */
        bool keep_ptrace;
        bool seccomp;
        DelayacctMode delayacct;
        const char *delayacct_state;    /* the file that says that it is on because of us */

        /* For tests, which are the kernel themselves. */
        int connector_fd;       /* -1: open */
        int taskstats_fd;       /* -1: open */
        int stats_fd;           /* -1: open; without it a test's broker has no live statistics */
        int listener_fd;        /* -1: make the socket */
        const char *procfs;
};

int options_parse(Options *ret_options, int argc, char **argv);
