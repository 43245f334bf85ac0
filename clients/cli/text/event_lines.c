/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events as lines of columns, for a person who watches.
 *
 * A value that nobody knows, or that this user may not know, is "-": never 0.
 * Nothing in a line depends on the line before.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/base/text.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/text/event_lines.h"

/* Columns' widths; negative: aligned to the left. */
enum {
        WIDTH_TIME = -12,
        WIDTH_KIND = -8,
        WIDTH_ID = 7,
        WIDTH_USER = -10,
        WIDTH_NAME = -15,
        WIDTH_LIFETIME = 8,
        WIDTH_CPU = 8,
        WIDTH_BYTES = 7,
        WIDTH_STATUS = -7,
};

/* Columns that a narrow terminal does without. */
enum {
        LEAVE_PPID = 1 << 0,
        LEAVE_USER = 1 << 1,
        LEAVE_IO = 1 << 2,
        LEAVE_PEAKMEM = 1 << 3,
        LEAVE_LIFETIME = 1 << 4,
};

/* Widths, with the space before: of a line with all columns, its status no longer than "exit 255"; of command lines. */
#define LINE_WIDTH 115u
#define LINE_ID_WIDTH 8u
#define LINE_ARGUMENTS_WIDTH 24u

#define COLOUR_BORN "\033[32m"
#define COLOUR_EXEC "\033[36m"
#define COLOUR_FAILED "\033[33m"
#define COLOUR_LOSS "\033[1;31m"
#define COLOUR_HEADER "\033[1m"
#define COLOUR_OFF "\033[0m"

__attribute__((format(printf, 2, 3))) static void event_lines_add(EventLines *lines, const char *format, ...) {
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(lines->text + lines->n, EVENT_LINES_MAX - lines->n, format, args);
        va_end(args);

        /* One byte is kept for the line's end. */
        if (n > 0)
                lines->n = (size_t)n < EVENT_LINES_MAX - 1 - lines->n ? lines->n + (size_t)n : EVENT_LINES_MAX - 2;
}

static void event_lines_colour(EventLines *lines, const char *colour) {
        if (lines->colour)
                event_lines_add(lines, "%s", colour);
}

static void event_lines_cell_coloured(EventLines *lines, const char *text, int width, const char *colour) {
        size_t columns = text_columns(text), room = (size_t)(width < 0 ? -width : width);
        int padding = columns < room ? (int)(room - columns) : 0;

        if (lines->n_cells++)
                event_lines_add(lines, " ");
        if (colour)
                event_lines_colour(lines, colour);
        if (width < 0)
                event_lines_add(lines, "%s%*s", text, padding, "");
        else
                event_lines_add(lines, "%*s%s", padding, "", text);
        if (colour)
                event_lines_colour(lines, COLOUR_OFF);
}

static void event_lines_cell(EventLines *lines, const char *text, int width) {
        event_lines_cell_coloured(lines, text, width, NULL);
}

/* A name of a user that is too long is cut, with a sign: the columns behind it matter more. */
static void event_lines_cell_cut(EventLines *lines, const char *text, int width) {
        char cut[TEXT_ESCAPED_MAX(USERS_NAME_MAX)];
        size_t room = (size_t)(width < 0 ? -width : width);

        if (text_columns(text) <= room) {
                event_lines_cell(lines, text, width);
                return;
        }

        room--;
        snprintf(cut, sizeof(cut), "%.*s+", (int)terminal_fit(text, &room), text);
        event_lines_cell(lines, cut, width);
}

static void event_lines_cell_number(EventLines *lines, uint64_t number, bool known, int width) {
        char text[FORMAT_MAX] = "-";

        if (known)
                snprintf(text, sizeof(text), "%" PRIu64, number);
        event_lines_cell(lines, text, width);
}

static void event_lines_cell_name(EventLines *lines, const char *comm, bool known, int width) {
        char text[TEXT_ESCAPED_MAX(TB_COMM_SIZE)];

        if (known)
                text_escape(text, sizeof(text), comm, TEXT_FOR_TERMINAL);
        event_lines_cell(lines, known ? text : "-", width);
}

