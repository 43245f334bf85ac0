/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events and tasks of a snapshot, applied to the table of processes.
 *
 * The exit of a process has nearly all that is recorded. Earlier events make the row of a
 * process that still runs. A process is its number and its start: a number alone never finds
 * a row. Called by record.c for each message.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/db/db_schema.h"
#include "clients/cli/record/record_events.h"

/* A start that was read in /proc is rounded down to a tick. */
#define EVENTS_TICK_NS 10000000u

static int events_text(RecordWriter *writer, const char *bytes, size_t n, uint64_t *ret_id) {
        *ret_id = 0;
        return n ? record_strings_find(&writer->strings, bytes, n, record_writer_now(writer), ret_id) : 0;
}

static int events_comm(RecordWriter *writer, RecordRow *row, const char *comm, bool stale) {
        row->flags = stale ? row->flags | DB_FLAG_COMM_STALE : row->flags & ~(uint32_t)DB_FLAG_COMM_STALE;
        return *comm ? events_text(writer, comm, strlen(comm), &row->comm) : 0;
}

static uint8_t events_program_missing(enum tb_program_state state) {
        switch (state) {
        case TB_PROGRAM_CAPTURED:
                return 0;
        case TB_PROGRAM_LATE:
                return DB_PROGRAM_LATE;
        case TB_PROGRAM_SKIPPED:
                return DB_PROGRAM_SKIPPED;
        default:
                return DB_PROGRAM_UNKNOWN;
        }
}

static int events_args(RecordWriter *writer, RecordRow *row, const struct tb_program *program) {
        static char text[CMDLINE_TEXT_MAX];

        return events_text(writer, text, cmdline_text(text, program), &row->args);
}

static int events_program(RecordWriter *writer, RecordRow *row, const struct tb_program *program) {
        int r = 0;

        row->args = row->exe = 0;
        row->program_missing = program ? events_program_missing(program->state) : DB_PROGRAM_UNKNOWN;
        row->exe_missing = row->program_missing;
        if (!program)
                return 0;

        row->flags = program->truncated ? row->flags | DB_FLAG_TRUNCATED : row->flags & ~(uint32_t)DB_FLAG_TRUNCATED;
        if (!row->program_missing) {
                r = events_args(writer, row, program);
                row->exe_missing = program->exe_withheld ? DB_PROGRAM_WITHHELD
                                   : program->n_exe      ? 0
                                                         : DB_PROGRAM_UNREADABLE;
        }
        if (r == 0 && !row->exe_missing)
                r = events_text(writer, program->exe, program->n_exe, &row->exe);
        if (r == 0 && program->n_cgroup)
                r = record_strings_find(&writer->cgroups, program->cgroup, program->n_cgroup,
                                        record_writer_now(writer), &row->cgroup);

        return r;
}

static RecordId events_relative(const RecordWriter *writer, const struct tb_process_id *id) {
        return (RecordId){
                .known = id->known,
                .pid = id->pid,
                .start_ns = record_writer_start(writer, id->start_boot_ns),
        };
}

static bool events_same_start(const RecordRow *row, uint64_t start_ns, bool seeded) {
        uint64_t difference = row->start_ns > start_ns ? row->start_ns - start_ns : start_ns - row->start_ns;

        if (!row->start_ns || !start_ns || difference == 0)
                return true;
        return difference < EVENTS_TICK_NS && (seeded || row->flags & DB_FLAG_SEEDED);
}

/* Its end was not seen. It ended at @time_ns at the latest. */
static void events_end_unseen(RecordTable *table, RecordRow *row, uint64_t time_ns) {
        row->end_ns = time_ns;
        row->end_missing = DB_END_HOLE;
        record_table_end(table, row);
}

/* The row of the process. A row of an earlier process with the number ends, because two processes cannot have it. */
static RecordRow *events_row(RecordTable *table, uint32_t pid, uint64_t start_ns, bool seeded, uint64_t time_ns) {
        RecordRow *row = record_table_find(table, pid);

        if (row && !events_same_start(row, start_ns, seeded)) {
                events_end_unseen(table, row, time_ns);
                row = NULL;
        }
        if (!row) {
                row = record_table_add(table, pid);
                if (!row)
                        return NULL;
                row->flags = DB_FLAG_FORK_UNSEEN;
                row->program_missing = row->exe_missing = DB_PROGRAM_NOT_ASKED;
        }
        if (!row->start_ns)
                row->start_ns = start_ns;
        row->changed = true;

        return row;
}

/* A child runs the program of its parent until its own exec. */
static void events_inherit(RecordTable *table, RecordRow *row) {
        const RecordRow *maker = row->maker.known ? record_table_find(table, row->maker.pid) : NULL;

        if (!maker || !row->maker.start_ns || maker->start_ns != row->maker.start_ns)
                return;
        row->args = maker->args;
        row->exe = maker->exe;
        row->cgroup = maker->cgroup;
        row->program_missing = maker->program_missing;
        row->exe_missing = maker->exe_missing;
        row->flags |= maker->flags & DB_FLAG_TRUNCATED;
}

static void events_flag(RecordRow *row, uint32_t flag, bool value) {
        if (value)
                row->flags |= flag;
}

static void events_set_common(RecordWriter *writer, RecordRow *row, const struct tb_event *event) {
        row->uid_known = !event->task_unknown || event->uid;
        row->uid = event->uid;
        row->maker = events_relative(writer, &event->maker);
        row->parent = events_relative(writer, &event->parent);
        events_flag(row, DB_FLAG_RESTRICTED, event->restricted);
        events_flag(row, DB_FLAG_TASK_UNKNOWN, event->task_unknown);
}

