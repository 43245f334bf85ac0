/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report of a command as text.
 *
 * A value that was not measured is "not known", and a value that may be too small is
 * "at least". The owner of the stream checks it for errors. Pure.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/run/run_report.h"
#include "clients/cli/run/run_report_notes.h"
#include "clients/cli/run/run_report_table.h"

/* The width of the command in the headline. */
#define COMMAND_COLUMNS 60u

typedef struct Delay Delay;

struct Delay {
        const char *what;
        const UsageDelay *delay;
};

/* Writes the command, cut to the width of the headline. */
static void write_command(const RunReport *report, FILE *stream) {
        char fitted[TEXT_FIT_MAX(COMMAND_COLUMNS)], *text;
        size_t n = 0, n_text = 1;

        for (size_t i = 0; report->command[i]; ++i)
                n_text += CMDLINE_QUOTED_MAX(strlen(report->command[i])) + 1;
        text = malloc(n_text);
        if (!text) {
                fputs("(too little memory for the command)", stream);
                return;
        }

        *text = 0;
        for (size_t i = 0; report->command[i]; ++i) {
                if (i > 0)
                        text[n++] = ' ';
                n += cmdline_quote(text + n, report->command[i], i == 0);
        }
        text_fit(fitted, sizeof(fitted), text, COMMAND_COLUMNS, TEXT_LINE);
        fputs(fitted, stream);
        free(text);
}

static void write_headline(const RunReport *report, FILE *stream) {
        struct tb_termination end = {
                .known = true,
                .exit_code = WIFEXITED(report->status) ? (uint32_t)WEXITSTATUS(report->status) : 0,
                .term_signal = WIFSIGNALED(report->status) ? (uint32_t)WTERMSIG(report->status) : 0,
                .core_dumped = WIFSIGNALED(report->status) && WCOREDUMP(report->status),
        };
        char text[FORMAT_MAX];

        write_command(report, stream);
        if (WIFEXITED(report->status))
                fprintf(stream, ": status %d", WEXITSTATUS(report->status));
        else
                fprintf(stream, ": %s", format_termination(text, &end));
        fprintf(stream, ", after %s\n\n", format_duration(text, report->wall_ns));
}

__attribute__((format(printf, 3, 4))) static void write_line(FILE *stream, const char *name, const char *format, ...) {
        va_list args;

        fprintf(stream, "  %-11s ", name);
        va_start(args, format);
        vfprintf(stream, format, args);
        va_end(args);
        fputc('\n', stream);
}

/* The words before a sum of records that have the group. */
static const char *at_least(const RunReport *report, enum tb_stats_group group) {
        const Usage *usage = report->usage;

        return !run_report_complete(report) || usage->n_groups[group] < usage->n_stats ? "at least " : "";
}

static bool any(const RunReport *report, enum tb_stats_group group) {
        return report->usage->n_groups[group] > 0;
}

static void write_processes(const RunReport *report, FILE *stream) {
        char made[FORMAT_MAX], failed[FORMAT_MAX], live[FORMAT_MAX], threads[FORMAT_MAX];
        const Usage *usage = report->usage;
        const char *least = run_report_complete(report) ? "" : "at least ";

        write_line(stream,
                   "processes",
                   "%s%s made, %s%s failed, %s%s at once%s",
                   least,
                   format_count(made, usage->n_processes),
                   least,
                   format_count(failed, usage->n_failed),
                   least,
                   format_count(live, usage->n_live_max),
                   *least ? "" : " at most");
        if (usage->n_threads)
                write_line(stream, "threads", "%s%s besides", least, format_count(threads, usage->n_threads));
}

