/* SPDX-License-Identifier: Apache-2.0 */

/* The options of history, which all of its verbs have. Called by history.c. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/history/history_options.h"
#include "clients/cli/history/history_time.h"

#define VERB "history"

/* Reads a point in time. Prints the forms of times for another text, and returns the status of error_usage(). */
int history_options_time(const char *text, uint64_t now_ns, uint64_t *ret_ns) {
        if (!history_time_read(text, now_ns, ret_ns))
                return error_usage(VERB,
                                   "%s: a time is a date such as \"2026-11-28 03:12\", a time of today such as 03:12, "
                                   "a span from now such as -2h, or now, today or yesterday.",
                                   text);

        return EXIT_STATUS_OK;
}

static int read_time(const Option *option, const char *verb, const char *value, void *options) {
        HistoryOptions *history = options;

        (void)verb;
        return history_options_time(value, history->now_ns, option_set_member(option, options));
}

static int read_span(const Option *option, const char *verb, const char *value, void *options) {
        if (!history_time_read_span(value, option_set_member(option, options)))
                return error_usage(verb, "--%s %s: a span is a number with a unit, such as 500ms, 2s or 1h.",
                                   option->name, value);

        return EXIT_STATUS_OK;
}

/* "100", "4K", "1M", "2G". */
static int read_bytes(const Option *option, const char *verb, const char *value, void *options) {
        static const char units[] = "KMGT";
        char *end;
        unsigned long long number = isdigit((unsigned char)*value) ? strtoull(value, &end, 10) : 0;
        const char *unit = number && *end ? strchr(units, *end) : NULL;
        unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

        if (!number || (*end && (!unit || end[1])) || number > (UINT64_MAX >> 1 >> shift))
                return error_usage(verb, "--%s %s: a size is a whole number of bytes, or with K, M, G or T.",
                                   option->name, value);
        *(uint64_t *)option_set_member(option, options) = (uint64_t)number << shift;

        return EXIT_STATUS_OK;
}

static int read_list(const Option *option, const char *verb, const char *value, void *options) {
        HistoryList *list = option_set_member(option, options);
        uint64_t number;
        uid_t uid;

        if (!*value)
                return error_usage(verb, "--%s: the value is empty.", option->name);
        if (option->number == 'p' && !option_read_number(value, 0, UINT32_MAX, &number))
                return error_usage(verb, "--pid %s: a pid is a whole number.", value);
        if (option->number == 'u' && !option_read_user(value, &uid))
                return error_usage(verb, "--user %s: there is no such user.", value);
        if (list->n == HISTORY_VALUES_MAX)
                return error_usage(verb, "--%s: %d values at most.", option->name, HISTORY_VALUES_MAX);
        list->values[list->n++] = value;

        return EXIT_STATUS_OK;
}

static int read_form(const Option *option, const char *verb, const char *value, void *options) {
        (void)verb;
        (void)value;
        *(HistoryForm *)option_set_member(option, options) = (HistoryForm)option->number;
        return EXIT_STATUS_OK;
}

static int read_word(const Option *option, const char *verb, const char *value, void *options) {
        const char *words = option->number == 'b' ? "command,user,cgroup,unit" : "cpu,io,count,delay,memory";
        size_t n = strlen(value);

        for (const char *at = words; (at = strstr(at, value)) && n; ++at)
                if ((at == words || at[-1] == ',') && (at[n] == ',' || !at[n])) {
                        *(const char **)option_set_member(option, options) = value;
                        return EXIT_STATUS_OK;
                }

        return error_usage(verb, "--%s %s: there are %s.", option->name, value, words);
}

#define MEMBER(member) .offset = offsetof(HistoryOptions, member)

