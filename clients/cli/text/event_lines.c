/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events, tasks and the state of the connection as lines of columns, for a person.
 *
 * A value that is not known, or that this user may not see, is "-": never 0. No line
 * depends on the line before. event_printer.c prints them.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/text/event_lines.h"
#include "clients/cli/text/loss_line.h"

/* The widths of the columns; negative: aligned to the left. */
enum {
        WIDTH_KIND = -8,
        WIDTH_ID = 7,
        WIDTH_USER = -10,
        WIDTH_NAME = -15,
        WIDTH_LIFETIME = 8,
        WIDTH_CPU = 8,
        WIDTH_BYTES = 7,
        WIDTH_STATUS = -8,              /* "exit 255"; the dump of a core needs more */
        WIDTH_STATUS_WIDE = -14,        /* "SIGSEGV + core" */
};

#define NAME_GIVES_MAX 9u
#define NAME_WIDTH(lines) (WIDTH_NAME + (int)(lines)->name_gives)

/* Columns that are left out on a narrow terminal. */
enum {
        LEAVE_PPID = 1 << 0,
        LEAVE_USER = 1 << 1,
        LEAVE_IO = 1 << 2,
        LEAVE_PEAKMEM = 1 << 3,
        LEAVE_LIFETIME = 1 << 4,
        LEAVE_CPU = 1 << 5,
        LEAVE_TIME = 1 << 6,
};

/* Widths with the space before: all columns but the time, with a status up to "exit 255"; numbers, names, arguments. */
#define LINE_WIDTH 103u
#define LINE_ID_WIDTH 8u
#define LINE_NAME_WIDTH 16u
#define LINE_ARGUMENTS_WIDTH 30u
#define LINE_STATUS_GIVES 6u            /* the columns between the two widths of the status */

#define COLOUR_BORN "\033[32m"
#define COLOUR_EXEC "\033[36m"
#define COLOUR_FAILED "\033[33m"
#define COLOUR_LOSS "\033[1;31m"
#define COLOUR_HEADER "\033[1m"

static bool event_lines_has(const EventLines *lines, uint32_t column) {
        return !(lines->left_out & column);
}

/* The width of the status before the arguments. The last column needs none. */
static int event_lines_status_width(const EventLines *lines, bool last) {
        return last ? 0 : lines->left_out ? WIDTH_STATUS : WIDTH_STATUS_WIDE;
}

static void event_lines_time(EventLines *lines, uint64_t time_ns) {
        char text[FORMAT_MAX];

        line_cell(&lines->line, time_form_write(text, lines->time_form, time_ns),
                  -(int)time_form_width(lines->time_form));
}

/**
 * event_lines_fit() - leave out columns until a line fits
 * @lines:      threads, arguments and the form of times set
 * @width:      the width of the terminal; 0: no terminal
 *
 * Columns cannot be read if a line wraps on the terminal.
 */
void event_lines_fit(EventLines *lines, size_t width) {
        const struct {
                uint32_t column;
                size_t width;
        } order[] = {
                { LEAVE_PPID, LINE_ID_WIDTH },
                { LEAVE_USER, 11 },
                { LEAVE_IO, 16 },
                { LEAVE_PEAKMEM, 8 },
                { LEAVE_LIFETIME, 9 },
                { LEAVE_CPU, 9 },
                { LEAVE_TIME, time_form_width(lines->time_form) + 1 },
        };
        size_t needed = time_form_width(lines->time_form) + LINE_WIDTH;

        lines->left_out = 0;
        lines->name_gives = 0;
        lines->line.cut = width != 0;
        if (lines->threads)
                needed += LINE_ID_WIDTH;
        if (lines->names)
                needed += LINE_NAME_WIDTH;
        if (lines->arguments)
                needed += LINE_ARGUMENTS_WIDTH;
        for (size_t i = 0; width && needed > width && i < sizeof(order) / sizeof(*order); ++i) {
                lines->left_out |= order[i].column;
                needed -= order[i].width + (i == 0 && lines->arguments ? LINE_STATUS_GIVES : 0);
        }
        if (width && needed > width)
                lines->name_gives = lines->names ? (needed - width + 1) / 2 : needed - width;
        if (lines->name_gives > NAME_GIVES_MAX)
                lines->name_gives = NAME_GIVES_MAX;
}

/**
 * event_lines_header() - write the names of the columns
 * @lines:      output: its line
 */