static bool event_lines_has(const EventLines *lines, uint32_t column) {
        return !(lines->left_out & column);
}

static void event_lines_begin(EventLines *lines) {
        lines->n = 0;
        lines->n_cells = 0;
}

static void event_lines_end(EventLines *lines) {
        while (lines->n > 0 && lines->text[lines->n - 1] == ' ')
                lines->n--;
        lines->text[lines->n++] = '\n';
        lines->text[lines->n] = 0;
}

/**
 * event_lines_fit() - leave out columns until a line fits
 * @lines:      threads and arguments set
 * @width:      of the terminal; 0: there is none
 *
 * A line that takes two of the terminal's cannot be read in columns at all.
 */
void event_lines_fit(EventLines *lines, size_t width) {
        static const struct {
                uint32_t column;
                size_t width;
        } order[] = {
                { LEAVE_PPID, LINE_ID_WIDTH },
                { LEAVE_USER, 11 },
                { LEAVE_IO, 16 },
                { LEAVE_PEAKMEM, 8 },
                { LEAVE_LIFETIME, 9 },
        };
        size_t needed = LINE_WIDTH;

        lines->left_out = 0;
        if (lines->threads)
                needed += LINE_ID_WIDTH;
        if (lines->arguments)
                needed += LINE_ARGUMENTS_WIDTH;
        for (size_t i = 0; width && needed > width && i < sizeof(order) / sizeof(*order); ++i) {
                lines->left_out |= order[i].column;
                needed -= order[i].width;
        }
}

/**
 * event_lines_header() - the names of the columns
 * @lines:      where it goes, into text and n
 */
void event_lines_header(EventLines *lines) {
        event_lines_begin(lines);
        event_lines_colour(lines, COLOUR_HEADER);
        event_lines_cell(lines, "TIME", WIDTH_TIME);
        event_lines_cell(lines, "KIND", WIDTH_KIND);
        event_lines_cell(lines, "PID", WIDTH_ID);
        if (lines->threads)
                event_lines_cell(lines, "TID", WIDTH_ID);
        if (event_lines_has(lines, LEAVE_PPID))
                event_lines_cell(lines, "PPID", WIDTH_ID);
        if (event_lines_has(lines, LEAVE_USER))
                event_lines_cell(lines, "USER", WIDTH_USER);
        event_lines_cell(lines, "NAME", WIDTH_NAME);
        if (event_lines_has(lines, LEAVE_LIFETIME))
                event_lines_cell(lines, "LIFETIME", WIDTH_LIFETIME);
        event_lines_cell(lines, "CPU", WIDTH_CPU);
        if (event_lines_has(lines, LEAVE_IO)) {
                event_lines_cell(lines, "READ", WIDTH_BYTES);
                event_lines_cell(lines, "WRITTEN", WIDTH_BYTES);
        }
        if (event_lines_has(lines, LEAVE_PEAKMEM))
                event_lines_cell(lines, "PEAKMEM", WIDTH_BYTES);
        event_lines_cell(lines, "STATUS", lines->arguments ? WIDTH_STATUS : 0);
        if (lines->arguments)
                event_lines_cell(lines, "ARGUMENTS", 0);
        event_lines_colour(lines, COLOUR_OFF);
        event_lines_end(lines);
}

/*
 * How long the process, or the thread, was there. The kernel's own figure is
 * best; kernels before 5.18 (taskstats 12) do not have that of the process, whose
 * last thread may be younger than itself.
 */
static bool exit_lifetime(const struct tb_event *event, const struct tb_task_stats *stats, uint64_t *ret_ns) {
        bool process = event->exit.process_ended;

        if (stats && stats->groups & TB_STATS_BIT(TB_STATS_IDENTITY)) {
                uint64_t us = process && stats->identity.ac_tgetime_us ? stats->identity.ac_tgetime_us
                                                                        : stats->identity.ac_etime_us;

                return !__builtin_mul_overflow(us, UINT64_C(1000), ret_ns);
        }

        *ret_ns = event->time_ns - event->start_time_ns;
        return event->start_time_ns && event->start_time_ns <= event->time_ns && (!process || event->pid == event->tid);
}

