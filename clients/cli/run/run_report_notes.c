/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of the report of a command, as text: what the figures lack, and why.
 *
 * Called by run_report_text.c. Pure.
 */

#include <stdarg.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/run/run_report_notes.h"

__attribute__((format(printf, 2, 3))) static void write_note(FILE *stream, const char *format, ...) {
        va_list args;

        fputs("  ", stream);
        va_start(args, format);
        vfprintf(stream, format, args);
        va_end(args);
        fputc('\n', stream);
}

static void write_losses(const Usage *usage, FILE *stream) {
        static const char *const sources[TB_LOSS_SOURCE_FILTER + 1] = {
                "facts",
                "kernel events",
                "processes' statistics",
                "events of this stream",
                "events before the filter",
        };
        char count[FORMAT_MAX];

        for (size_t i = 0; i <= TB_LOSS_SOURCE_FILTER; ++i)
                if (usage->n_lost[i])
                        write_note(stream,
                                   "%s%s %s of this machine were lost: the figures may lack them.",
                                   usage->lost_at_least ? "At least " : "",
                                   format_count(count, usage->n_lost[i]),
                                   sources[i]);
        if (usage->lost_at_least && usage_lost(usage) == 0)
                write_note(stream, "An unknown number of events was lost: the figures may lack them.");
}

/* Prints one line for each reason why the figures are too small. */
void run_report_notes(const RunReport *report, FILE *stream) {
        const Usage *usage = report->usage;
        char count[FORMAT_MAX], time[FORMAT_MAX], escaped[TEXT_ESCAPED_MAX(512)];

        if (usage->n_orphans)
                write_note(stream,
                           "%s %s ended that no other of these waited for: %s of the CPU, by %s.",
                           format_count(count, usage->n_orphans),
                           format_plural(usage->n_orphans, "process", "processes"),
                           format_duration(time, usage->orphans.measured_ns),
                           format_plural(usage->n_orphans, "its own record", "their own records"));
        if (usage->n_live)
                write_note(stream,
                           "%s %s: not in the report.",
                           format_count(count, usage->n_live),
                           format_plural(usage->n_live, "process still runs", "processes still run"));
        if (report->broken) {
                text_escape(escaped, sizeof(escaped), report->broken, TEXT_FOR_TERMINAL);
                write_note(stream, "The report ends before the command did. %s", escaped);
        }
        write_losses(usage, stream);
        if (usage->n_unseen && !report->broken)
                write_note(stream,
                           "The exit of %s %s was not reported: the figures lack what they used.",
                           format_count(count, usage->n_unseen),
                           format_plural(usage->n_unseen, "process", "processes"));
        if (usage->n_without_stats)
                write_note(stream,
                           "There are no statistics of %s %s: the figures lack what they used.",
                           format_count(count, usage->n_without_stats),
                           format_plural(usage->n_without_stats, "process", "processes"));
        if (usage->n_tasks_missing)
                write_note(stream,
                           "There are no statistics of %s %s: the figures lack what they used.",
                           format_count(count, usage->n_tasks_missing),
                           format_plural(usage->n_tasks_missing, "thread", "threads"));
        if (usage->n_status_unknown)
                write_note(stream,
                           "The exit status of %s %s is not known: more may have failed.",
                           format_count(count, usage->n_status_unknown),
                           format_plural(usage->n_status_unknown, "process", "processes"));
}
