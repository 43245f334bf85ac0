/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The broker's status as a text for people. The first line is the verdict; the
 * rest is there to find out why. Pure.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/text/status_text.h"
#include "proto/status_counters.h"

/* The columns of a version or a release that the text has at most. */
#define WORDS_MAX 64

/* The column of numbers, unless a number needs more. */
#define SECTION_WIDTH 15

typedef struct Text Text;

/* The units and sections of proto/status_counters.h. */
typedef enum Unit { UNIT_COUNT, UNIT_BYTES, UNIT_TIME, UNIT_FLAG } Unit;
typedef enum Section { SECTION_NOWHERE, SECTION_NOW, SECTION_SINCE_START } Section;

/* Whether a counter is for this client to know, by its row's access. */
#define KNOWN_ALL all
#define KNOWN_MACHINE machine
#define KNOWN_ANY true

struct Text {
        char *text;
        size_t n;
};

__attribute__((format(printf, 2, 3))) static void text_add(Text *text, const char *format, ...) {
        size_t room = STATUS_TEXT_MAX - text->n;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text->text + text->n, room, format, args);
        va_end(args);
        if (n > 0)
                text->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* A value that is not for this client to know is a dash. */
static const char *text_value(char buffer[static FORMAT_MAX], uint64_t value, Unit unit, bool known) {
        if (!known)
                return "-";
        if (unit == UNIT_BYTES)
                return format_bytes(buffer, value);

        return unit == UNIT_TIME ? format_duration(buffer, value) : format_count(buffer, value);
}

static void text_add_value(Text *text, int width, uint64_t value, Unit unit, bool known) {
        char buffer[FORMAT_MAX];

        text_add(text, " %*s", width, text_value(buffer, value, unit, known));
}

/* Returns @width, or the width of the value if the value is wider. */
static int text_widen(int width, uint64_t value, Unit unit, bool known) {
        char buffer[FORMAT_MAX];
        int n = (int)strlen(text_value(buffer, value, unit, known));

        return n > width ? n : width;
}

static void text_verdict(Text *text, const struct tb_status *status) {
        const struct tb_source_status *connector = &status->connector, *taskstats = &status->taskstats;
        char lost[FORMAT_MAX], all[FORMAT_MAX], date[FORMAT_MAX], uptime[FORMAT_MAX], count[FORMAT_MAX];
        uint64_t n_lost = connector->lost + taskstats->lost;

        if (status->machine_withheld)
                text_add(text, "The kernel's losses are hidden from you: /proc is mounted with hidepid.\n");
        else if (status->withheld)
                text_add(text,
                         "%s kernel events lost since %s (%s ago)\n",
                         format_count(lost, n_lost),
                         format_date(date, status->start_time_ns),
                         format_duration(uptime, status->uptime_ns));
        else
                text_add(text,
                         "%s lost of %s kernel events since %s (%s ago)\n",
                         format_count(lost, n_lost),
                         format_count(all, connector->received + taskstats->received + n_lost),
                         format_date(date, status->start_time_ns),
                         format_duration(uptime, status->uptime_ns));
        if (status->withheld)
                text_add(text, "Your own connections are counted; a number for the administrator alone is -.\n");
        if (connector->muted || taskstats->muted)
                text_add(text,
                         "The kernel's sources were silenced %s times: more may be missing than was counted.\n",
                         format_count(count, connector->muted + taskstats->muted));
        if (status->reader_lost)
                text_add(text,
                         "Slow subscribers missed %s events; each got the number of its own.\n",
                         format_count(count, status->reader_lost));
        text_add(text, "\n");
}

