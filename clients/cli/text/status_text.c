/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The broker's status as a text for people. The first line is the verdict; the
 * rest is there to find out why. Pure.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/text/status_text.h"

/* Of the broker's own words, so much is shown. */
#define WORDS_MAX 64

typedef struct Text Text;

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

/* What is not for this client to know is a dash. */
static void text_add_count(Text *text, int width, uint64_t count, bool known) {
        char number[FORMAT_MAX];

        text_add(text, " %*s", width, known ? format_count(number, count) : "-");
}

/* There is always a task alive: none is told where the machine's are not for this client. */
static bool status_has_machine(const struct tb_status *status) {
        return !status->withheld || status->live_tasks > 0;
}

static void text_verdict(Text *text, const struct tb_status *status) {
        const struct tb_source_status *connector = &status->connector, *taskstats = &status->taskstats;
        char lost[FORMAT_MAX], all[FORMAT_MAX], date[FORMAT_MAX], uptime[FORMAT_MAX], count[FORMAT_MAX];
        uint64_t n_lost = connector->lost + taskstats->lost;

        if (!status_has_machine(status))
                text_add(text, "What the kernel lost is not for you to know: /proc is mounted with hidepid.\n");
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
                text_add(text, "Your own connections are counted; what is the administrator's alone to know is -.\n");
        if (connector->muted || taskstats->muted)
                text_add(text,
                         "The kernel's sources were silenced %s times: more may be missing than was counted.\n",
                         format_count(count, connector->muted + taskstats->muted));
        if (status->reader_lost)
                text_add(text,
                         "Slow subscribers missed %s events; each was told how many.\n",
                         format_count(count, status->reader_lost));
        text_add(text, "\n");
}

static void text_source(Text *text, const char *name, const struct tb_source_status *source, bool all, bool machine) {
        char buffer[FORMAT_MAX];

        text_add(text, "  %-14s", name);
        text_add_count(text, 15, source->received, all);
        text_add_count(text, 9, source->lost, machine);
        text_add_count(text, 9, source->dropped, all);
        text_add_count(text, 9, source->truncated, all);
        text_add_count(text, 9, source->malformed, all);
        text_add_count(text, 9, source->foreign, all);
        text_add_count(text, 8, source->muted, machine);
        text_add_count(text, 8, source->repaired, machine);
        text_add(text, " %8s\n", all ? format_bytes(buffer, source->receive_buffer_bytes) : "-");
}

static void text_who(Text *text, const struct tb_status *status) {
        static const char *const delay_accounting[] = {
                [TB_DELAY_ACCOUNTING_UNKNOWN] = "delay accounting not known",
                [TB_DELAY_ACCOUNTING_OFF] = "delay accounting off (sysctl kernel.task_delayacct)",
                [TB_DELAY_ACCOUNTING_ON] = "delay accounting on",
                [TB_DELAY_ACCOUNTING_UNSUPPORTED] = "no delay accounting",
        };
        char words[TEXT_ESCAPED_MAX(WORDS_MAX)], time[FORMAT_MAX];

        text_escape(words, sizeof(words), status->broker_version, TEXT_FOR_TERMINAL);
        text_add(text,
                 "Broker          %s, epoch %016" PRIx64 ", %s of processor time\n",
                 words,
                 status->epoch,
                 status->withheld ? "-" : format_duration(time, status->broker_cpu_ns));

        text_escape(words, sizeof(words), status->kernel_release, TEXT_FOR_TERMINAL);
        text_add(text, "Kernel          %s, ", words);
        if (status->taskstats_version)
                text_add(text, "taskstats %" PRIu32 ", ", status->taskstats_version);
        else
                text_add(text, "taskstats not seen yet, ");
        text_add(text, "%s\n\n", delay_accounting[status->delay_accounting]);
}

static void text_events(Text *text, const struct tb_status *status) {
        if (status->withheld)
                return;
        text_add(text, "Events\n");
        for (unsigned int kind = 0; kind < status->n_events; ++kind) {
                const char *name = tb_kind_name((enum tb_kind)kind);

                if (!name || !status->events[kind])
                        continue;
                text_add(text, "  %-14s", name);
                text_add_count(text, 15, status->events[kind], true);
                text_add(text, "\n");
        }
        text_add(text, "\n");
}

