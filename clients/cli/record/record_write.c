/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The transactions of a recorder. Each has all that came since the one before, and the
 * place in the stream from which a later recorder goes on.
 *
 * Nothing is forgotten before it is committed: a transaction that fails is made again from
 * the same rows. Called by record.c.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/db/db_file.h"
#include "clients/cli/db/db_schema.h"
#include "clients/cli/record/record_write.h"

/* A smaller difference of the wall clock comes from reading two clocks. */
#define WRITE_STEP_NS 10000000

#define FIELD_PLACE(...) ",?"
#define DELAY_PLACE(...) ",?,?,?,?,?"

static const char process_sql[] =
        "REPLACE INTO process VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
        DB_STATS_FIELDS(FIELD_PLACE) TASKSTATS_DELAYS(DELAY_PLACE) ")";
static const char stream_sql[] = "REPLACE INTO stream VALUES (?,?,?,?,?,?,?,?,?,?,?,?,'" TASKBROKER_VERSION "')";
static const char loss_sql[] = "INSERT INTO loss (boot, stream, number, since_ns, time_ns, count, at_least, source,"
                               " reason, missing, ended_unseen, found_alive, forks_at_most)"
                               " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)";
static const char boot_sql[] = "INSERT INTO boot (id, boot_id, epoch_ns, begin_ns, end_ns) VALUES (?1,?2,?3,?4,?5)"
                               " ON CONFLICT (id) DO UPDATE SET end_ns = ?5";
static const char step_sql[] = "REPLACE INTO clock_step (boot, from_ns, step_ns) VALUES (?,?,?)";

static const char *const access_names[] = {
        [TB_ACCESS_UNKNOWN] = "unknown",
        [TB_ACCESS_ALL] = "all",
        [TB_ACCESS_OWN] = "own",
        [TB_ACCESS_OWN_ONLY] = "own only",
};

/* The rights by their name in the database. */
enum tb_access record_writer_access(const char *name) {
        for (size_t i = 0; i < sizeof(access_names) / sizeof(*access_names); ++i)
                if (name && strcmp(access_names[i], name) == 0)
                        return (enum tb_access)i;

        return TB_ACCESS_UNKNOWN;
}

static const char *access_name(enum tb_access access) {
        return access <= TB_ACCESS_OWN_ONLY ? access_names[access] : access_names[TB_ACCESS_UNKNOWN];
}

/* A time of the broker's messages on the scale of the database; 0 stays 0. */
uint64_t record_writer_time(const RecordWriter *writer, uint64_t time_ns) {
        return time_ns ? clock_to_boot_ns(time_ns) + writer->epoch_ns : 0;
}

uint64_t record_writer_start(const RecordWriter *writer, uint64_t start_boot_ns) {
        return start_boot_ns ? start_boot_ns + writer->epoch_ns : 0;
}

uint64_t record_writer_now(const RecordWriter *writer) { return clock_now_boot_ns() + writer->epoch_ns; }

int record_writer_open(RecordWriter *writer, const char *path) {
        int r;

        *writer = (RecordWriter){ 0 };
        r = db_file_open_write(&writer->db, path);
        if (r == 0)
                r = record_strings_init(&writer->strings, &writer->db, false);
        if (r == 0)
                r = record_strings_init(&writer->cgroups, &writer->db, true);
        if (r == 0)
                r = db_prepare(&writer->db, process_sql, &writer->process);
        if (r == 0)
                r = db_prepare(&writer->db, stream_sql, &writer->stream_row);
        if (r == 0)
                r = db_prepare(&writer->db, loss_sql, &writer->loss);
        if (r == 0)
                r = db_prepare(&writer->db, boot_sql, &writer->boot_row);
        if (r == 0)
                r = db_prepare(&writer->db, step_sql, &writer->step);

        return r;
}

void record_writer_close(RecordWriter *writer) {
        record_strings_deinit(&writer->strings);
        record_strings_deinit(&writer->cgroups);
        db_finalize(writer->process);
        db_finalize(writer->stream_row);
        db_finalize(writer->loss);
        db_finalize(writer->boot_row);
        db_finalize(writer->step);
        db_close(&writer->db);
}

