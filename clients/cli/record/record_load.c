/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the writings of an earlier recorder: the boot, the place in the stream, and the processes that
 * ran then.
 *
 * Processes of an earlier boot that still ran are ended here, because they did not outlive
 * their boot. Called once, by record.c, before the subscription.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/db/db_schema.h"
#include "clients/cli/record/record_load.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

static const char loss_of_reboot[] =
        "INSERT INTO loss (boot, since_ns, time_ns, at_least, source, reason, missing, ended_unseen, found_alive)"
        " SELECT p.boot, b.end_ns, b.end_ns, 0, 'recorder', 'reboot', 'possible', count(*), 0"
        " FROM process p JOIN boot b ON b.id = p.boot WHERE p.class = " TEXT(DB_CLASS_RUNNING)
        " AND p.boot <> ?1 GROUP BY p.boot";

/* The end of the recording of its boot is the latest time at which such a process is known to run. */
static const char end_of_reboot[] =
        "UPDATE process SET end_missing = 2, end_ns = max(b.end_ns, coalesce(start_ns, 0)),"
        " class = CASE WHEN start_ns IS NULL THEN " TEXT(DB_CLASS_NO_START)
        " ELSE (SELECT min(class) FROM class WHERE lifetime_ns > max(b.end_ns - start_ns, 0)) END"
        " FROM boot b WHERE b.id = process.boot AND process.class = " TEXT(DB_CLASS_RUNNING)
        " AND process.boot <> ?1";

static int load_boot_id(RecordWriter *writer) {
        ssize_t n;
        int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);

        n = fd < 0 ? -1 : read(fd, writer->boot_id, sizeof(writer->boot_id) - 1);
        if (fd >= 0)
                close(fd);
        if (n <= 0) {
                snprintf(writer->db.error, sizeof(writer->db.error),
                         "The number of this boot cannot be read from " BOOT_ID_PATH ": mount /proc.");
                return -EIO;
        }
        writer->boot_id[n] = 0;
        writer->boot_id[strcspn(writer->boot_id, "\n")] = 0;

        return 0;
}

static int load_boot(RecordWriter *writer) {
        struct sqlite3_stmt *select;
        int64_t last = 0;
        int r;

        r = db_query_number(&writer->db, "SELECT max(id) FROM boot", &last);
        if (r == 0)
                r = db_prepare(&writer->db, "SELECT id, epoch_ns, begin_ns FROM boot WHERE boot_id = ?", &select);
        if (r < 0)
                return r;
        writer->boot = (uint64_t)last + 1;
        db_bind_text(select, 1, writer->boot_id, strlen(writer->boot_id));
        while ((r = db_step(&writer->db, select)) > 0) {
                writer->boot = db_number(select, 0);
                writer->epoch_ns = db_number(select, 1);
                writer->begin_ns = db_number(select, 2);
        }
        db_finalize(select);

        return r;
}

static int load_stream(RecordWriter *writer) {
        RecordStream *stream = &writer->stream;
        struct sqlite3_stmt *select;
        int64_t last = 0;
        int r;

        r = db_query_number(&writer->db, "SELECT max(id) FROM stream", &last);
        writer->last_stream = (uint64_t)last;
        if (r == 0)
                r = db_prepare(&writer->db, "SELECT id, epoch, feed, next_number, begin_ns, end_ns, forks, uid, access,"
                                            " broker_version, kernel_release FROM stream WHERE boot = ?"
                                            " ORDER BY id DESC LIMIT 1", &select);
        if (r < 0)
                return r;
        db_bind_number(select, 1, writer->boot);
        while ((r = db_step(&writer->db, select)) > 0) {
                stream->id = db_number(select, 0);
                stream->epoch = db_number(select, 1);
                stream->feed = db_number(select, 2);
                stream->next_number = db_number(select, 3);
                stream->begin_ns = db_number(select, 4);
                stream->end_ns = db_number(select, 5);
                stream->forks = db_number(select, 6);
                stream->uid = (uint32_t)db_number(select, 7);
                stream->access = record_writer_access(db_text(select, 8).bytes);
                snprintf(stream->broker_version, sizeof(stream->broker_version), "%s", db_text(select, 9).bytes);
                snprintf(stream->kernel_release, sizeof(stream->kernel_release), "%s", db_text(select, 10).bytes);
        }
        db_finalize(select);

        return r;
}