static void text_fact(Text *text, const char *name, uint64_t count, bool known) {
        text_add(text, "  %-35s", name);
        text_add_count(text, 15, count, known);
        text_add(text, "\n");
}

static void text_fact_bytes(Text *text, const char *name, uint64_t bytes, bool known) {
        char size[FORMAT_MAX];

        text_add(text, "  %-35s %15s\n", name, known ? format_bytes(size, bytes) : "-");
}

static void text_fact_time(Text *text, const char *name, uint64_t ns, bool known) {
        char duration[FORMAT_MAX];

        text_add(text, "  %-35s %15s\n", name, known ? format_duration(duration, ns) : "-");
}

static void text_now(Text *text, const struct tb_status *status) {
        bool all = !status->withheld, machine = status_has_machine(status);

        text_add(text, "Now\n");
        text_fact(text, "processes", status->live_processes, machine);
        text_fact(text, "tasks", status->live_tasks, machine);
        text_fact(text, "statistics that wait for an exit", status->unmatched_stats, all);
        text_fact_bytes(text, "held in the table of tasks", status->table_bytes, all);
        text_fact(text, "connections", status->connections, true);
        text_fact(text, "subscribers of samples", status->sample_subscribers, all);
        text_fact(text, "subscribers", status->subscribers, true);
        text_fact(text, "feeds", status->feeds, all);
        text_fact_bytes(text, "held in feeds", status->feed_bytes, all);
        text_fact_bytes(text, "held for clients, feeds included", status->client_bytes, all);
        text_add(text, "\n");
}

static void text_since_start(Text *text, const struct tb_status *status) {
        bool all = !status->withheld;

        text_add(text, "Since the start\n");
        text_fact(text, "forks found in /proc after a loss", status->synthesised_forks, all);
        text_fact(text, "exits concluded from statistics", status->synthesised_exits, all);
        text_fact(text, "programs read from /proc", status->programs_captured, all);
        text_fact(text, "programs gone before they were read", status->programs_late, all);
        text_fact(text, "programs left out, being too many", status->programs_skipped, all);
        text_fact(text, "snapshots made", status->snapshots, all);
        text_fact(text, "subscribers sent a snapshot", status->snapshot_subscribers, all);
        text_fact(text, "subscriptions resumed", status->resumed, all);
        text_fact(text, "sweeps over live tasks", status->sweeps, all);
        text_fact(text, "tasks asked for in sweeps", status->sweep_tasks, all);
        text_fact(text, "of those, ended before the answer", status->sweep_gone, all);
        text_fact(text, "of those, without an answer", status->sweep_lost, all);
        text_fact_time(text, "processor time of sweeps", status->sweep_cpu_ns, all);
        text_fact(text, "samples lost by slow subscribers", status->sample_lost, all);
        text_fact(text, "events lost by slow subscribers", status->reader_lost, all);
        text_fact(text, "strict subscribers closed", status->closed_for_strict, all);
        text_fact(text, "connections closed for errors", status->closed_for_errors, all);
        text_fact(text, "connections refused", status->refused_connections, all);
        text_fact(text, "refused for their pid namespace", status->refused_namespace, all);
        text_fact(text, "requests over a user's share", status->refused_quota, all);
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

        text_verdict(&t, status);
        text_who(&t, status);

        text_add(&t,
                 "%-16s %15s %9s %9s %9s %9s %9s %8s %8s %8s\n",
                 "Source",
                 "received",
                 "lost",
                 "dropped",
                 "truncated",
                 "malformed",
                 "foreign",
                 "muted",
                 "repaired",
                 "buffer");
        text_source(&t, "proc connector", &status->connector, !status->withheld, status_has_machine(status));
        text_source(&t, "taskstats", &status->taskstats, !status->withheld, status_has_machine(status));
        text_add(&t, "\n");

        text_events(&t, status);

        text_now(&t, status);
        text_since_start(&t, status);

        return t.n;
}
