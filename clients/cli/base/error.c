/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What goes to standard error: for a person, one sentence a line.
 *
 * Parts of it may be the broker's words or the command line's: nothing that a
 * terminal would obey gets through.
 */

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/text.h"

#define ERROR_MAX 1024

__attribute__((format(printf, 2, 0))) static void error_print_as(const char *who, const char *format, va_list args) {
        char text[ERROR_MAX], escaped[TEXT_ESCAPED_MAX(ERROR_MAX)];

        vsnprintf(text, sizeof(text), format, args);
        text_escape(escaped, sizeof(escaped), text, TEXT_FOR_TERMINAL);
        fprintf(stderr, "%s: %s\n", who, escaped);
}

void error_print(const char *format, ...) {
        va_list args;

        va_start(args, format);
        error_print_as("taskbroker", format, args);
        va_end(args);
}

/* Returns the exit status of wrong usage. @verb NULL: of the command itself. */
int error_usage(const char *verb, const char *format, ...) {
        va_list args;

        va_start(args, format);
        error_print_as("taskbroker", format, args);
        va_end(args);
        fprintf(stderr, "Try 'taskbroker%s%s --help'.\n", verb ? " " : "", verb ? verb : "");

        return EXIT_STATUS_USAGE;
}

/**
 * error_column() - say that there is no such column
 * @verb:       as of error_usage()
 * @option:     whose value has it
 * @name:       what was asked for
 * @n_name:     its length
 *
 * Return: The exit status of wrong usage.
 */
int error_column(const char *verb, const char *option, const char *name, size_t n_name) {
        return error_usage(verb, "%s: \"%.*s\" is not a column; taskbroker %s --help lists them.", option,
                              (int)(n_name < 64 ? n_name : 64), name, verb);
}

/*
 * The option as it was typed. getopt_long() tells of a long one by its letter, if
 * it has one; and of a letter it tells before it is done with the word that it is in.
 */
static const char *option_typed(int c, char **argv, char letter[static 3]) {
        const char *word = argv[optind - 1], *next = argv[optind];
        bool is_letter = optopt > ' ' && optopt < 0x7f;

        letter[0] = '-';
        letter[1] = (char)optopt;
        letter[2] = 0;
        if (!is_letter)
                return word;
        if (strncmp(word, "--", 2) != 0 || !word[2])
                return letter;
        if (c == '?' && (!strchr(word, '=') || (next && next[0] == '-' && next[1] != '-' && strchr(next, optopt))))
                return letter;

        return word;
}

/**
 * error_option() - say what getopt_long() did not like
 * @verb:       as of error_usage()
 * @c:          what it returned: '?', or ':' where a value is missing
 * @argv:       what it reads; opterr must be 0, or its text begin with ':'
 *
 * Return: The exit status of wrong usage.
 */
int error_option(const char *verb, int c, char **argv) {
        char letter[3];
        const char *option = option_typed(c, argv, letter);

        if (c == ':')
                return error_usage(verb, "%s: its value is missing.", option);

        return error_usage(verb, "%s: there is no such option, or it takes no value.", option);
}
