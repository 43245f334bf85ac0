/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options: what the command line asks for. main() parses it once; afterwards it is only read. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/log.h"
#include "broker/daemon/delayacct.h"

typedef struct Options Options;
typedef struct OptionRow OptionRow;

enum {
        _OPTIONS_E_SUCCESS,
        OPTIONS_E_DONE,         /* --help or --version was printed */
        OPTIONS_E_USAGE,        /* the error was printed on stderr */
};

struct Options {
        const char *socket_path;
        uint64_t rcvbuf_bytes;
        uint64_t feed_bytes;
        uint64_t clients_bytes; /* memory for all clients */
        uint64_t user_bytes;    /* the part of it that the clients of one user may take */
        uint64_t user_connections;
        uint64_t max_args;      /* bytes of a command line */
        LogLevel log_level;
        const char *admin_group;        /* name or number; NULL: the default group, if it exists */
        const char *socket_group;       /* name or number; NULL: unchanged */
        uint32_t socket_mode;
        bool shows_exit_status;         /* users see the exit status of all tasks */
        bool check;
        const char *user;       /* to run as; NULL: the default user, if it exists */
        bool keep_ptrace;
        const char *start_file; /* NULL: chosen by start_file.c */
        bool seccomp;
        uint64_t priority_boost;
        DelayacctMode delayacct;
        const char *delayacct_state;    /* the file that says that the broker switched it on */

        /* For tests, which take the kernel's place. */
        int connector_fd;       /* -1: open one */
        int taskstats_fd;       /* -1: open one */
        int stats_fd;           /* -1: open one; a test's broker then has no live statistics */
        int listener_fd;        /* -1: make the socket */
        const char *procfs;
        const char *subuid_file;
        uint64_t answer_ticks;
        uint64_t request_seconds;
        uint64_t unread_seconds;
        uint64_t resume_seconds;
        uint64_t delayacct_seconds;
};

/* How the value of an option is read, and the type of its field. */
typedef enum OptionType {
        OPTION_FLAG,            /* bool: true if the option is there; it takes no value */
        OPTION_TEXT,            /* const char *, of at least min bytes */
        OPTION_NUMBER,          /* uint64_t: min to max, times unit */
        OPTION_FD,              /* int */
        OPTION_MODE,            /* uint32_t: octal, to max */
        OPTION_CHOICE,          /* bool: false and true have a name each */
        OPTION_LOG_LEVEL,       /* LogLevel */
        OPTION_DELAYACCT,       /* DelayacctMode */
        OPTION_PRINT,           /* no field: calls print and ends */
} OptionType;

/* All that there is to say of one option. */
struct OptionRow {
        const char *name;
        OptionType type;
        size_t offset;                  /* offset of the field in Options */
        uint64_t min, max;              /* in units */
        uint64_t unit;
        uint64_t number;                /* default of OPTION_NUMBER, in units; 0: another option's row has it */
        const char *text;               /* default of all other types, as on the command line; NULL: all zero */
        const char *choices[2];         /* the names of false and true */
        const char *accepted;           /* the values that the error text names; NULL: a number in its range */
        const char *value_name;         /* in the usage */
        const char *help;               /* in the usage; NULL: the option is not shown there */
        void (*print)(void);
};

const OptionRow *options_rows(size_t *ret_n);
int options_parse(Options *ret_options, int argc, char **argv);