static const Option history_options_rows[] = {
        { OPTION_TEXT, 0, "db", "PATH", "the file (default: see taskbroker-record(1))", MEMBER(db_path) },
        { OPTION_HEADING, .help = "\nSpan:\n" },
        { OPTION_READ, 'S', "since", "TIME", "from then on: \"2026-11-28 03:12\", 03:12, -2h, yesterday",
          MEMBER(span.since_ns), .read = read_time },
        { OPTION_READ, 'U', "until", "TIME", "up to then", MEMBER(span.until_ns), .read = read_time },
        { OPTION_TEXT, 'b', "boot", "BOOT", "this boot alone: 0 the last, -1 the one before, or an id", MEMBER(boot) },
        { OPTION_HEADING, .help = "\nFilters:\n" },
        { OPTION_READ, 'u', "user", "USER", "processes of this user", MEMBER(users), .read = read_list, .number = 'u' },
        { OPTION_READ, 0, "comm", "GLOB", "names that match", MEMBER(comms), .read = read_list },
        { OPTION_READ, 0, "args", "TEXT", "command lines that contain the text", MEMBER(args), .read = read_list },
        { OPTION_READ, 0, "cgroup", "PATH", "this cgroup and all below it", MEMBER(cgroups), .read = read_list },
        { OPTION_READ, 0, "unit", "UNIT", "this unit of systemd, or units that match", MEMBER(units),
          .read = read_list },
        { OPTION_READ, 'p', "pid", "PID", "processes that had this number", MEMBER(pids), .read = read_list,
          .number = 'p' },
        { OPTION_SET_TRUE, 0, "nonzero", NULL, "failed processes", MEMBER(nonzero) },
        { OPTION_READ, 0, "min-cpu", "SPAN", "at least this processor time, such as 2s", MEMBER(min_cpu_ns),
          .read = read_span },
        { OPTION_READ, 0, "min-io", "SIZE", "at least so much read from storage and written to it, such as 10M",
          MEMBER(min_io_bytes), .read = read_bytes },
        { OPTION_READ, 0, "longer-than", "SPAN", "processes that lived longer", MEMBER(longer_than_ns),
          .read = read_span },
        { OPTION_HEADING, .help = "\nOutput:\n" },
        { OPTION_READ, 0, "json", NULL, "one JSON object a line", MEMBER(form), .read = read_form,
          .number = HISTORY_JSON },
        { OPTION_READ, 0, "csv", NULL, "comma-separated values, with a header", MEMBER(form), .read = read_form,
          .number = HISTORY_CSV },
        { OPTION_NUMBER, 'n', "rows", "COUNT", "so many rows at most: list the last, top and diff the first",
          MEMBER(rows), .min = 1, .max = INT32_MAX, .wrong = "a count of rows is a whole number from 1 on." },
        { OPTION_READ, 0, "by", "GROUP", "top, diff: group by command (default), user, cgroup or unit", MEMBER(by),
          .read = read_word, .number = 'b' },
        { OPTION_READ, 0, "sort", "RANK", "top: rank by cpu (default), io, count, delay or memory", MEMBER(sort),
          .read = read_word, .number = 's' },
        { OPTION_TEXT, 0, "svg", "FILE", "graph: write a picture", MEMBER(svg_path) },
        { OPTION_SET_TRUE, 'N', "numeric", NULL, "users as numbers", MEMBER(numeric) },
        { OPTION_SET_TRUE, 0, "no-pager", NULL, "no pager on a terminal", MEMBER(no_pager) },
        OPTION_SET_ROWS_COMMON(HistoryOptions),
};

/**
 * history_options_read() - read the command line
 * @options:    output; zeroed before; keeps pointers into @argv
 * @argc:       the number of arguments, with the verb
 * @argv:       the arguments, with the verb; optind is the first that is not an option
 *
 * Return: VERB_CONTINUE, or the exit status.
 */
int history_options_read(HistoryOptions *options, int argc, char **argv) {
        static const OptionSet set = {
                .verb = VERB,
                .rows = history_options_rows,
                .n_rows = sizeof(history_options_rows) / sizeof(*history_options_rows),
                .arguments = true,
                .head = "Usage: taskbroker history [VERB] [OPTION]...\n"
                        "\n"
                        "Shows what taskbroker record has recorded.\n"
                        "\n"
                        "Verbs:\n"
                        "  list (default)     processes that lived in the span\n"
                        "  top                commands, users, cgroups or units by what they used\n"
                        "  tree PID[@TIME]    a process with its ancestors and descendants\n"
                        "  at TIME, who PID   processes that lived then; all processes that had this number\n"
                        "  diff SPAN SPAN     what is new, gone or dearer; a span is SINCE..UNTIL\n"
                        "  graph              rates over the span\n"
                        "\n",
                .tail = "\n"
                        "Filters may be given several times: a process must match one of each sort. A value that\n"
                        "is not known matches no filter, but --nonzero. Behind a verb, \"2h ago\" stands for -2h.\n",
        };
        int r;

        options->now_ns = clock_now_realtime_ns();
        options->by = "command";
        options->sort = "cpu";
        r = option_set_parse(&set, argc, argv, options);
        if (r == VERB_CONTINUE && options->span.until_ns && options->span.until_ns < options->span.since_ns)
                return error_usage(VERB, "--until is earlier than --since.");

        return r;
}
