/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OptionSet: the options of a verb, one row each. The command line is read by the rows,
 * and --help is printed from them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Option Option;
typedef struct OptionColumns OptionColumns;
typedef struct OptionGroup OptionGroup;
typedef struct OptionSet OptionSet;

/* More rows than a verb has. */
#define OPTION_SET_ROWS_MAX 40

/* The action of a row on its value. */
enum option_form {
        OPTION_SET_TRUE,                /* sets a bool */
        OPTION_SET_FALSE,               /* clears a bool */
        OPTION_TEXT,                    /* keeps the value in a const char *; it stays the command line's */
        OPTION_NUMBER,                  /* puts the value into a uint64_t */
        OPTION_READ,                    /* calls read() */
        OPTION_HELP,                    /* prints the help */
        OPTION_LETTER,                  /* the letter stands for the row with the name; no line of --help */
        OPTION_HEADING,                 /* no option: a text between the lines of --help */
        OPTION_GROUP,                   /* stands for the rows of a group; its offset is added to theirs */
};

/* A row. If two rows have a name, the first is taken, and the second has no line of --help. */
struct Option {
        enum option_form form;
        char letter;                    /* 0: none */
        const char *name;               /* NULL: none */
        const char *value;              /* as --help shows it; NULL: no value; "[=...": the value may be left out */
        const char *help;               /* its lines, each without '\n' at the end; or the heading */
        bool wrapped;                   /* the help is one long line: it is wrapped */
        size_t offset;                  /* the place in the verb's options; option_set_member() finds it */

        uint64_t min, max;              /* OPTION_NUMBER */
        const char *wrong;              /* OPTION_NUMBER: what the number must be, as a sentence */
        int number;                     /* OPTION_READ: as read() wants it */
        const OptionGroup *group;       /* OPTION_GROUP */

        /* Takes a value, which is NULL if it was left out. Returns EXIT_STATUS_OK, or as error_usage(). */
        int (*read)(const Option *option, const char *verb, const char *value, void *options);
};

/* Rows that several verbs have. They contain no group. */
struct OptionGroup {
        const Option *rows;
        size_t n_rows;
};

/* Two rows that every verb has. @Type is the type of the verb's options. */
#define OPTION_SET_ROWS_COMMON(Type)                                                                                   \
        { OPTION_TEXT, 0, "socket", "PATH", "the broker's socket", .offset = offsetof(Type, socket_path) },           \
        { OPTION_HELP, 'h', "help", NULL, .help = "this text" }

struct OptionSet {
        const char *verb;
        const Option *rows;
        size_t n_rows;
        bool arguments;                 /* arguments that are not options are left to the verb */
        bool command;                   /* the options end at the first argument */
        const char *head;               /* the text of --help before the rows */
        const char *tail;               /* the text behind the rows; NULL: none */
        void (*print_tail)(void);       /* prints what stands behind @tail; NULL: nothing */
};

/* An option whose value is a list of columns, such as "pid,-user". */
struct OptionColumns {
        const char *option;             /* as the user types it */
        bool reversible;                /* a name may have "-" before it */
        size_t n_max;
        const char *too_many;           /* the words before "8 columns at most." */
        int (*add)(void *options, const char *name, size_t n_name, bool reverse);      /* 0; -ENOENT; -ENOSPC */
};

int option_set_parse(const OptionSet *set, int argc, char **argv, void *options);
void *option_set_member(const Option *option, void *options);
int option_set_read_columns(const OptionColumns *columns, const char *verb, const char *value, void *options);