static int load_step(RecordWriter *writer) {
        struct sqlite3_stmt *select;
        int r;

        r = db_prepare(&writer->db, "SELECT step_ns FROM clock_step WHERE boot = ? ORDER BY from_ns DESC LIMIT 1",
                       &select);
        if (r < 0)
                return r;
        db_bind_number(select, 1, writer->boot);
        while ((r = db_step(&writer->db, select)) > 0) {
                writer->step_ns = (int64_t)db_number(select, 0);
                writer->step_known = true;
        }
        db_finalize(select);

        return r;
}

static int load_run(RecordWriter *writer, const char *sql) {
        struct sqlite3_stmt *statement;
        int r = db_prepare(&writer->db, sql, &statement);

        if (r < 0)
                return r;
        db_bind_number(statement, 1, writer->boot);
        r = db_run(&writer->db, statement);
        db_finalize(statement);

        return r;
}

static int load_end_other_boots(RecordWriter *writer) {
        int r;

        r = db_exec(&writer->db, "BEGIN IMMEDIATE");
        if (r == 0)
                r = load_run(writer, loss_of_reboot);
        if (r == 0)
                r = load_run(writer, end_of_reboot);

        return r == 0 ? db_exec(&writer->db, "COMMIT") : r;
}

static RecordId load_relative(struct sqlite3_stmt *select, int column) {
        return (RecordId){
                .known = !db_is_null(select, column),
                .pid = (uint32_t)db_number(select, column),
                .start_ns = db_number(select, column + 1),
        };
}

static int load_row(RecordTable *table, struct sqlite3_stmt *select) {
        RecordRow *row = record_table_add(table, (uint32_t)db_number(select, 1));

        if (!row)
                return -ENOMEM;
        row->id = db_number(select, 0);
        row->start_ns = db_number(select, 2);
        row->flags = (uint32_t)db_number(select, 3);
        row->maker = load_relative(select, 4);
        row->parent = load_relative(select, 6);
        row->uid_known = !db_is_null(select, 8);
        row->uid = (uint32_t)db_number(select, 8);
        row->comm = db_number(select, 9);
        row->args = db_number(select, 10);
        row->exe = db_number(select, 11);
        row->cgroup = db_number(select, 12);
        row->program_missing = (uint8_t)db_number(select, 13);
        row->exe_missing = (uint8_t)db_number(select, 14);

        return 0;
}

static int load_rows(RecordWriter *writer, RecordTable *table) {
        struct sqlite3_stmt *select;
        int r;

        r = db_prepare(&writer->db,
                       "SELECT id, pid, start_ns, flags, maker_pid, maker_start_ns, parent_pid, parent_start_ns, uid,"
                       " comm, args, exe, cgroup, program_missing, exe_missing FROM process"
                       " WHERE boot = ? AND class = " TEXT(DB_CLASS_RUNNING), &select);
        if (r < 0)
                return r;
        db_bind_number(select, 1, writer->boot);
        while ((r = db_step(&writer->db, select)) > 0) {
                r = load_row(table, select);
                if (r < 0)
                        break;
        }
        db_finalize(select);

        return r;
}

/**
 * record_load() - read what an earlier recorder wrote
 * @writer:     an open database; output: the boot, and the stream if this boot has one
 * @table:      output: the processes that ran at the last transaction
 *
 * Return: 0, or a negative errno.
 */
int record_load(RecordWriter *writer, RecordTable *table) {
        int64_t last = 0;
        int r;

        r = load_boot_id(writer);
        if (r == 0)
                r = load_boot(writer);
        if (r == 0)
                r = load_end_other_boots(writer);
        if (r == 0)
                r = load_stream(writer);
        if (r == 0)
                r = load_step(writer);
        if (r == 0)
                r = db_query_number(&writer->db, "SELECT max(id) FROM process", &last);
        if (r < 0)
                return r;
        writer->last_process = (uint64_t)last;

        return load_rows(writer, table);
}