static int events_add_exit(RecordWriter *writer, RecordTable *table, RecordRow *row, const struct tb_event *event) {
        const struct tb_task_stats *stats = event->exit.stats;
        int r;

        if (stats) {
                row->stats = malloc(sizeof(*stats));
                if (!row->stats)
                        return -ENOMEM;
                *row->stats = *stats;
                events_flag(row, DB_FLAG_TASKS_UNSEEN, stats->tasks_unseen);
        }
        row->stats_missing = (uint8_t)event->exit.stats_missing;
        row->termination = event->exit.process_ended ? event->exit.process_termination : event->exit.termination;
        row->end_ns = record_writer_time(writer, event->time_ns);
        row->number = event->number;
        events_flag(row, DB_FLAG_SYNTHESISED, event->synthesised);
        r = events_program(writer, row, event->exit.program);
        record_table_end(table, row);

        return r;
}

static int events_add_loss(RecordWriter *writer, const struct tb_event *event) {
        static const char *const missing[] = {
                [TB_LOSS_MISSING_NONE] = "none",
                [TB_LOSS_MISSING_POSSIBLE] = "possible",
                [TB_LOSS_MISSING_COUNTED] = "counted",
        };
        RecordLoss *loss = record_writer_add_loss(writer);
        unsigned int value = (unsigned int)event->loss.missing;

        loss->source = tb_loss_source_name(event->loss.source);
        loss->reason = tb_loss_reason_name(event->loss.reason);
        loss->missing = value <= TB_LOSS_MISSING_COUNTED && missing[value] ? missing[value] : "possible";
        loss->number = event->number;
        loss->since_ns = record_writer_time(writer, event->loss.since_time_ns);
        loss->time_ns = record_writer_time(writer, event->time_ns);
        loss->count_known = event->loss.count_known;
        loss->count = event->loss.count;
        loss->at_least = event->loss.at_least;

        return 0;
}

static int events_apply(RecordWriter *writer, RecordTable *table, RecordRow *row, const struct tb_event *event) {
        int r;

        switch (event->kind) {
        case TB_KIND_FORK:
                row->flags &= ~(uint32_t)DB_FLAG_FORK_UNSEEN;
                events_inherit(table, row);
                return events_comm(writer, row, event->comm, event->comm_stale);
        case TB_KIND_EXEC:
                r = events_comm(writer, row, event->comm, event->comm_stale);
                return r == 0 ? events_program(writer, row, event->exec.program) : r;
        case TB_KIND_UID:
                row->uid = event->credentials.real_id;
                row->uid_known = true;
                return 0;
        case TB_KIND_EXIT:
                r = events_comm(writer, row, event->comm, event->comm_stale);
                return r == 0 ? events_add_exit(writer, table, row, event) : r;
        default:
                return events_comm(writer, row, event->comm, event->comm_stale);
        }
}

/**
 * record_events_add() - apply an event
 * @writer:     gives texts their numbers, and takes losses
 * @table:      the processes
 * @event:      the event, of a stream without threads
 *
 * Return: 0, or a negative errno: -ENOMEM, or a failure of the database.
 */
int record_events_add(RecordWriter *writer, RecordTable *table, const struct tb_event *event) {
        uint64_t time_ns = record_writer_time(writer, event->time_ns);
        RecordRow *row;

        writer->stream.next_number = event->number + 1;
        if (time_ns > writer->stream.end_ns)
                writer->stream.end_ns = time_ns;
        if (event->kind == TB_KIND_LOSS) {
                if (event->loss.source == TB_LOSS_SOURCE_READER)
                        writer->stream.next_number = event->number + event->loss.count;
                return events_add_loss(writer, event);
        }
        row = events_row(table, event->pid, record_writer_start(writer, event->start_boot_ns), false, time_ns);
        if (!row)
                return -ENOMEM;
        events_set_common(writer, row, event);

        return events_apply(writer, table, row, event);
}

/* Applies a task of the snapshot, which has the number @snapshot. Return: As record_events_add(). */
int record_events_add_task(RecordWriter *writer, RecordTable *table, const struct tb_task *task, uint32_t snapshot) {
        RecordRow *row = events_row(table, task->pid, record_writer_start(writer, task->start_boot_ns), task->seeded,
                                    record_writer_now(writer));
        int r;

        if (!row)
                return -ENOMEM;
        row->seen = snapshot;
        row->uid_known = !task->task_unknown || task->uid;
        row->uid = task->uid;
        row->maker = events_relative(writer, &task->maker);
        row->parent = events_relative(writer, &task->parent);
        events_flag(row, DB_FLAG_SEEDED, task->seeded);
        events_flag(row, DB_FLAG_KERNEL_THREAD, task->kernel_thread);
        events_flag(row, DB_FLAG_TASK_UNKNOWN, task->task_unknown);
        r = events_comm(writer, row, task->comm, task->comm_stale);

        return r == 0 ? events_program(writer, row, task->program) : r;
}

/**
 * record_events_end_snapshot() - end the processes that the snapshot does not have
 * @table:      the processes
 * @snapshot:   the number of the snapshot
 * @time_ns:    the time of the snapshot, on the scale of the database
 * @loss:       output: the numbers of processes that ended, and that are new
 */
void record_events_end_snapshot(RecordTable *table, uint32_t snapshot, uint64_t time_ns, RecordLoss *loss) {
        RecordRow *row = record_table_next(table, NULL), *next;

        for (; row; row = next) {
                next = record_table_next(table, row);
                if (row->seen == snapshot) {
                        loss->found_alive += row->id == 0;
                        continue;
                }
                events_end_unseen(table, row, time_ns);
        }
        for (row = table->ended; row; row = row->next)
                loss->ended_unseen += row->end_missing == DB_END_HOLE;
}
