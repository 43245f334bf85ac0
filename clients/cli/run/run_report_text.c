/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a command and its descendants used, as a text for people.
 *
 * What nobody measured is said to be unknown, and what may be more is "at least".
 * Errors of the stream are for its owner to find. Pure.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/base/text.h"
#include "clients/cli/run/run_report.h"

/* Of the command, and of command lines where no terminal says how wide it is. */
#define COMMAND_COLUMNS 60u
#define ARGS_COLUMNS 120u

typedef struct Delay Delay;

struct Delay {
        const char *what;
        const UsageDelay *delay;
};

static const char *plural(uint64_t n, const char *one, const char *many) {
        return n == 1 ? one : many;
}

/* So much of a text as fits into so many columns, and a sign where that is not all. */
static void write_cut(FILE *stream, const char *text, size_t columns) {
        size_t left = columns, n = terminal_fit(text, &left);

        if (!text[n]) {
                fputs(text, stream);
                return;
        }

        left = columns > 3 ? columns - 3 : 0;
        n = terminal_fit(text, &left);
        fprintf(stream, "%.*s...", (int)n, text);
}

static void write_headline(const RunReport *account, FILE *stream) {
        struct tb_termination end = {
                .known = true,
                .exit_code = WIFEXITED(account->status) ? (uint32_t)WEXITSTATUS(account->status) : 0,
                .term_signal = WIFSIGNALED(account->status) ? (uint32_t)WTERMSIG(account->status) : 0,
                .core_dumped = WIFSIGNALED(account->status) && WCOREDUMP(account->status),
        };
        char command[512] = "", escaped[TEXT_ESCAPED_MAX(512)], text[FORMAT_MAX];
        size_t n = 0;

        for (char *const *word = account->command; *word && n < sizeof(command); ++word)
                n += (size_t)snprintf(command + n, sizeof(command) - n, "%s%s", n ? " " : "", *word);

        text_escape(escaped, sizeof(escaped), command, TEXT_FOR_TERMINAL);
        write_cut(stream, escaped, COMMAND_COLUMNS);
        if (WIFEXITED(account->status))
                fprintf(stream, ": status %d", WEXITSTATUS(account->status));
        else
                fprintf(stream, ": %s", format_termination(text, &end));
        fprintf(stream, ", after %s\n\n", format_duration(text, account->wall_ns));
}

__attribute__((format(printf, 3, 4))) static void write_line(FILE *stream, const char *name, const char *format, ...) {
        va_list args;

        fprintf(stream, "  %-11s ", name);
        va_start(args, format);
        vfprintf(stream, format, args);
        va_end(args);
        fputc('\n', stream);
}

/* Before a sum of records, of that group. */
static const char *at_least(const RunReport *account, enum tb_stats_group group) {
        const Usage *tally = account->tally;

        return !run_report_complete(account) || tally->n_groups[group] < tally->n_stats ? "at least " : "";
}

static bool any(const RunReport *account, enum tb_stats_group group) {
        return account->tally->n_groups[group] > 0;
}

static void write_processes(const RunReport *account, FILE *stream) {
        char made[FORMAT_MAX], failed[FORMAT_MAX], live[FORMAT_MAX], threads[FORMAT_MAX];
        const Usage *tally = account->tally;
        const char *least = run_report_complete(account) ? "" : "at least ";

        write_line(stream,
                   "processes",
                   "%s%s made, %s%s failed, %s%s at once%s",
                   least,
                   format_count(made, tally->n_processes),
                   least,
                   format_count(failed, tally->n_failed),
                   least,
                   format_count(live, tally->n_live_max),
                   *least ? "" : " at most");
        if (tally->n_threads)
                write_line(stream, "threads", "%s%s besides", least, format_count(threads, tally->n_threads));
}

static void write_cpu(const RunReport *account, const RunReportCpu *cpu, FILE *stream) {
        char total[FORMAT_MAX], user[FORMAT_MAX], system[FORMAT_MAX];

        fprintf(stream,
                "  %-11s %s%s: user %s, system %s",
                "CPU",
                cpu->at_least ? "at least " : "",
                format_duration(total, cpu->total_ns),
                format_duration(user, cpu->user_ns),
                format_duration(system, cpu->system_ns));
        if (account->wall_ns && !cpu->at_least)
                fprintf(stream, "; %.2f processors busy", (double)cpu->total_ns / (double)account->wall_ns);
        fputc('\n', stream);
}