/* The first Welcome of a boot decides its scale. */
void record_writer_set_welcome(RecordWriter *writer, const struct tb_welcome *welcome) {
        if (writer->epoch_ns)
                return;
        writer->epoch_ns = (uint64_t)welcome->boot_epoch_ns;
        writer->begin_ns = record_writer_now(writer);
}

/* The broker accepted the subscription. */
void record_writer_begin_stream(RecordWriter *writer, const struct tb_welcome *welcome,
                                const struct tb_subscribed *subscribed) {
        RecordStream *stream = &writer->stream;
        uint64_t now = record_writer_now(writer);

        if (subscribed->resumed && stream->id)
                return;
        *stream = (RecordStream){
                .id = ++writer->last_stream,
                .epoch = welcome->epoch,
                .feed = subscribed->feed,
                .next_number = subscribed->next_number,
                .begin_ns = now,
                .end_ns = now,
                .uid = welcome->uid,
                .access = welcome->access,
        };
        snprintf(stream->broker_version, sizeof(stream->broker_version), "%s", welcome->broker_version);
        snprintf(stream->kernel_release, sizeof(stream->kernel_release), "%s", welcome->kernel_release);
}

/* Room for a loss, zeroed. The last is used again if there is no room: the caller writes before that. */
RecordLoss *record_writer_add_loss(RecordWriter *writer) {
        RecordLoss *loss;

        if (writer->n_losses < RECORD_LOSSES_MAX)
                ++writer->n_losses;
        loss = writer->losses + writer->n_losses - 1;
        *loss = (RecordLoss){ 0 };

        return loss;
}

/* A peak of 0 is not known: a kernel thread has no memory of its own, and the peak of a zombie is lost. */
static bool stats_is_peak(const char *name) { return strncmp(name, "hiwater_", strlen("hiwater_")) == 0; }