static void event_lines_exit(EventLines *lines, const struct tb_event *event) {
        const struct tb_termination *termination;
        const struct tb_task_stats *stats;
        char text[FORMAT_MAX];
        bool cpu, io, memory, failed;
        uint64_t ns, peak;

        stats = event->exit.process_ended ? event->exit.process_stats : event->exit.stats;
        termination = event->exit.process_ended ? &event->exit.process_termination : &event->exit.termination;
        cpu = stats && stats->groups & TB_STATS_BIT(TB_STATS_CPU);
        io = stats && stats->groups & TB_STATS_BIT(TB_STATS_IO);

        /* No task of user space has a peak of 0: the kernel says so of those whose memory it did not count. */
        memory = stats && stats->groups & TB_STATS_BIT(TB_STATS_MEMORY) && stats->memory.hiwater_rss_kib;
        if (!memory || __builtin_mul_overflow(stats->memory.hiwater_rss_kib, UINT64_C(1024), &peak))
                peak = UINT64_MAX;

        if (event_lines_has(lines, LEAVE_LIFETIME))
                event_lines_cell(lines, exit_lifetime(event, stats, &ns) ? format_duration(text, ns) : "-", WIDTH_LIFETIME);
        event_lines_cell(lines, cpu ? format_duration(text, stats->cpu.cpu_run_virtual_total_ns) : "-", WIDTH_CPU);
        if (event_lines_has(lines, LEAVE_IO)) {
                event_lines_cell(lines, io ? format_bytes(text, stats->io.read_bytes) : "-", WIDTH_BYTES);
                event_lines_cell(lines, io ? format_bytes(text, stats->io.write_bytes) : "-", WIDTH_BYTES);
        }
        if (event_lines_has(lines, LEAVE_PEAKMEM))
                event_lines_cell(lines, memory ? format_bytes(text, peak) : "-", WIDTH_BYTES);

        failed = termination->known && (termination->exit_code || termination->term_signal);
        event_lines_cell_coloured(lines,
                            format_termination(text, termination),
                            event->exit.program && lines->arguments ? WIDTH_STATUS : 0,
                            failed ? COLOUR_FAILED : NULL);
}

/* How far the line has got on a terminal. */
static size_t event_lines_columns(const EventLines *lines) {
        const char *at = lines->text;
        size_t n = 0;

        while (*at) {
                if (*at == '\033')
                        at += strcspn(at, "m") + 1;
                else
                        n += ((unsigned char)*at++ & 0xc0) != 0x80;
        }

        return n;
}

/*
 * At the end of a line, and to the end of the terminal's: the one that the line has
 * come to, where its columns alone take more than one.
 */
static void event_lines_arguments(EventLines *lines, const struct tb_program *program) {
        char text[CMDLINE_TEXT_MAX];
        size_t room = SIZE_MAX;

        if (!lines->arguments || !program)
                return;

        if (cmdline_text(text, program) == 0) {
                switch (program->state) {
                case TB_PROGRAM_LATE:
                        strcpy(text, "(gone before it was read)");
                        break;
                case TB_PROGRAM_SKIPPED:
                        strcpy(text, "(not read: there was too much to read)");
                        break;
                default:
                        strcpy(text, "-");
                }
        }

        event_lines_add(lines, " ");
        if (lines->width)
                room = lines->width - event_lines_columns(lines) % lines->width;
        event_lines_add(lines, "%.*s", (int)terminal_fit(text, &room), text);
}