static void write_memory(const RunReport *account, FILE *stream) {
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)], bytes[FORMAT_MAX];
        const Usage *tally = account->tally;
        uint64_t peak;

        /* The kernel says 0 of those whose memory it did not count. */
        if (!any(account, TB_STATS_MEMORY) || !tally->peak_rss_kib ||
            __builtin_mul_overflow(tally->peak_rss_kib, UINT64_C(1024), &peak)) {
                write_line(stream, "memory", "not known");
                return;
        }

        text_escape(name, sizeof(name), tally->peak_name, TEXT_FOR_TERMINAL);
        write_line(stream,
                   "memory",
                   "%s%s in the largest process, %s (%" PRIu32 ")",
                   at_least(account, TB_STATS_MEMORY),
                   format_bytes(bytes, peak),
                   name,
                   tally->peak_pid);
}

static void write_io(const RunReport *account, FILE *stream) {
        char read[FORMAT_MAX], written[FORMAT_MAX], cancelled[FORMAT_MAX];
        const char *least = at_least(account, TB_STATS_IO);
        const Usage *tally = account->tally;

        if (!any(account, TB_STATS_IO)) {
                write_line(stream, "storage", "not known");
                return;
        }

        fprintf(stream,
                "  %-11s %s%s read, %s%s written",
                "storage",
                least,
                format_bytes(read, tally->read_bytes),
                least,
                format_bytes(written, tally->write_bytes));
        if (tally->cancelled_write_bytes)
                fprintf(stream, ", of which %s never went", format_bytes(cancelled, tally->cancelled_write_bytes));
        fputc('\n', stream);

        write_line(stream,
                   "calls",
                   "%s%s read, %s%s written",
                   least,
                   format_bytes(read, tally->read_char_bytes),
                   least,
                   format_bytes(written, tally->write_char_bytes));

        /* Rounded down to a multiple of 1024 for each process: 0 says nothing. */
        if (tally->read_syscalls || tally->write_syscalls)
                write_line(stream,
                           "",
                           "in at least %s calls to read and %s to write",
                           format_count(read, tally->read_syscalls),
                           format_count(written, tally->write_syscalls));
}

static void write_counts(const RunReport *account,
                         FILE *stream,
                         const char *name,
                         enum tb_stats_group group,
                         uint64_t one,
                         const char *one_text,
                         uint64_t other,
                         const char *other_text) {
        char text[FORMAT_MAX], other_number[FORMAT_MAX];
        const char *least = at_least(account, group);

        if (any(account, group))
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

static void write_delay(const RunReport *account, const Delay *delay, const char *name, FILE *stream) {
        char time[FORMAT_MAX], count[FORMAT_MAX], of[FORMAT_MAX], all[FORMAT_MAX];
        const Usage *tally = account->tally;
        uint64_t n = delay->delay->n_processes;

        fprintf(stream,
                "  %-11s %s%s %s (%s %s)",
                name,
                run_report_complete(account) && n == tally->n_stats ? "" : "at least ",
                format_duration(time, delay->delay->total_ns),
                delay->what,
                format_count(count, delay->delay->count),
                plural(delay->delay->count, "time", "times"));
        if (n < tally->n_stats)
                fprintf(stream,
                        ", counted in %s of %s processes",
                        format_count(of, n),
                        format_count(all, tally->n_stats));
        fputc('\n', stream);
}

/* Why the delays of the group DELAYS are not there. */
static void write_no_delays(const RunReport *account, const char *name, FILE *stream) {
        const char *what = "for storage, memory and more";

        if (account->tally->n_uncounted[TB_STATS_DELAYS] || account->delay_accounting == TB_DELAY_ACCOUNTING_OFF) {
                write_line(stream, name, "%s: not counted, as delay accounting is off", what);
                write_line(stream, "", "(sysctl kernel.task_delayacct=1 turns it on for what starts then)");
        } else if (account->delay_accounting == TB_DELAY_ACCOUNTING_UNSUPPORTED) {
                write_line(stream, name, "%s: this kernel does not count it", what);
        } else {
                write_line(stream, name, "%s: not known", what);
        }
}

static void write_delays(const RunReport *account, FILE *stream) {
        const Usage *tally = account->tally;
        const Delay delays[] = {
                { "for a processor", &tally->delays.cpu },
                { "for storage", &tally->delays.blkio },
                { "for pages from swap", &tally->delays.swapin },
                { "for memory to be reclaimed", &tally->delays.freepages },
                { "for pages that had been thrown out", &tally->delays.thrashing },
                { "for memory to be compacted", &tally->delays.compact },
                { "for write-protected pages to be copied", &tally->delays.wpcopy },
                { "for interrupts", &tally->delays.irq },
        };
        const char *name = "waited";

        for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); ++i) {
                if (!delays[i].delay->count)
                        continue;
                write_delay(account, delays + i, name, stream);
                name = "";
        }
        if (tally->n_stats && !any(account, TB_STATS_DELAYS))
                write_no_delays(account, name, stream);
}