static int bind_stats(struct sqlite3_stmt *to, int at, const struct tb_task_stats *stats) {
        static const struct tb_task_stats none;
        bool delays;

        if (!stats)
                stats = &none;
#define BIND_FIELD(group, name, type, offset, offset_v15, since, total)                                                \
        db_bind_known(to, at++, (uint64_t)stats->group.name,                                                           \
                      known && stats->taskstats_version >= (since) && (stats->group.name || !stats_is_peak(#name)));
#define BIND_GROUP(group, GROUP)                                                                                       \
        {                                                                                                              \
                bool known = stats->groups & TB_STATS_BIT(TB_STATS_##GROUP);                                           \
                TASKSTATS_##GROUP##_FIELDS(BIND_FIELD)                                                                 \
        }
        BIND_GROUP(cpu, CPU)
        BIND_GROUP(memory, MEMORY)
        BIND_GROUP(memory_integrals, MEMORY_INTEGRALS)
        BIND_GROUP(scheduling, SCHEDULING)
        BIND_GROUP(io, IO)
        BIND_GROUP(executable, EXECUTABLE)
        delays = stats->groups & (TB_STATS_BIT(TB_STATS_CPU_DELAY) | TB_STATS_BIT(TB_STATS_DELAYS));
#define BIND_DELAY(name, ...)                                                                                          \
        {                                                                                                              \
                const struct tb_delay *delay = &stats->delays.name;                                                    \
                bool known = delays && delay->known;                                                                   \
                db_bind_known(to, at++, delay->count, known);                                                          \
                db_bind_known(to, at++, delay->total_ns, known);                                                       \
                db_bind_known(to, at++, delay->max_ns, known && delay->peak_known);                                    \
                db_bind_known(to, at++, delay->min_ns, known && delay->peak_known);                                    \
                db_bind_known(to, at++, delay->max_time_ns, known && delay->max_time_ns);                              \
        }
        TASKSTATS_DELAYS(BIND_DELAY)

        return at;
}

static int bind_relative(struct sqlite3_stmt *to, int at, const RecordId *id) {
        db_bind_known(to, at++, id->pid, id->known);
        db_bind_known(to, at++, id->start_ns, id->known && id->start_ns);
        return at;
}

/* Times of zero are not known, and ids of zero are no text. */
static int bind_nonzero(struct sqlite3_stmt *to, int at, uint64_t number) {
        db_bind_known(to, at, number, number != 0);
        return at + 1;
}

static unsigned int row_class(const RecordRow *row) {
        if (!row->end_ns)
                return DB_CLASS_RUNNING;
        if (!row->start_ns)
                return DB_CLASS_NO_START;

        return db_schema_class(row->end_ns > row->start_ns ? row->end_ns - row->start_ns : 0);
}

static int bind_program(struct sqlite3_stmt *to, int at, const RecordRow *row) {
        at = bind_nonzero(to, at, row->comm);
        at = bind_nonzero(to, at, row->args);
        at = bind_nonzero(to, at, row->exe);
        at = bind_nonzero(to, at, row->cgroup);
        at = bind_nonzero(to, at, row->program_missing);
        return bind_nonzero(to, at, row->exe_missing);
}

static int bind_end(struct sqlite3_stmt *to, int at, const RecordRow *row) {
        const struct tb_termination *termination = &row->termination;
        const struct tb_task_stats *stats = row->stats;

        /* A killed task has no exit code. */
        db_bind_known(to, at++, termination->exit_code, termination->known && !termination->term_signal);
        db_bind_known(to, at++, termination->term_signal, termination->known);
        db_bind_known(to, at++, termination->core_dumped, termination->known);
        at = bind_nonzero(to, at, termination->missing);
        at = bind_nonzero(to, at, row->stats_missing);
        db_bind_known(to, at++, stats ? stats->groups : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->unsupported_groups : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->uncounted_groups : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->withheld_groups : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->taskstats_version : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->tasks : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->tasks_missing : 0, stats != NULL);
        db_bind_known(to, at++, stats ? stats->identity.ac_gid : 0,
                      stats && stats->groups & TB_STATS_BIT(TB_STATS_IDENTITY));

        return bind_stats(to, at, stats);
}

static int writer_write_row(RecordWriter *writer, RecordRow *row) {
        struct sqlite3_stmt *to = writer->process;
        int at = 1;

        if (!row->id)
                row->id = ++writer->last_process;
        db_bind_number(to, at++, row->id);
        db_bind_number(to, at++, writer->boot);
        db_bind_number(to, at++, row->pid);
        db_bind_number(to, at++, row_class(row));
        at = bind_nonzero(to, at, row->start_ns);
        at = bind_nonzero(to, at, row->end_ns);
        db_bind_known(to, at++, writer->stream.id, row->number != 0);
        at = bind_nonzero(to, at, row->number);
        db_bind_number(to, at++, row->flags);
        at = bind_nonzero(to, at, row->end_missing);
        at = bind_relative(to, at, &row->maker);
        at = bind_relative(to, at, &row->parent);
        db_bind_known(to, at++, row->uid, row->uid_known);
        at = bind_program(to, at, row);
        bind_end(to, at, row);

        return db_run(&writer->db, to);
}

static int writer_write_rows(RecordWriter *writer, RecordTable *table) {
        int r = 0;

        for (RecordRow *row = table->ended; row && r == 0; row = row->next)
                r = writer_write_row(writer, row);
        for (RecordRow *row = record_table_next(table, NULL); row && r == 0; row = record_table_next(table, row))
                if (row->changed)
                        r = writer_write_row(writer, row);

        return r;
}

static int writer_write_loss(RecordWriter *writer, const RecordLoss *loss) {
        struct sqlite3_stmt *to = writer->loss;

        db_bind_number(to, 1, writer->boot);
        db_bind_known(to, 2, writer->stream.id, writer->stream.id != 0);
        bind_nonzero(to, 3, loss->number);
        bind_nonzero(to, 4, loss->since_ns);
        db_bind_number(to, 5, loss->time_ns);
        db_bind_known(to, 6, loss->count, loss->count_known);
        db_bind_number(to, 7, loss->at_least);
        db_bind_text(to, 8, loss->source, strlen(loss->source));
        db_bind_text(to, 9, loss->reason, strlen(loss->reason));
        db_bind_text(to, 10, loss->missing, strlen(loss->missing));
        db_bind_known(to, 11, loss->ended_unseen, loss->hole);
        db_bind_known(to, 12, loss->found_alive, loss->hole);
        db_bind_known(to, 13, loss->forks_at_most, loss->forks_known);

        return db_run(&writer->db, to);
}

static int writer_write_stream(RecordWriter *writer) {
        const RecordStream *stream = &writer->stream;
        struct sqlite3_stmt *to = writer->stream_row;
        const char *access = access_name(stream->access);

        if (!stream->id)
                return 0;
        db_bind_number(to, 1, stream->id);
        db_bind_number(to, 2, writer->boot);
        db_bind_number(to, 3, stream->epoch);
        db_bind_number(to, 4, stream->feed);
        db_bind_number(to, 5, stream->next_number);
        db_bind_number(to, 6, stream->begin_ns);
        db_bind_number(to, 7, stream->end_ns);
        bind_nonzero(to, 8, stream->forks);
        db_bind_number(to, 9, stream->uid);
        db_bind_text(to, 10, access, strlen(access));
        db_bind_text(to, 11, stream->broker_version, strlen(stream->broker_version));
        db_bind_text(to, 12, stream->kernel_release, strlen(stream->kernel_release));

        return db_run(&writer->db, to);
}

static int writer_write_boot(RecordWriter *writer) {
        db_bind_number(writer->boot_row, 1, writer->boot);
        db_bind_text(writer->boot_row, 2, writer->boot_id, strlen(writer->boot_id));
        db_bind_number(writer->boot_row, 3, writer->epoch_ns);
        db_bind_number(writer->boot_row, 4, writer->begin_ns);
        db_bind_number(writer->boot_row, 5, writer->stream.end_ns);

        return db_run(&writer->db, writer->boot_row);
}

/* The wall clock was set: people read the times from then on by another difference. */
static int writer_write_step(RecordWriter *writer, int64_t step_ns) {
        int64_t change_ns = step_ns - writer->step_ns;

        if (writer->step_known && change_ns > -WRITE_STEP_NS && change_ns < WRITE_STEP_NS)
                return 0;
        db_bind_number(writer->step, 1, writer->boot);
        db_bind_number(writer->step, 2, writer->step_known ? record_writer_now(writer) : 0);
        db_bind_number(writer->step, 3, (uint64_t)step_ns);

        return db_run(&writer->db, writer->step);
}

static int writer_write_all(RecordWriter *writer, RecordTable *table, int64_t step_ns) {
        int r;

        r = writer_write_boot(writer);
        if (r == 0)
                r = writer_write_step(writer, step_ns);
        if (r == 0)
                r = record_strings_write(&writer->strings);
        if (r == 0)
                r = record_strings_write(&writer->cgroups);
        if (r == 0)
                r = writer_write_rows(writer, table);
        for (size_t i = 0; i < writer->n_losses && r == 0; ++i)
                r = writer_write_loss(writer, writer->losses + i);
        if (r == 0)
                r = writer_write_stream(writer);

        return r == 0 ? db_exec(&writer->db, "COMMIT") : r;
}

static void writer_written(RecordWriter *writer, RecordTable *table, int64_t step_ns) {
        int64_t change_ns = step_ns - writer->step_ns;

        if (!writer->step_known || change_ns <= -WRITE_STEP_NS || change_ns >= WRITE_STEP_NS)
                writer->step_ns = step_ns;
        writer->step_known = true;
        writer->n_written += table->n_ended;
        writer->n_losses = 0;
        record_strings_written(&writer->strings);
        record_strings_written(&writer->cgroups);
        record_table_free_ended(table);
        for (RecordRow *row = record_table_next(table, NULL); row; row = record_table_next(table, row))
                row->changed = false;
}

/**
 * record_writer_write() - write all that came since the last transaction
 * @writer:     the database; the stream's end_ns and next_number are up to date
 * @table:      the processes; ended ones are freed once they are committed
 *
 * Return: 0, or a negative errno: nothing was written, and the next call writes it.
 */
int record_writer_write(RecordWriter *writer, RecordTable *table) {
        int64_t step_ns = (int64_t)(clock_now_realtime_ns() - record_writer_now(writer));
        char error[sizeof(writer->db.error)];
        int r;

        r = db_exec(&writer->db, "BEGIN IMMEDIATE");
        if (r == 0)
                r = writer_write_all(writer, table, step_ns);
        if (r == 0) {
                writer_written(writer, table, step_ns);
                return 0;
        }

        /* The words of the first failure count. */
        memcpy(error, writer->db.error, sizeof(error));
        if (db_in_transaction(&writer->db))
                (void)db_exec(&writer->db, "ROLLBACK");
        memcpy(writer->db.error, error, sizeof(error));

        return r;
}
