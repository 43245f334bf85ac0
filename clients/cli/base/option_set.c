/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options of a verb as a table: reading them, and the text of --help.
 *
 * A verb has one table of rows. The table for getopt_long() is made from it, so an option
 * is one row: its names, its value, its place in the verb's options and its help. Called
 * by the verbs. Never knows what an option means.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/option_set.h"

/* The column of --help in which the texts begin, and the columns of a wrapped text. */
#define HELP_COLUMN 21
#define HELP_WIDTH 84

/* getopt_long() returns the letter of an option, or this plus the number of the row. */
#define NUMBER_BASE 256

typedef struct OptionParser OptionParser;

/* All rows, with the rows of the groups, and the options in the form of getopt_long(). */
struct OptionParser {
        Option rows[OPTION_SET_ROWS_MAX];
        size_t n_rows;
        char letters[2 * OPTION_SET_ROWS_MAX + 3];
        struct option table[OPTION_SET_ROWS_MAX + 1];
};

static bool option_is_optional(const Option *option) {
        return option->value && strncmp(option->value, "[=", 2) == 0;
}

/* The first row with the name. */
static const Option *option_parser_find(const OptionParser *parser, const char *name) {
        for (size_t i = 0; i < parser->n_rows; ++i) {
                const Option *row = parser->rows + i;

                if (row->form != OPTION_LETTER && row->name && strcmp(row->name, name) == 0)
                        return row;
        }

        return NULL;
}

static bool option_parser_is_second(const OptionParser *parser, const Option *option) {
        return option->name && option_parser_find(parser, option->name) != option;
}

/* The row for a result of getopt_long(). */
static const Option *option_parser_find_number(const OptionParser *parser, int number) {
        if (number >= NUMBER_BASE)
                return parser->rows + (number - NUMBER_BASE);
        for (size_t i = 0; i < parser->n_rows; ++i) {
                const Option *row = parser->rows + i;

                if (row->letter == number)
                        return row->form == OPTION_LETTER ? option_parser_find(parser, row->name) : row;
        }

        return NULL;
}

static void option_parser_add_rows(OptionParser *parser, const Option *rows, size_t n_rows, size_t offset) {
        for (size_t i = 0; i < n_rows && parser->n_rows < OPTION_SET_ROWS_MAX; ++i) {
                Option *row = parser->rows + parser->n_rows++;

                *row = rows[i];
                row->offset += offset;
        }
}

static void option_parser_add_set(OptionParser *parser, const OptionSet *set) {
        for (size_t i = 0; i < set->n_rows; ++i) {
                const Option *row = set->rows + i;

                if (row->form == OPTION_GROUP)
                        option_parser_add_rows(parser, row->group->rows, row->group->n_rows, row->offset);
                else
                        option_parser_add_rows(parser, row, 1, 0);
        }
}

static void option_parser_init(OptionParser *parser, const OptionSet *set) {
        struct option *entry = parser->table;
        char *letter = parser->letters;

        parser->n_rows = 0;
        option_parser_add_set(parser, set);

        if (set->command)
                *letter++ = '+';
        *letter++ = ':';
        for (size_t i = 0; i < parser->n_rows; ++i) {
                const Option *row = parser->rows + i;

                if (row->letter) {
                        *letter++ = row->letter;
                        if (row->value)
                                *letter++ = ':';
                }
                if (!row->name || option_parser_is_second(parser, row))
                        continue;
                *entry++ = (struct option){
                        .name = row->name,
                        .has_arg = option_is_optional(row) ? optional_argument
                                   : row->value            ? required_argument
                                                           : no_argument,
                        .val = row->letter ? row->letter : NUMBER_BASE + (int)i,
                };
        }
        *letter = 0;
        *entry = (struct option){ 0 };
}

/* The text of --help. */

/* Prints words in lines of at most HELP_WIDTH columns. The cursor is at HELP_COLUMN. */
static void option_print_wrapped(const char *text) {
        int at = HELP_COLUMN;

        while (*text) {
                int n = (int)strcspn(text, " ");

                if (at > HELP_COLUMN && at + 1 + n > HELP_WIDTH) {
                        printf("\n%*s", HELP_COLUMN, "");
                        at = HELP_COLUMN;
                }
                at += printf("%s%.*s", at > HELP_COLUMN ? " " : "", n, text);
                text += n;
                text += strspn(text, " ");
        }
        printf("\n");
}

static void option_print_lines(const char *text) {
        for (;;) {
                int n = (int)strcspn(text, "\n");

                printf("%.*s\n", n, text);
                if (!text[n])
                        return;
                printf("%*s", HELP_COLUMN, "");
                text += n + 1;
        }
}

/* The letter of a row, or of the OPTION_LETTER that stands for it. */
static char option_parser_letter(const OptionParser *parser, const Option *option) {
        for (size_t i = 0; i < parser->n_rows && option->name; ++i)
                if (parser->rows[i].form == OPTION_LETTER && strcmp(parser->rows[i].name, option->name) == 0)
                        return parser->rows[i].letter;

        return option->letter;
}