static void write_command(const RunReport *account, const UsageCommand *command, const char *name, FILE *stream) {
        char runs[FORMAT_MAX], failed[FORMAT_MAX], measured[FORMAT_MAX], sampled[FORMAT_MAX], peak[FORMAT_MAX] = "-";
        char read[FORMAT_MAX] = "-", written[FORMAT_MAX] = "-", args[CMDLINE_TEXT_MAX];
        uint64_t bytes;
        int padding = 15 - (int)text_columns(name);

        if (command->peak_rss_kib && !__builtin_mul_overflow(command->peak_rss_kib, UINT64_C(1024), &bytes))
                format_bytes(peak, bytes);
        if (command->n_io) {
                format_bytes(read, command->read_bytes);
                format_bytes(written, command->write_bytes);
        }
        fprintf(stream,
                "  %s%*s %8s %6s %8s %8s %7s %7s %7s\n",
                name,
                padding > 0 ? padding : 0,
                "",
                format_count(runs, command->n_runs),
                format_count(failed, command->n_failed),
                format_duration(measured, command->cpu.measured_ns),
                format_duration(sampled, command->cpu.sampled_ns),
                peak,
                read,
                written);
        if (command->program) {
                cmdline_text(args, command->program);
                fputs("      ", stream);
                write_cut(stream, args, account->width > 16 ? account->width - 6 : ARGS_COLUMNS);
                fputc('\n', stream);
        }
}

static void write_commands(const RunReport *account, FILE *stream) {
        const UsageCommand **commands;
        const Usage *tally = account->tally;
        size_t n = tally->n_commands < account->n_top ? tally->n_commands : account->n_top;
        char name[TEXT_ESCAPED_MAX(TB_COMM_SIZE)], count[FORMAT_MAX];

        if (n == 0)
                return;
        if (usage_top(tally, &commands) < 0) {
                fprintf(stream, "\n  There is too little memory for the table of commands.\n");
                return;
        }

        fprintf(stream,
                "\n  %-15s %8s %6s %8s %8s %7s %7s %7s\n",
                "NAME",
                "RUNS",
                "FAILED",
                "CPU",
                "SAMPLED",
                "PEAKMEM",
                "READ",
                "WRITTEN");
        for (size_t i = 0; i < n; ++i) {
                text_escape(name, sizeof(name), commands[i]->name, TEXT_FOR_TERMINAL);
                write_command(account, commands[i], name, stream);
        }
        free(commands);

        if (tally->n_commands > n)
                fprintf(stream,
                        "  and %s %s\n",
                        format_count(count, tally->n_commands - n),
                        plural(tally->n_commands - n, "other name", "other names"));
        if (tally->others.n_runs)
                write_command(account, &tally->others, "(more names)", stream);
}

static void write_unattributed(const RunReport *account, const RunReportCpu *cpu, FILE *stream) {
        char time[FORMAT_MAX];

        if (!account->n_top || !cpu->unattributed_ns)
                return;

        fprintf(stream,
                "\n  %s of the CPU (%.0f %%) is in none of these: what processes used in their last timer tick,\n"
                "  and while they were taken down.\n",
                format_duration(time, cpu->unattributed_ns),
                100 * (double)cpu->unattributed_ns / (double)cpu->total_ns);
}