static void event_lines_loss(EventLines *lines, const struct tb_event *event) {
        static const char *const reasons[] = {
                [TB_LOSS_REASON_OVERRUN] = "the kernel had no room to queue them",
                [TB_LOSS_REASON_MUTED] = "some process had silenced the source",
                [TB_LOSS_REASON_FELL_BEHIND] = "this reader was too slow",
        };
        static const char *const sources[] = {
                [TB_LOSS_SOURCE_CONNECTOR] = "kernel events",
                [TB_LOSS_SOURCE_TASKSTATS] = "exits' statistics",
                [TB_LOSS_SOURCE_READER] = "events of this stream",
        };
        unsigned int source = (unsigned int)event->loss.source, reason = (unsigned int)event->loss.reason;
        char text[FORMAT_MAX];

        event_lines_add(lines, " *** %s%s", event->loss.at_least ? "at least " : "", format_count(text, event->loss.count));
        event_lines_add(lines, " %s lost", source >= 1 && source <= TB_LOSS_SOURCE_READER ? sources[source] : "facts");
        event_lines_add(lines,
                  ": %s",
                  reason >= 1 && reason <= TB_LOSS_REASON_FELL_BEHIND ? reasons[reason]
                                                                      : "the broker does not say why");
        event_lines_add(lines,
                  " (%s, %s",
                  tb_loss_source_name(event->loss.source),
                  tb_loss_reason_name(event->loss.reason));
        if (event->loss.cpu_known)
                event_lines_add(lines, ", cpu %" PRIu32, event->cpu);
        if (event->loss.since_time_ns)
                event_lines_add(lines, ", since %s", format_clock(text, event->loss.since_time_ns));
        event_lines_add(lines, ") ***");
}

static const char *event_lines_kind_colour(const struct tb_event *event) {
        switch (event->kind) {
        case TB_KIND_FORK:
                return COLOUR_BORN;
        case TB_KIND_EXEC:
                return COLOUR_EXEC;
        default:
                return NULL;
        }
}

static void event_lines_what(EventLines *lines, const struct tb_event *event) {
        switch (event->kind) {
        case TB_KIND_FORK:
                if (event->tid != event->pid)
                        event_lines_add(lines, " a thread");
                break;
        case TB_KIND_EXIT:
                event_lines_exit(lines, event);
                break;
        case TB_KIND_COMM:
                event_lines_add(lines, " was called");
                event_lines_cell_name(lines, event->comm_change.old_comm, true, 0);
                break;
        case TB_KIND_UID:
        case TB_KIND_GID:
                event_lines_add(lines,
                          " real %" PRIu32 ", effective %" PRIu32,
                          event->credentials.real_id,
                          event->credentials.effective_id);
                break;
        case TB_KIND_SID:
                event_lines_add(lines, " leads a new session");
                break;
        case TB_KIND_PTRACE:
                if (event->ptrace.tracer_pid)
                        event_lines_add(lines, " traced by %" PRIu32, event->ptrace.tracer_pid);
                else
                        event_lines_add(lines, " no longer traced");
                break;
        case TB_KIND_COREDUMP:
                event_lines_add(lines, " dumps core");
                break;
        default:
                break;
        }

        if (event->synthesised)
                event_lines_add(lines, " (concluded)");
        if (event->left_filter)
                event_lines_add(lines, " (leaves the filter)");
        if (event->kind == TB_KIND_EXEC)
                event_lines_arguments(lines, event->exec.program);
        if (event->kind == TB_KIND_EXIT)
                event_lines_arguments(lines, event->exit.program);
}

static void event_lines_who(EventLines *lines, const char *comm, uint32_t uid, bool known) {
        if (event_lines_has(lines, LEAVE_USER))
                event_lines_cell_cut(lines, known || uid ? users_name(lines->users, uid) : "-", WIDTH_USER);
        event_lines_cell_name(lines, comm, known || comm[0], WIDTH_NAME);
}

static void event_lines_ids(EventLines *lines, uint32_t pid, uint32_t tid, uint32_t ppid, bool known) {
        event_lines_cell_number(lines, pid, pid != 0, WIDTH_ID);
        if (lines->threads)
                event_lines_cell_number(lines, tid, tid != 0, WIDTH_ID);
        if (event_lines_has(lines, LEAVE_PPID))
                event_lines_cell_number(lines, ppid, known || ppid != 0, WIDTH_ID);
}

/**
 * event_lines_event() - an event as a line
 * @lines:      where it goes, into text and n
 * @event:      the event
 */
