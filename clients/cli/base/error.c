/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages on standard error: for a person, one sentence per line.
 *
 * A message may have parts from the broker or from the command line, so it is escaped
 * for a terminal.
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

__attribute__((format(printf, 1, 0))) static void error_print_list(const char *format, va_list args) {
        char text[ERROR_MAX], escaped[TEXT_ESCAPED_MAX(ERROR_MAX)];

        vsnprintf(text, sizeof(text), format, args);
        text_escape(escaped, sizeof(escaped), text, TEXT_FOR_TERMINAL);
        fprintf(stderr, "taskbroker: %s\n", escaped);
}

void error_print(const char *format, ...) {
        va_list args;

        va_start(args, format);
        error_print_list(format, args);
        va_end(args);
}

/* Prints a message about wrong usage, and returns its exit status. @verb NULL: the command without a verb. */
int error_usage(const char *verb, const char *format, ...) {
        va_list args;

        va_start(args, format);
        error_print_list(format, args);
        va_end(args);
        fprintf(stderr, "Try 'taskbroker%s%s --help'.\n", verb ? " " : "", verb ? verb : "");

        return EXIT_STATUS_USAGE;
}

/**
 * error_column() - print that a column does not exist
 * @verb:       as in error_usage()
 * @option:     the option that has the name
 * @name:       the name
 * @n_name:     the length of the name
 *
 * Return: The exit status of wrong usage.
 */
int error_column(const char *verb, const char *option, const char *name, size_t n_name) {
        return error_usage(verb, "%s: \"%.*s\" is not a column; taskbroker %s --help lists them.", option,
                           (int)(n_name < 64 ? n_name : 64), name, verb);
}

/*
 * The option as it was typed. If a long option has a letter, getopt_long() reports the
 * letter. It reports a letter before it has finished the word with the letter.
 */
static const char *error_option_name(int c, char **argv, char letter[static 3]) {
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
 * error_option() - print why getopt_long() refused an option
 * @verb:       as in error_usage()
 * @c:          the result of getopt_long(): '?', or ':' if a value is missing
 * @argv:       the command line; opterr must be 0, or the letters begin with ':'
 *
 * Return: The exit status of wrong usage.
 */
int error_option(const char *verb, int c, char **argv) {
        char letter[3];
        const char *option = error_option_name(c, argv, letter);

        if (c == ':')
                return error_usage(verb, "%s: its value is missing.", option);

        return error_usage(verb, "%s: there is no such option, or it takes no value.", option);
}