static void text_source(Text *text, const char *name, const struct tb_source_status *source, const int *widths,
                        bool all, bool machine) {
        text_add(text, "  %-14s", name);
#define COLUMN(name, unit, access, width, label)                                                                       \
        text_add_value(text, *widths++, source->name, UNIT_##unit, KNOWN_##access);
        STATUS_SOURCE_COUNTERS(COLUMN)
#undef COLUMN
        text_add(text, "\n");
}

/* The table of the two sources. A number that is wider than its column widens it. */
static void text_sources(Text *text, const struct tb_status *status) {
        const struct tb_source_status *connector = &status->connector, *taskstats = &status->taskstats;
        bool all = !status->withheld, machine = !status->machine_withheld;
        const int widths[] = {
#define WIDTH(name, unit, access, width, label)                                                                        \
        text_widen(text_widen(width, connector->name, UNIT_##unit, KNOWN_##access), taskstats->name, UNIT_##unit,      \
                   KNOWN_##access),
                STATUS_SOURCE_COUNTERS(WIDTH)
#undef WIDTH
        };
        const int *width = widths;

        text_add(text, "%-16s", "Source");
#define HEAD(name, unit, access, least, label) text_add(text, " %*s", *width++, label);
        STATUS_SOURCE_COUNTERS(HEAD)
#undef HEAD
        text_add(text, "\n");
        text_source(text, "proc connector", connector, widths, all, machine);
        text_source(text, "taskstats", taskstats, widths, all, machine);
        text_add(text, "\n");
}

/* The width of the column of numbers below the table: the widest of all sections. */
static int text_section_width(const struct tb_status *status) {
        bool all = !status->withheld, machine = !status->machine_withheld;
        int width = SECTION_WIDTH;

        for (unsigned int kind = 0; all && kind < status->n_events; ++kind)
                width = text_widen(width, status->events[kind], UNIT_COUNT, true);
#define WIDEN(name, unit, access, section, place, label)                                                               \
        if (SECTION_##section != SECTION_NOWHERE)                                                                      \
                width = text_widen(width, status->name, UNIT_##unit, KNOWN_##access);
        STATUS_COUNTERS(WIDEN)
#undef WIDEN

        return width;
}

static void text_who(Text *text, const struct tb_status *status) {
        static const char *const delay_accounting[] = {
                [TB_DELAY_ACCOUNTING_UNKNOWN] = "delay accounting not known",
                [TB_DELAY_ACCOUNTING_OFF] = "delay accounting off (sysctl kernel.task_delayacct)",
                [TB_DELAY_ACCOUNTING_ON] = "delay accounting on",
                [TB_DELAY_ACCOUNTING_UNSUPPORTED] = "no delay accounting",
        };
        char words[TEXT_FIT_MAX(WORDS_MAX)], time[FORMAT_MAX];

        text_fit(words, sizeof(words), status->broker_version, WORDS_MAX, TEXT_LINE);
        text_add(text,
                 "Broker          %s, epoch %016" PRIx64 ", %s of processor time\n",
                 words,
                 status->epoch,
                 status->withheld ? "-" : format_duration(time, status->broker_cpu_ns));

        text_fit(words, sizeof(words), status->kernel_release, WORDS_MAX, TEXT_LINE);
        text_add(text, "Kernel          %s, ", words);
        if (status->taskstats_version)
                text_add(text, "taskstats %" PRIu32 ", ", status->taskstats_version);
        else
                text_add(text, "taskstats not seen yet, ");
        text_add(text, "%s\n\n", delay_accounting[status->delay_accounting]);
}

static void text_events(Text *text, const struct tb_status *status, int width) {
        if (status->withheld)
                return;
        text_add(text, "Events\n");
        for (unsigned int kind = 0; kind < status->n_events; ++kind) {
                const char *name = tb_kind_name((enum tb_kind)kind);

                if (!name || !status->events[kind])
                        continue;
                text_add(text, "  %-14s", name);
                text_add_value(text, width, status->events[kind], UNIT_COUNT, true);
                text_add(text, "\n");
        }
        text_add(text, "\n");
}

/* The programs that are connected. The user is a number: this file reads no files. */
static void text_clients(Text *text, const struct tb_status *status) {
        char name[TEXT_FIT_MAX(WORDS_MAX)], version[TEXT_FIT_MAX(WORDS_MAX)];

        if (status->n_clients == 0)
                return;
        text_add(text, "\nClients\n  %10s %7s %11s  program\n", "uid", "streams", "connections");
        for (size_t i = 0; i < status->n_clients; ++i) {
                const struct tb_client_count *client = &status->clients[i];

                text_fit(name, sizeof(name), client->name, WORDS_MAX, TEXT_LINE);
                text_fit(version, sizeof(version), client->version, WORDS_MAX, TEXT_LINE);
                text_add(text, "  %10" PRIu32 " %7" PRIu32 " %11" PRIu32 "  %s%s%s\n", client->uid, client->streams,
                         client->connections, *name ? name : "-", *version ? " " : "", version);
        }
        if (status->clients_unlisted > 0)
                text_add(text, "  and %" PRIu64 " connections more\n", status->clients_unlisted);
}

/* The lines of one section, in the order of their places. */
static void text_section(Text *text, const struct tb_status *status, Section section, int width) {
        bool all = !status->withheld, machine = !status->machine_withheld;
        const struct {
                Section section;
                int place;
                const char *label;
                uint64_t value;
                Unit unit;
                bool known;
        } rows[] = {
#define ROW(name, unit, access, section, place, label)                                                                 \
        { SECTION_##section, place, label, status->name, UNIT_##unit, KNOWN_##access },
                STATUS_COUNTERS(ROW)
#undef ROW
        };
        const size_t n_rows = sizeof(rows) / sizeof(*rows);

        for (int last = 0;;) {
                size_t next = n_rows;

                for (size_t i = 0; i < n_rows; ++i)
                        if (rows[i].section == section && rows[i].place > last &&
                            (next == n_rows || rows[i].place < rows[next].place))
                                next = i;
                if (next == n_rows)
                        return;
                last = rows[next].place;
                text_add(text, "  %-35s", rows[next].label);
                text_add_value(text, width, rows[next].value, rows[next].unit, rows[next].known);
                text_add(text, "\n");
        }
}

/**
 * status_text() - write the status
 * @text:       output
 * @status:     the status
 *
 * Return: The text's length.
 */
size_t status_text(char text[static STATUS_TEXT_MAX], const struct tb_status *status) {
        Text t = { .text = text };
        int width = text_section_width(status);

        text_verdict(&t, status);
        text_who(&t, status);

        text_sources(&t, status);
        text_events(&t, status, width);

        text_add(&t, "Now\n");
        text_section(&t, status, SECTION_NOW, width);
        text_add(&t, "\nSince the start\n");
        text_section(&t, status, SECTION_SINCE_START, width);
        text_clients(&t, status);

        return t.n;
}
