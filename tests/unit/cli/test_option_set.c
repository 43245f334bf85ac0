/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The table of options: reading a command line by it, and printing it as --help.
 */

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option_set.h"

typedef struct Part Part;
typedef struct Values Values;

struct Part {
        int unused;
        const char *user;
};

struct Values {
        const char *socket_path;
        bool on, off;
        uint64_t count;
        const char *text, *optional;
        unsigned int n_optional;
        unsigned int n_names;
        bool reverse;
        Part part;
};

static int values_read_optional(const Option *option, const char *verb, const char *value, void *options) {
        Values *values = options;

        assert(option->number == 7 && strcmp(verb, "test") == 0);
        values->optional = value;
        ++values->n_optional;
        return EXIT_STATUS_OK;
}

static int values_add(void *options, const char *name, size_t n_name, bool reverse) {
        Values *values = options;

        if (n_name != 1 || *name != 'x')
                return -ENOENT;
        if (values->n_names == 2)
                return -ENOSPC;

        ++values->n_names;
        values->reverse = reverse;
        return 0;
}

static int values_read_names(const Option *option, const char *verb, const char *value, void *options) {
        static const OptionColumns columns = {
                .option = "-o",
                .reversible = true,
                .n_max = 2,
                .too_many = "there can be",
                .add = values_add,
        };

        (void)option;
        return option_set_read_columns(&columns, verb, value, options);
}

static const Option part_rows[] = {
        { OPTION_TEXT, 0, "user", "USER", "the user", .offset = offsetof(Part, user) },
        { OPTION_TEXT, 0, "optional", "TEXT", "never reached", .offset = offsetof(Part, user) },
};

static const OptionGroup part = { .rows = part_rows, .n_rows = 2 };

static const Option rows[] = {
        { OPTION_SET_TRUE, 'y', "on", NULL, "one\ntwo", .offset = offsetof(Values, on) },
        { OPTION_SET_FALSE, 0, "no-off", NULL, "no off", .offset = offsetof(Values, off) },
        { OPTION_NUMBER, 'n', NULL, "COUNT", "a count", .offset = offsetof(Values, count), .min = 2, .max = 9,
          .wrong = "it is from 2 to 9." },
        { OPTION_TEXT, 't', "a-long-option", "TEXT", "a text", .offset = offsetof(Values, text) },
        { OPTION_READ, 0, "optional", "[=TEXT]", "a text or none", .number = 7, .read = values_read_optional },
        { OPTION_READ, 'o', NULL, "NAMES", "a b", .wrapped = true, .read = values_read_names },
        { OPTION_HEADING, .help = "\nPart:\n" },
        { OPTION_GROUP, .group = &part, .offset = offsetof(Values, part) },
        { OPTION_LETTER, 'u', "user", "USER", .help = NULL },
        OPTION_SET_ROWS_COMMON(Values),
};

static OptionSet set = {
        .verb = "test",
        .rows = rows,
        .n_rows = sizeof(rows) / sizeof(*rows),
        .head = "Head.\n",
        .tail = "Tail.\n",
};

static int parse(Values *values, const char *line) {
        static char words[256];
        char *argv[16] = { (char *)"test" };
        int argc = 1;

        *values = (Values){ .off = true };
        strcpy(words, line);
        for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        optind = 0;
        return option_set_parse(&set, argc, argv, values);
}

static void test_forms(void) {
        Values values;

        assert(parse(&values, "") == VERB_CONTINUE && !values.on && values.off);
        assert(parse(&values, "-y --no-off -n 9 -t a --socket=/s -u 3") == VERB_CONTINUE);
        assert(values.on && !values.off && values.count == 9 && strcmp(values.text, "a") == 0);
        assert(strcmp(values.socket_path, "/s") == 0 && strcmp(values.part.user, "3") == 0);
        assert(parse(&values, "--on --a-l=b --user 4") == VERB_CONTINUE);
        assert(values.on && strcmp(values.text, "b") == 0 && strcmp(values.part.user, "4") == 0);

        assert(parse(&values, "--optional --optional=x") == VERB_CONTINUE);
        assert(values.n_optional == 2 && strcmp(values.optional, "x") == 0 && !values.part.user);
        assert(parse(&values, "--optional") == VERB_CONTINUE && values.n_optional == 1 && !values.optional);
}

static void test_refusals(void) {
        static const char *const lines[] = { "-n 1", "-n 10", "-n x", "-n", "--on=1", "--none", "-z", "word", "-t" };
        Values values;

        for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); ++i)
                assert(parse(&values, lines[i]) == EXIT_STATUS_USAGE);

        set.arguments = true;
        assert(parse(&values, "word -y") == VERB_CONTINUE && values.on && optind == 2);
        set.arguments = false;
        set.command = true;
        assert(parse(&values, "word -y") == VERB_CONTINUE && !values.on && optind == 1);
        set.command = false;
}

static void test_columns(void) {
        Values values;

        assert(parse(&values, "-o x,-x") == VERB_CONTINUE && values.n_names == 2 && values.reverse);
        assert(parse(&values, "-o x,x,x") == EXIT_STATUS_USAGE);
        assert(parse(&values, "-o x,,x") == EXIT_STATUS_USAGE);
        assert(parse(&values, "-o x,y") == EXIT_STATUS_USAGE);
        assert(parse(&values, "-o -") == EXIT_STATUS_USAGE);
}

static void test_help(void) {
        static const char help[] = "Head.\n"
                                   "  -y, --on           one\n"
                                   "                     two\n"
                                   "      --no-off       no off\n"
                                   "  -n COUNT           a count\n"
                                   "  -t, --a-long-option TEXT\n"
                                   "                     a text\n"
                                   "      --optional[=TEXT]\n"
                                   "                     a text or none\n"
                                   "  -o NAMES           a b\n"
                                   "\nPart:\n"
                                   "  -u, --user USER    the user\n"
                                   "      --socket PATH  the broker's socket\n"
                                   "  -h, --help         this text\n"
                                   "Tail.\n";
        FILE *file = tmpfile(), *before = stdout;
        char text[sizeof(help) + 64] = { 0 };
        Values values;

        assert(file);
        stdout = file;
        assert(parse(&values, "--help") == EXIT_STATUS_OK);
        assert(parse(&values, "-h -z") == EXIT_STATUS_OK);
        stdout = before;
        rewind(file);
        assert(fread(text, 1, sizeof(help) - 1, file) == sizeof(help) - 1);
        assert(strcmp(text, help) == 0);
        fclose(file);
}

int main(void) {
        test_forms();
        test_refusals();
        test_columns();
        test_help();
        return 0;
}
