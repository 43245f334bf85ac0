/* SPDX-License-Identifier: Apache-2.0 */

/* The options of record. Called by record.c. */

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/record/record_options.h"

#define NS_PER_S UINT64_C(1000000000)

/* A database needs some hundred kilobytes for its tables. */
#define SIZE_MIN (UINT64_C(1) << 20)

typedef struct Unit Unit;

struct Unit {
        const char *name;
        uint64_t factor;
};

static const Unit span_units[] = {
        { "s", NS_PER_S },         { "min", 60 * NS_PER_S },       { "h", 3600 * NS_PER_S },
        { "d", 86400 * NS_PER_S }, { "w", 7 * 86400 * NS_PER_S },  { NULL, 0 },
};

static const Unit size_units[] = {
        { "K", UINT64_C(1) << 10 }, { "M", UINT64_C(1) << 20 }, { "G", UINT64_C(1) << 30 },
        { "T", UINT64_C(1) << 40 }, { NULL, 0 },
};

/* Reads a whole number with a unit. */
static bool read_amount(const char *text, const Unit *units, uint64_t min, uint64_t *ret_amount) {
        unsigned long long number;
        char *end;

        errno = 0;
        number = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
        if (number == 0 || errno)
                return false;
        for (; units->name; ++units) {
                if (strcmp(end, units->name) != 0)
                        continue;
                if (number > INT64_MAX / units->factor || number * units->factor < min)
                        return false;
                *ret_amount = number * units->factor;
                return true;
        }

        return false;
}

static int read_keep(const Option *option, const char *verb, const char *value, void *options) {
        if (!read_amount(value, span_units, NS_PER_S, option_set_member(option, options)))
                return error_usage(verb, "--keep %s: a span is a whole number with s, min, h, d or w, such as 30d.",
                                   value);

        return EXIT_STATUS_OK;
}

static int read_size(const Option *option, const char *verb, const char *value, void *options) {
        if (!read_amount(value, size_units, SIZE_MIN, option_set_member(option, options)))
                return error_usage(verb,
                                   "--max-size %s: a size is a whole number with K, M, G or T, such as 2G, "
                                   "and at least 1M.",
                                   value);

        return EXIT_STATUS_OK;
}

static const Option record_options_rows[] = {
        { OPTION_TEXT, 0, "db", "PATH", "the file (default: see taskbroker-record(1))",
          .offset = offsetof(RecordOptions, db_path) },
        { OPTION_READ, 0, "keep", "SPAN", "remove processes that ended longer ago, such as 30d",
          .offset = offsetof(RecordOptions, keep_ns), .read = read_keep },
        { OPTION_READ, 0, "max-size", "SIZE", "remove the oldest processes of a larger file, such as 2G",
          .offset = offsetof(RecordOptions, max_bytes), .read = read_size },
        OPTION_SET_ROWS_COMMON(RecordOptions),
};

/**
 * record_options_read() - read the command line
 * @options:    output; zeroed before; keeps pointers into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int record_options_read(RecordOptions *options, int argc, char **argv) {
        static const OptionSet set = {
                .verb = "record",
                .rows = record_options_rows,
                .n_rows = sizeof(record_options_rows) / sizeof(*record_options_rows),
                .head = "Usage: taskbroker [--socket PATH] record [OPTION]...\n"
                        "\n"
                        "Records every process in a database, until a signal comes.\n"
                        "\n",
                .tail = "\n"
                        "taskbroker history shows what was recorded. Without --keep and --max-size nothing is\n"
                        "removed.\n",
        };
        int r = option_set_parse(&set, argc, argv, options);

        if (r == VERB_CONTINUE && options->db_path && !*options->db_path)
                return error_usage("record", "--db: the path is empty.");

        return r;
}