void event_lines_header(EventLines *lines) {
        line_begin(&lines->line);
        line_colour(&lines->line, COLOUR_HEADER);
        if (event_lines_has(lines, LEAVE_TIME))
                line_cell(&lines->line, "TIME", -(int)time_form_width(lines->time_form));
        line_cell(&lines->line, "KIND", WIDTH_KIND);
        line_cell(&lines->line, "PID", WIDTH_ID);
        if (lines->threads)
                line_cell(&lines->line, "TID", WIDTH_ID);
        if (event_lines_has(lines, LEAVE_PPID))
                line_cell(&lines->line, "PPID", WIDTH_ID);
        if (event_lines_has(lines, LEAVE_USER))
                line_cell(&lines->line, "USER", WIDTH_USER);
        line_cell(&lines->line, "NAME", NAME_WIDTH(lines));
        if (lines->names)
                line_cell(&lines->line, "PARENT", NAME_WIDTH(lines));
        if (event_lines_has(lines, LEAVE_LIFETIME))
                line_cell(&lines->line, "LIFETIME", WIDTH_LIFETIME);
        if (event_lines_has(lines, LEAVE_CPU))
                line_cell(&lines->line, "CPU", WIDTH_CPU);
        if (event_lines_has(lines, LEAVE_IO)) {
                line_cell(&lines->line, "READ", WIDTH_BYTES);
                line_cell(&lines->line, "WRITTEN", WIDTH_BYTES);
        }
        if (event_lines_has(lines, LEAVE_PEAKMEM))
                line_cell(&lines->line, "PEAKMEM", WIDTH_BYTES);
        line_cell(&lines->line, "STATUS", event_lines_status_width(lines, !lines->arguments));
        if (lines->arguments)
                line_cell(&lines->line, "ARGUMENTS", 0);
        line_colour(&lines->line, LINE_COLOUR_OFF);
        line_end(&lines->line);
}

/*
 * The lifetime of the process, or of the thread. The kernel's own figure is the best.
 * Kernels before 5.18 (taskstats 12) have none for processes, whose last thread may be
 * younger than the process.
 */
static bool exit_lifetime(const struct tb_event *event, const struct tb_task_stats *stats, uint64_t *ret_ns) {
        bool process = event->exit.process_ended;

        if (stats && stats->groups & TB_STATS_BIT(TB_STATS_IDENTITY)) {
                uint64_t us = process && stats->identity.ac_tgetime_us ? stats->identity.ac_tgetime_us
                                                                        : stats->identity.ac_etime_us;

                return !__builtin_mul_overflow(us, UINT64_C(1000), ret_ns);
        }

        /* A synthesised exit has the time when the broker noticed it. */
        *ret_ns = event->time_ns - event->start_time_ns;
        return event->start_time_ns && !event->synthesised &&
               event->start_time_ns <= event->time_ns && (!process || event->pid == event->tid);
}

static void event_lines_exit(EventLines *lines, const struct tb_event *event) {
        const struct tb_termination *termination;
        const struct tb_task_stats *stats;
        char text[FORMAT_MAX];
        bool cpu, io, memory, failed, least;
        uint64_t ns, peak;

        stats = event->exit.process_ended ? event->exit.process_stats : event->exit.stats;
        termination = event->exit.process_ended ? &event->exit.process_termination : &event->exit.termination;
        cpu = stats && stats->groups & TB_STATS_BIT(TB_STATS_CPU);
        io = stats && stats->groups & TB_STATS_BIT(TB_STATS_IO);

        /* A task of user space has no peak of 0: the kernel reports it if it did not count the memory. */
        memory = stats && stats->groups & TB_STATS_BIT(TB_STATS_MEMORY) && stats->memory.hiwater_rss_kib;
        if (!memory || __builtin_mul_overflow(stats->memory.hiwater_rss_kib, UINT64_C(1024), &peak))
                peak = UINT64_MAX;

        if (event_lines_has(lines, LEAVE_LIFETIME))
                line_cell(&lines->line, exit_lifetime(event, stats, &ns) ? format_duration(text, ns) : "-",
                          WIDTH_LIFETIME);
        if (event_lines_has(lines, LEAVE_CPU))
                line_cell_total(&lines->line, cpu ? format_duration(text, stats->cpu.cpu_run_virtual_total_ns) : NULL,
                                cpu && stats->tasks_missing, WIDTH_CPU);
        if (event_lines_has(lines, LEAVE_IO)) {
                least = io && (stats->tasks_missing || stats->tasks_unseen);
                line_cell_total(&lines->line, io ? format_bytes(text, stats->io.read_bytes) : NULL, least, WIDTH_BYTES);
                line_cell_total(&lines->line, io ? format_bytes(text, stats->io.write_bytes) : NULL, least,
                                WIDTH_BYTES);
        }
        if (event_lines_has(lines, LEAVE_PEAKMEM))
                line_cell(&lines->line, memory ? format_bytes(text, peak) : "-", WIDTH_BYTES);

        failed = termination->known && (termination->exit_code || termination->term_signal);
        line_cell_coloured(&lines->line, format_termination(text, termination),
                           event_lines_status_width(lines, !event->exit.program || !lines->arguments),
                           failed ? COLOUR_FAILED : NULL);
}