static void write_cpu(const RunReport *report, const RunReportCpu *cpu, FILE *stream) {
        char total[FORMAT_MAX], user[FORMAT_MAX], system[FORMAT_MAX];

        fprintf(stream,
                "  %-11s %s%s: user %s, system %s",
                "CPU",
                cpu->at_least ? "at least " : "",
                format_duration(total, cpu->total_ns),
                format_duration(user, cpu->user_ns),
                format_duration(system, cpu->system_ns));
        if (report->wall_ns && !cpu->at_least)
                fprintf(stream, "; %.2f processors busy", (double)cpu->total_ns / (double)report->wall_ns);
        fputc('\n', stream);
}

static void write_memory(const RunReport *report, FILE *stream) {
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)], bytes[FORMAT_MAX];
        const Usage *usage = report->usage;
        uint64_t peak_kib, peak;
        bool in_record;

        /* The kernel reports 0 if it did not count the memory. */
        peak_kib = run_report_peak_kib(report, &in_record);
        if (peak_kib == 0 || __builtin_mul_overflow(peak_kib, UINT64_C(1024), &peak)) {
                write_line(stream, "memory", "not known");
                return;
        }
        text_escape(name, sizeof(name), usage->peak_name, TEXT_FOR_TERMINAL);
        if (in_record) {
                write_line(stream,
                           "memory",
                           "%s%s in the largest process, %s (%" PRIu32 ")",
                           at_least(report, TB_STATS_MEMORY),
                           format_bytes(bytes, peak),
                           name,
                           usage->peak_pid);
                return;
        }
        write_line(stream, "memory", "%s in the largest process, by wait4(2)", format_bytes(bytes, peak));
        if (usage->peak_rss_kib)
                write_line(stream,
                           "",
                           "%s since the last exec of each process, in %s (%" PRIu32 ")",
                           format_bytes(bytes, usage->peak_rss_kib * 1024),
                           name,
                           usage->peak_pid);
}

static void write_io(const RunReport *report, FILE *stream) {
        char read[FORMAT_MAX], written[FORMAT_MAX], cancelled[FORMAT_MAX];
        const char *least = at_least(report, TB_STATS_IO);
        const Usage *usage = report->usage;

        if (!any(report, TB_STATS_IO)) {
                write_line(stream, "storage", "not known");
                return;
        }

        fprintf(stream,
                "  %-11s %s%s read, %s%s written",
                "storage",
                least,
                format_bytes(read, usage->read_bytes),
                least,
                format_bytes(written, usage->write_bytes));
        if (usage->cancelled_write_bytes)
                fprintf(stream, ", of which %s never went", format_bytes(cancelled, usage->cancelled_write_bytes));
        fputc('\n', stream);

        write_line(stream,
                   "calls",
                   "%s%s read, %s%s written",
                   least,
                   format_bytes(read, usage->read_char_bytes),
                   least,
                   format_bytes(written, usage->write_char_bytes));

        /* The kernel rounds down to a multiple of 1024 for each process: 0 means nothing. */
        if (usage->read_syscalls || usage->write_syscalls)
                write_line(stream,
                           "",
                           "in at least %s calls to read and %s to write",
                           format_count(read, usage->read_syscalls),
                           format_count(written, usage->write_syscalls));
}

static void write_counts(const RunReport *report,
                         FILE *stream,
                         const char *name,
                         enum tb_stats_group group,
                         uint64_t one,
                         const char *one_text,
                         uint64_t other,
                         const char *other_text) {
        char text[FORMAT_MAX], other_number[FORMAT_MAX];
        const char *least = at_least(report, group);

        if (any(report, group))
                write_line(stream,
                           name,
                           "%s%s %s, %s%s %s",
                           least,
                           format_count(text, one),
                           one_text,
                           least,
                           format_count(other_number, other),
                           other_text);
        else
                write_line(stream, name, "not known");
}

