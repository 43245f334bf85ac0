/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of the report of a command: what ran, by name, and what it used.
 *
 * Called by run_report_text.c. A number that is wider than its column widens it. Pure.
 */

#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/run/run_report_table.h"

/* The width of command lines without a terminal. */
#define ARGS_COLUMNS 120u

/* A longer name is cut. */
#define NAME_COLUMNS_MAX 32u

typedef struct CommandCells CommandCells;
typedef struct CommandWidths CommandWidths;

/* The columns of the table of commands, behind the name. */
enum {
        COMMAND_RUNS,
        COMMAND_FAILED,
        COMMAND_CPU,
        COMMAND_SAMPLED,
        COMMAND_PEAK,
        COMMAND_READ,
        COMMAND_WRITTEN,
        N_COMMAND_COLUMNS,
};

struct CommandCells {
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)];
        char text[N_COMMAND_COLUMNS][FORMAT_MAX];
};

struct CommandWidths {
        size_t name;
        size_t text[N_COMMAND_COLUMNS];
};

static const CommandCells command_titles = {
        "NAME",
        { "RUNS", "FAILED", "CPU", "SAMPLED", "PEAKMEM", "READ", "WRITTEN" },
};

/* The widths, unless a number needs more. */
static const CommandWidths command_widths = { 15, { 8, 6, 8, 8, 7, 7, 7 } };

/* The cells of a command, as texts. */
static void make_cells(const UsageCommand *command, const char *name, CommandCells *cells) {
        uint64_t bytes;

        snprintf(cells->name, sizeof(cells->name), "%s", name);
        for (size_t i = 0; i < N_COMMAND_COLUMNS; ++i)
                strcpy(cells->text[i], "-");
        format_count(cells->text[COMMAND_RUNS], command->n_runs);
        if (command->n_failed || !command->n_status_unknown)
                format_count(cells->text[COMMAND_FAILED], command->n_failed);
        if (command->n_cpu) {
                format_duration(cells->text[COMMAND_CPU], command->cpu.measured_ns);
                format_duration(cells->text[COMMAND_SAMPLED], command->cpu.sampled_ns);
        }
        if (command->peak_rss_kib && !__builtin_mul_overflow(command->peak_rss_kib, UINT64_C(1024), &bytes))
                format_bytes(cells->text[COMMAND_PEAK], bytes);
        if (command->n_io) {
                format_bytes(cells->text[COMMAND_READ], command->read_bytes);
                format_bytes(cells->text[COMMAND_WRITTEN], command->write_bytes);
        }
}

/* Widens the columns for a line of the table. */
static void measure_cells(const CommandCells *cells, CommandWidths *widths) {
        size_t n = text_width(cells->name, TEXT_LINE);

        if (n > widths->name)
                widths->name = n < NAME_COLUMNS_MAX ? n : NAME_COLUMNS_MAX;
        for (size_t i = 0; i < N_COMMAND_COLUMNS; ++i)
                if (strlen(cells->text[i]) > widths->text[i])
                        widths->text[i] = strlen(cells->text[i]);
}

static void write_cells(const CommandCells *cells, const CommandWidths *widths, FILE *stream) {
        char name[TEXT_FIT_MAX(NAME_COLUMNS_MAX)];
        size_t n = text_fit(name, sizeof(name), cells->name, widths->name, TEXT_LINE);

        fprintf(stream, "  %s%*s", name, (int)(widths->name - n), "");
        for (size_t i = 0; i < N_COMMAND_COLUMNS; ++i)
                fprintf(stream, " %*s", (int)widths->text[i], cells->text[i]);
        fputc('\n', stream);
}

static void write_command(const RunReport *report,
                          const UsageCommand *command,
                          const CommandCells *cells,
                          const CommandWidths *widths,
                          FILE *stream) {
        static char args[CMDLINE_TEXT_MAX], fitted[CMDLINE_TEXT_MAX];

        write_cells(cells, widths, stream);
        if (!command->program)
                return;

        cmdline_text(args, command->program);
        text_fit(fitted, sizeof(fitted), args, report->width > 16 ? report->width - 6 : ARGS_COLUMNS, TEXT_LINE);
        fprintf(stream, "      %s\n", fitted);
}

/* A line that has no name: names that share a line. Without runs there is no such line. */
static void write_shared(const RunReport *report,
                         const UsageCommand *command,
                         const char *name,
                         CommandWidths *widths,
                         FILE *stream) {
        CommandCells cells;

        if (!command->n_runs)
                return;
        make_cells(command, name, &cells);
        if (stream)
                write_command(report, command, &cells, widths, stream);
        else
                measure_cells(&cells, widths);
}

/* Writes the lines of the commands, or measures them if @stream is NULL. All lines together are the whole. */
static void write_lines(const RunReport *report,
                        const UsageCommand *const *commands,
                        size_t n,
                        CommandWidths *widths,
                        FILE *stream) {
        size_t n_rest = report->usage->commands.n - n;
        UsageCommand rest = usage_commands_sum(commands + n, n_rest);
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)], count[FORMAT_MAX];
        CommandCells cells;

        for (size_t i = 0; i < n; ++i) {
                text_escape(name, sizeof(name), commands[i]->name, TEXT_FOR_TERMINAL);
                make_cells(commands[i], name, &cells);
                if (stream)
                        write_command(report, commands[i], &cells, widths, stream);
                else
                        measure_cells(&cells, widths);
        }
        snprintf(name, sizeof(name), "(%s %s)", format_count(count, n_rest),
                 format_plural(n_rest, "other name", "other names"));
        write_shared(report, &rest, name, widths, stream);
        write_shared(report, &report->usage->commands.others, "(more names)", widths, stream);
}

/* The table of commands, in their order. Each column is as wide as its widest number. */
static void write_table(const RunReport *report, const UsageCommand *const *commands, size_t n, FILE *stream) {
        CommandWidths widths = command_widths;

        write_lines(report, commands, n, &widths, NULL);
        fputc('\n', stream);
        write_cells(&command_titles, &widths, stream);
        write_lines(report, commands, n, &widths, stream);
}

/* Writes the table. Without any command there is no table. */
void run_report_table(const RunReport *report, FILE *stream) {
        const UsageCommand **commands;
        const Usage *usage = report->usage;
        size_t n = usage->commands.n < report->n_top ? usage->commands.n : report->n_top;

        if (n == 0)
                return;
        if (usage_commands_sort(&usage->commands, &commands) < 0) {
                fprintf(stream, "\n  There is too little memory for the table of commands.\n");
                return;
        }
        write_table(report, commands, n, stream);
        free(commands);
}