/*
 * Writes the command line at the end of the line. It is cut at the right edge of the
 * terminal: of the row that the line has reached, if its columns take several rows.
 */
static void event_lines_arguments(EventLines *lines, const struct tb_program *program) {
        static char text[CMDLINE_TEXT_MAX], fitted[CMDLINE_TEXT_MAX];
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

        line_add(&lines->line, " ");
        if (lines->width)
                room = lines->width - line_columns(&lines->line) % lines->width;
        text_fit(fitted, sizeof(fitted), text, room, TEXT_LINE);
        line_add(&lines->line, "%s", fitted);
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

static void event_lines_details(EventLines *lines, const struct tb_event *event) {
        bool known = !event->task_unknown;

        switch (event->kind) {
        case TB_KIND_FORK:
                if (event->tid != event->pid)
                        line_add(&lines->line, " a thread");
                break;
        case TB_KIND_EXIT:
                event_lines_exit(lines, event);
                break;
        case TB_KIND_COMM:
                line_add(&lines->line, " was called");
                line_cell_name(&lines->line, event->comm_change.old_comm,
                               event->comm_change.old_comm[0] || (known && !event->synthesised), false, 0);
                break;
        case TB_KIND_UID:
        case TB_KIND_GID:
                line_add(&lines->line, " real %" PRIu32 ", effective %" PRIu32, event->credentials.real_id,
                         event->credentials.effective_id);
                break;
        case TB_KIND_SID:
                line_add(&lines->line, " leads a new session");
                break;
        case TB_KIND_PTRACE:
                if (event->ptrace.tracer_pid)
                        line_add(&lines->line, " traced by %" PRIu32, event->ptrace.tracer_pid);
                else
                        line_add(&lines->line, " no longer traced");
                break;
        case TB_KIND_COREDUMP:
                line_add(&lines->line, " dumps core");
                break;
        default:
                break;
        }

        line_add(&lines->line, "%s%s", event->synthesised ? " (synthesised)" : "",
                 event->left_filter ? " (leaves the filter)" : "");
        if (event->kind == TB_KIND_EXEC)
                event_lines_arguments(lines, event->exec.program);
        if (event->kind == TB_KIND_EXIT)
                event_lines_arguments(lines, event->exit.program);
}

static void event_lines_identity(EventLines *lines, const char *comm, bool stale, uint32_t uid, bool known,
                                 bool uid_known) {
        if (event_lines_has(lines, LEAVE_USER))
                line_cell_cut(&lines->line, uid_known || uid ? users_name(lines->users, uid) : "-", WIDTH_USER);
        line_cell_name(&lines->line, comm, known || comm[0], stale, NAME_WIDTH(lines));
}

static void event_lines_parent(EventLines *lines, const struct tb_process_id *parent) {
        const char *comm;
        bool stale;

        if (!lines->names)
                return;
        comm = process_names_find(lines->names, parent, &stale);
        line_cell_name(&lines->line, comm, comm, stale, NAME_WIDTH(lines));
}

static void event_lines_ids(EventLines *lines, uint32_t pid, uint32_t tid, uint32_t ppid, bool known) {
        line_cell_number(&lines->line, pid, pid != 0, WIDTH_ID);
        if (lines->threads)
                line_cell_number(&lines->line, tid, tid != 0, WIDTH_ID);
        if (event_lines_has(lines, LEAVE_PPID))
                line_cell_number(&lines->line, ppid, known || ppid != 0, WIDTH_ID);
}

/**
 * event_lines_event() - write an event as a line
 * @lines:      output: its line
 * @event:      the event
 */
void event_lines_event(EventLines *lines, const struct tb_event *event) {
        struct tb_process_id parent = process_names_parent_of_event(event);
        bool known = !event->task_unknown;

        line_begin(&lines->line);
        if (event->kind == TB_KIND_LOSS)
                line_colour(&lines->line, COLOUR_LOSS);
        if (event->kind == TB_KIND_LOSS || event_lines_has(lines, LEAVE_TIME))
                event_lines_time(lines, event->time_ns);
        if (event->kind == TB_KIND_LOSS) {
                line_cell(&lines->line, "LOSS", WIDTH_KIND);
                loss_line_add(&lines->line, event, lines->time_form);
                line_colour(&lines->line, LINE_COLOUR_OFF);
                line_end(&lines->line);
                return;
        }

        line_cell_coloured(&lines->line, tb_kind_name(event->kind), WIDTH_KIND, event_lines_kind_colour(event));
        event_lines_ids(lines, event->pid, event->tid, event->ppid, event->maker.known);
        event_lines_identity(lines, event->comm, event->comm_stale, event->uid, known,
                             known || event->kind == TB_KIND_UID);
        event_lines_parent(lines, &parent);
        event_lines_details(lines, event);
        line_end(&lines->line);
}

/**
 * event_lines_task() - write a task of the snapshot as a line
 * @lines:      output: its line
 * @task:       the task
 * @now_ns:     the time, since the epoch: a start of today is written as a time of day
 */
void event_lines_task(EventLines *lines, const struct tb_task *task, uint64_t now_ns) {
        int width = -(int)time_form_width(lines->time_form);
        bool known = !task->task_unknown;
        char text[FORMAT_MAX];

        line_begin(&lines->line);
        if (!event_lines_has(lines, LEAVE_TIME))
                ;
        else if (task->start_time_ns && lines->time_form == TIME_FORM_TIME)
                line_cell(&lines->line, format_begin(text, task->start_time_ns, now_ns), width);
        else if (task->start_time_ns)
                event_lines_time(lines, task->start_time_ns);
        else
                line_cell(&lines->line, "-", width);
        line_cell(&lines->line, "task", WIDTH_KIND);
        event_lines_ids(lines, task->pid, task->tid, task->ppid, task->parent.known);
        event_lines_identity(lines, task->comm, task->comm_stale, task->uid, known, known);
        event_lines_parent(lines, &task->parent);
        if (task->tasks > 1)
                line_add(&lines->line, " (%" PRIu32 " threads)", task->tasks);
        if (task->kernel_thread)
                line_add(&lines->line, " (of the kernel)");
        else
                event_lines_arguments(lines, task->program);
        line_end(&lines->line);
}

/**
 * event_lines_snapshot_end() - write that the snapshot is complete
 * @lines:      output: its line
 * @end:        the snapshot's end
 */
void event_lines_snapshot_end(EventLines *lines, const struct tb_snapshot_end *end) {
        const char *noun = lines->threads ? end->tasks == 1 ? "task is" : "tasks are"
                                          : end->tasks == 1 ? "process is" : "processes are";
        char text[FORMAT_MAX];

        line_begin(&lines->line);
        event_lines_time(lines, end->time_ns);
        line_cell(&lines->line, "snapshot", WIDTH_KIND);
        line_add(&lines->line, " %s %s alive; from here on, what happens", format_count(text, end->tasks), noun);
        line_end(&lines->line);
}

/**
 * event_lines_link() - write the state of the connection
 * @lines:      output: its line
 * @link:       the state, from the library
 * @now_ns:     the time, since the epoch
 */
void event_lines_link(EventLines *lines, const struct tb_link *link, uint64_t now_ns) {
        char text[CONNECTION_TEXT_MAX], escaped[TEXT_ESCAPED_MAX(CONNECTION_TEXT_MAX)];

        text_escape(escaped, sizeof(escaped), connection_describe(text, link, now_ns), TEXT_FOR_TERMINAL);

        line_begin(&lines->line);
        line_colour(&lines->line, link->state == TB_LINK_RESUMED ? COLOUR_BORN : COLOUR_LOSS);
        event_lines_time(lines, now_ns);
        line_cell(&lines->line, "LINK", WIDTH_KIND);
        line_add(&lines->line, " *** %s ***", escaped);
        line_colour(&lines->line, LINE_COLOUR_OFF);
        line_end(&lines->line);
}