void event_lines_event(EventLines *lines, const struct tb_event *event) {
        bool known = !event->task_unknown;
        uint32_t ppid = event->ppid;
        char text[FORMAT_MAX];

        event_lines_begin(lines);
        if (event->kind == TB_KIND_LOSS)
                event_lines_colour(lines, COLOUR_LOSS);
        event_lines_cell(lines, format_clock(text, event->time_ns), WIDTH_TIME);
        if (event->kind == TB_KIND_LOSS) {
                event_lines_cell(lines, "LOSS", WIDTH_KIND);
                event_lines_loss(lines, event);
                event_lines_colour(lines, COLOUR_OFF);
                event_lines_end(lines);
                return;
        }

        event_lines_cell_coloured(lines, tb_kind_name(event->kind), WIDTH_KIND, event_lines_kind_colour(event));
        if (event->kind == TB_KIND_FORK && !ppid)
                ppid = event->fork.parent_pid;
        event_lines_ids(lines, event->pid, event->tid, ppid, known);
        event_lines_who(lines, event->comm, event->uid, known);
        event_lines_what(lines, event);
        event_lines_end(lines);
}

/**
 * event_lines_task() - a task of the snapshot as a line
 * @lines:      where it goes, into text and n
 * @task:       the task
 * @now_ns:     the time, since the epoch: what began today is told by the clock
 */
void event_lines_task(EventLines *lines, const struct tb_task *task, uint64_t now_ns) {
        bool known = !task->task_unknown;
        char text[FORMAT_MAX];

        event_lines_begin(lines);
        event_lines_cell(lines, task->start_time_ns ? format_begin(text, task->start_time_ns, now_ns) : "-", WIDTH_TIME);
        event_lines_cell(lines, "task", WIDTH_KIND);
        event_lines_ids(lines, task->pid, task->tid, task->ppid, known);
        event_lines_who(lines, task->comm, task->uid, known);
        if (task->tasks > 1)
                event_lines_add(lines, " (%" PRIu32 " threads)", task->tasks);
        if (task->kernel_thread)
                event_lines_add(lines, " (of the kernel)");
        else
                event_lines_arguments(lines, task->program);
        event_lines_end(lines);
}

/**
 * event_lines_snapshot_end() - that the snapshot is complete
 * @lines:      where it goes, into text and n
 * @end:        the snapshot's end
 */
void event_lines_snapshot_end(EventLines *lines, const struct tb_snapshot_end *end) {
        const char *noun = lines->threads ? end->tasks == 1 ? "task is" : "tasks are"
                                          : end->tasks == 1 ? "process is" : "processes are";
        char text[FORMAT_MAX];

        event_lines_begin(lines);
        event_lines_cell(lines, format_clock(text, end->time_ns), WIDTH_TIME);
        event_lines_cell(lines, "snapshot", WIDTH_KIND);
        event_lines_add(lines, " %s %s alive; from here on, what happens", format_count(text, end->tasks), noun);
        event_lines_end(lines);
}

/**
 * event_lines_link() - what became of the connection
 * @lines:      where it goes, into text and n
 * @link:       what the library says
 * @now_ns:     the time, since the epoch
 */
void event_lines_link(EventLines *lines, const struct tb_link *link, uint64_t now_ns) {
        char clock[FORMAT_MAX], text[CONNECTION_TEXT_MAX], escaped[TEXT_ESCAPED_MAX(CONNECTION_TEXT_MAX)];

        text_escape(escaped, sizeof(escaped), connection_describe(text, link, now_ns), TEXT_FOR_TERMINAL);

        event_lines_begin(lines);
        event_lines_colour(lines, link->state == TB_LINK_RESUMED ? COLOUR_BORN : COLOUR_LOSS);
        event_lines_cell(lines, format_clock(clock, now_ns), WIDTH_TIME);
        event_lines_cell(lines, "LINK", WIDTH_KIND);
        event_lines_add(lines, " *** %s ***", escaped);
        event_lines_colour(lines, COLOUR_OFF);
        event_lines_end(lines);
}