__attribute__((format(printf, 2, 3))) static void write_note(FILE *stream, const char *format, ...) {
        va_list args;

        fputs("  ", stream);
        va_start(args, format);
        vfprintf(stream, format, args);
        va_end(args);
        fputc('\n', stream);
}

static void write_losses(const Usage *tally, FILE *stream) {
        static const char *const sources[TB_LOSS_SOURCE_READER + 1] = {
                "facts",
                "kernel events",
                "processes' statistics",
                "events of this stream",
        };
        char count[FORMAT_MAX];

        for (size_t i = 0; i <= TB_LOSS_SOURCE_READER; ++i)
                if (tally->n_lost[i])
                        write_note(stream,
                                   "%s%s %s of this machine were lost: the figures may lack them.",
                                   tally->lost_at_least ? "At least " : "",
                                   format_count(count, tally->n_lost[i]),
                                   sources[i]);
        if (tally->lost_at_least && usage_lost(tally) == 0)
                write_note(stream, "Nobody knows how many events were lost: the figures may lack them.");
}

static void write_notes(const RunReport *account, FILE *stream) {
        const Usage *tally = account->tally;
        char count[FORMAT_MAX], time[FORMAT_MAX], escaped[TEXT_ESCAPED_MAX(512)];

        if (tally->n_orphans)
                write_note(stream,
                           "%s %s ended that no other of these waited for: %s of the CPU, by %s.",
                           format_count(count, tally->n_orphans),
                           plural(tally->n_orphans, "process", "processes"),
                           format_duration(time, tally->orphans.measured_ns),
                           plural(tally->n_orphans, "its own record", "their own records"));
        if (tally->n_live)
                write_note(stream,
                           "%s %s: not in the account.",
                           format_count(count, tally->n_live),
                           plural(tally->n_live, "process still runs", "processes still run"));
        if (account->broken) {
                text_escape(escaped, sizeof(escaped), account->broken, TEXT_FOR_TERMINAL);
                write_note(stream, "The account ends before the command did. %s", escaped);
        }
        write_losses(tally, stream);
        if (tally->n_unseen && !account->broken)
                write_note(stream,
                           "Of %s %s nobody told the end: the figures lack what they used.",
                           format_count(count, tally->n_unseen),
                           plural(tally->n_unseen, "process", "processes"));
        if (tally->n_without_stats)
                write_note(stream,
                           "Of %s %s there are no statistics: the figures lack what they used.",
                           format_count(count, tally->n_without_stats),
                           plural(tally->n_without_stats, "process", "processes"));
        if (tally->n_tasks_missing)
                write_note(stream,
                           "Of %s %s there are no statistics: the figures lack what they used.",
                           format_count(count, tally->n_tasks_missing),
                           plural(tally->n_tasks_missing, "thread", "threads"));
        if (tally->n_status_unknown)
                write_note(stream,
                           "Of %s %s nobody told the status: more may have failed.",
                           format_count(count, tally->n_status_unknown),
                           plural(tally->n_status_unknown, "process", "processes"));
}

/**
 * run_report_write() - the account as a text
 * @account:    the account
 * @stream:     where to
 */
void run_report_write(const RunReport *account, FILE *stream) {
        const Usage *tally = account->tally;
        RunReportCpu cpu;

        run_report_cpu(account, &cpu);

        /* What the command, or an interrupt, left of a line. */
        if (account->width)
                fputc('\n', stream);
        write_headline(account, stream);
        write_processes(account, stream);
        write_cpu(account, &cpu, stream);
        write_memory(account, stream);
        write_io(account, stream);
        write_counts(account,
                     stream,
                     "faults",
                     TB_STATS_MEMORY,
                     tally->minflt,
                     "without I/O",
                     tally->majflt,
                     "with I/O");
        write_counts(account,
                     stream,
                     "switches",
                     TB_STATS_SCHEDULING,
                     tally->nvcsw,
                     "voluntary",
                     tally->nivcsw,
                     "involuntary");
        write_delays(account, stream);
        write_commands(account, stream);
        write_unattributed(account, &cpu, stream);
        write_notes(account, stream);
}