static void write_delay(const RunReport *report, const Delay *delay, const char *name, FILE *stream) {
        char time[FORMAT_MAX], count[FORMAT_MAX], of[FORMAT_MAX], all[FORMAT_MAX];
        const Usage *usage = report->usage;
        uint64_t n = delay->delay->n_processes;

        fprintf(stream,
                "  %-11s %s%s %s (%s %s)",
                name,
                run_report_complete(report) && n == usage->n_stats ? "" : "at least ",
                format_duration(time, delay->delay->total_ns),
                delay->what,
                format_count(count, delay->delay->count),
                format_plural(delay->delay->count, "time", "times"));
        if (n < usage->n_stats)
                fprintf(stream,
                        ", counted in %s of %s processes",
                        format_count(of, n),
                        format_count(all, usage->n_stats));
        fputc('\n', stream);
}

/* Why the delays of the group DELAYS are missing. */
static void write_no_delays(const RunReport *report, const char *name, FILE *stream) {
        const char *what = "for storage, memory and more";

        if (report->delay_accounting == TB_DELAY_ACCOUNTING_OFF ||
            (report->usage->n_uncounted[TB_STATS_DELAYS] && report->delay_accounting == TB_DELAY_ACCOUNTING_ON)) {
                write_line(stream, name, "%s: not counted, as delay accounting was off", what);
                write_line(stream, "", "(sysctl kernel.task_delayacct=1 turns it on for what starts then)");
        } else if (report->delay_accounting == TB_DELAY_ACCOUNTING_UNSUPPORTED) {
                write_line(stream, name, "%s: this kernel does not count it", what);
        } else {
                write_line(stream, name, "%s: not known", what);
        }
}

static void write_delays(const RunReport *report, FILE *stream) {
        const Usage *usage = report->usage;
        const Delay delays[] = {
                { "for a processor", &usage->delays.cpu },
                { "for storage", &usage->delays.blkio },
                { "for pages from swap", &usage->delays.swapin },
                { "for memory to be reclaimed", &usage->delays.freepages },
                { "for pages that had been thrown out", &usage->delays.thrashing },
                { "for memory to be compacted", &usage->delays.compact },
                { "for write-protected pages to be copied", &usage->delays.wpcopy },
                { "for interrupts", &usage->delays.irq },
        };
        const char *name = "waited";

        for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); ++i) {
                if (!delays[i].delay->count)
                        continue;
                write_delay(report, delays + i, name, stream);
                name = "";
        }
        if (usage->n_stats && !any(report, TB_STATS_DELAYS))
                write_no_delays(report, name, stream);
}

static void write_unattributed(const RunReport *report, const RunReportCpu *cpu, FILE *stream) {
        char time[FORMAT_MAX];

        if (!report->n_top || !cpu->unattributed_ns)
                return;

        fprintf(stream,
                "\n  %s of the CPU (%.0f %%) is in none of these: what processes used in their last timer tick,\n"
                "  and while they were taken down.\n",
                format_duration(time, cpu->unattributed_ns),
                100 * (double)cpu->unattributed_ns / (double)cpu->total_ns);
}

/* Writes the report as text. */
void run_report_text(const RunReport *report, FILE *stream) {
        const Usage *usage = report->usage;
        RunReportCpu cpu;

        run_report_cpu(report, &cpu);

        /* Ends a line that the command, or an interrupt, left unfinished. */
        if (report->width)
                fputc('\n', stream);
        write_headline(report, stream);
        write_processes(report, stream);
        write_cpu(report, &cpu, stream);
        write_memory(report, stream);
        write_io(report, stream);
        write_counts(report,
                     stream,
                     "faults",
                     TB_STATS_MEMORY,
                     usage->minflt,
                     "without I/O",
                     usage->majflt,
                     "with I/O");
        write_counts(report,
                     stream,
                     "switches",
                     TB_STATS_SCHEDULING,
                     usage->nvcsw,
                     "voluntary",
                     usage->nivcsw,
                     "involuntary");
        write_delays(report, stream);
        run_report_table(report, stream);
        write_unattributed(report, &cpu, stream);
        run_report_notes(report, stream);
}