static void option_parser_print_row(const OptionParser *parser, const Option *option) {
        char letter = option_parser_letter(parser, option);
        int n;

        n = letter ? printf("  -%c%s", letter, option->name ? ", " : "") : printf("      ");
        if (option->name)
                n += printf("--%s", option->name);
        if (option->value)
                n += printf("%s%s", option_is_optional(option) ? "" : " ", option->value);
        if (n > HELP_COLUMN - 2) {
                printf("\n");
                n = 0;
        }
        printf("%*s", HELP_COLUMN - n, "");
        if (option->wrapped)
                option_print_wrapped(option->help);
        else
                option_print_lines(option->help);
}

static void option_set_print_help(const OptionSet *set, const OptionParser *parser) {
        fputs(set->head, stdout);
        for (size_t i = 0; i < parser->n_rows; ++i) {
                const Option *row = parser->rows + i;

                if (row->form == OPTION_HEADING)
                        fputs(row->help, stdout);
                else if (row->form != OPTION_LETTER && !option_parser_is_second(parser, row))
                        option_parser_print_row(parser, row);
        }
        if (set->tail)
                fputs(set->tail, stdout);
        if (set->print_tail)
                set->print_tail();
}

/* Reading. */

/* The member of the verb's options that a row is about. */
void *option_set_member(const Option *option, void *options) {
        return (char *)options + option->offset;
}

static int option_read_member_number(const Option *option, const char *verb, const char *value, uint64_t *ret_number) {
        char letter[2] = { option->letter };

        if (!option_read_number(value, option->min, option->max, ret_number))
                return error_usage(verb, "%s%s %s: %s", option->letter ? "-" : "--",
                                   option->letter ? letter : option->name, value, option->wrong);

        return EXIT_STATUS_OK;
}

static int option_set_take(const OptionSet *set, const Option *option, const char *value, void *options) {
        void *member = option_set_member(option, options);

        switch (option->form) {
        case OPTION_SET_TRUE:
                *(bool *)member = true;
                return EXIT_STATUS_OK;
        case OPTION_SET_FALSE:
                *(bool *)member = false;
                return EXIT_STATUS_OK;
        case OPTION_TEXT:
                *(const char **)member = value;
                return EXIT_STATUS_OK;
        case OPTION_NUMBER:
                return option_read_member_number(option, set->verb, value, member);
        case OPTION_READ:
                return option->read(option, set->verb, value, options);
        case OPTION_HELP:
        case OPTION_LETTER:
        case OPTION_HEADING:
        case OPTION_GROUP:
                break;
        }

        return EXIT_STATUS_USAGE;
}

/**
 * option_set_parse() - read the options of a command line
 * @set:        the options of the verb
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 * @options:    output: the rows' members; set to the defaults before
 *
 * Return: VERB_CONTINUE, and optind is the first argument that is not an option; else the
 *         exit status: help was printed, or an option is wrong.
 */
int option_set_parse(const OptionSet *set, int argc, char **argv, void *options) {
        OptionParser parser;
        int c, r;

        option_parser_init(&parser, set);
        while ((c = getopt_long(argc, argv, parser.letters, parser.table, NULL)) >= 0) {
                const Option *option;

                if (c == '?' || c == ':')
                        return error_option(set->verb, c, argv);
                option = option_parser_find_number(&parser, c);
                if (option->form == OPTION_HELP) {
                        option_set_print_help(set, &parser);
                        return EXIT_STATUS_OK;
                }
                r = option_set_take(set, option, optarg, options);
                if (r != EXIT_STATUS_OK)
                        return r;
        }
        if (optind < argc && !set->arguments && !set->command)
                return error_usage(set->verb, "%s: %s takes options only.", argv[optind], set->verb);

        return VERB_CONTINUE;
}

/**
 * option_set_read_columns() - read a list of columns
 * @columns:    the option, and the function that finds and keeps a column
 * @verb:       the verb that has the option
 * @value:      the value of the option
 * @options:    given to @columns->add()
 *
 * Return: EXIT_STATUS_OK, or the status of error_usage().
 */
int option_set_read_columns(const OptionColumns *columns, const char *verb, const char *value, void *options) {
        const char *name;
        size_t n;

        while (option_next_name(&value, &name, &n)) {
                bool reverse = columns->reversible && n > 0 && *name == '-';
                int r = columns->add(options, name + reverse, n - reverse, reverse);

                if (r == -ENOENT)
                        return error_column(verb, columns->option, name + reverse, n - reverse);
                if (r == -ENOSPC)
                        return error_usage(verb, "%s: %s %zu columns at most.", columns->option, columns->too_many,
                                           columns->n_max);
        }

        return EXIT_STATUS_OK;
}
