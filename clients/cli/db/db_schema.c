/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tables and views of the history, as SQL, and the check of the file's version.
 *
 * The columns of statistics are made from proto/taskstats_fields.h. All times are
 * nanoseconds by the boot clock plus boot.epoch_ns: they never step. The views add the
 * steps of the wall clock, for people.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/db/db.h"
#include "clients/cli/db/db_schema.h"

#define NS_PER_MS 1000000u

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

#define FIELD_COLUMN(group, name, ...) ", " #name " INTEGER"
#define DELAY_COLUMN(name, ...)                                                                                        \
        ", " #name "_delay_count INTEGER, " #name "_delay_total_ns INTEGER, " #name "_delay_max_ns INTEGER, "          \
        #name "_delay_min_ns INTEGER, " #name "_delay_max_time_ns INTEGER"
#define FIELD_NAME(group, name, ...) ", p." #name
#define DELAY_NAME(name, ...)                                                                                          \
        ", p." #name "_delay_count, p." #name "_delay_total_ns, p." #name "_delay_max_ns, p." #name                    \
        "_delay_min_ns, p." #name "_delay_max_time_ns"

static const char schema_tables[] =
        "CREATE TABLE boot (id INTEGER PRIMARY KEY, boot_id TEXT UNIQUE NOT NULL, epoch_ns INTEGER NOT NULL,"
        " begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, pruned_ns INTEGER);"
        "CREATE TABLE clock_step (boot INTEGER NOT NULL, from_ns INTEGER NOT NULL, step_ns INTEGER NOT NULL,"
        " PRIMARY KEY (boot, from_ns)) WITHOUT ROWID;"
        "CREATE TABLE stream (id INTEGER PRIMARY KEY, boot INTEGER NOT NULL, epoch INTEGER NOT NULL,"
        " feed INTEGER NOT NULL, next_number INTEGER NOT NULL, begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,"
        " forks INTEGER,"
        " uid INTEGER NOT NULL, access TEXT NOT NULL, broker_version TEXT NOT NULL, kernel_release TEXT NOT NULL,"
        " recorder_version TEXT NOT NULL);"
        "CREATE TABLE string (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, used_ns INTEGER NOT NULL, text NOT NULL);"
        "CREATE INDEX string_hash ON string (hash);"
        "CREATE TABLE cgroup (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, unit TEXT, used_ns INTEGER NOT NULL);"
        "CREATE TABLE class (class INTEGER PRIMARY KEY, lifetime_ns INTEGER NOT NULL);"
        "CREATE TABLE stats_group (bit INTEGER PRIMARY KEY, name TEXT NOT NULL);"
        "CREATE TABLE loss (id INTEGER PRIMARY KEY, boot INTEGER NOT NULL, stream INTEGER, number INTEGER,"
        " since_ns INTEGER, time_ns INTEGER NOT NULL, count INTEGER, at_least INTEGER NOT NULL,"
        " source TEXT NOT NULL, reason TEXT NOT NULL, missing TEXT NOT NULL,"
        " ended_unseen INTEGER, found_alive INTEGER, forks_at_most INTEGER);"
        "CREATE INDEX loss_time ON loss (boot, time_ns);"
        "CREATE TABLE process (id INTEGER PRIMARY KEY, boot INTEGER NOT NULL, pid INTEGER NOT NULL,"
        " class INTEGER NOT NULL, start_ns INTEGER, end_ns INTEGER, stream INTEGER, number INTEGER,"
        " flags INTEGER NOT NULL, end_missing INTEGER, maker_pid INTEGER, maker_start_ns INTEGER,"
        " parent_pid INTEGER, parent_start_ns INTEGER, uid INTEGER, comm INTEGER, args INTEGER, exe INTEGER,"
        " cgroup INTEGER, program_missing INTEGER, exe_missing INTEGER, exit_code INTEGER, term_signal INTEGER,"
        " core_dumped INTEGER, status_missing INTEGER, stats_missing INTEGER, groups INTEGER,"
        " unsupported_groups INTEGER, uncounted_groups INTEGER, withheld_groups INTEGER, taskstats_version INTEGER,"
        " tasks INTEGER, tasks_missing INTEGER, gid INTEGER"
        DB_STATS_FIELDS(FIELD_COLUMN) TASKSTATS_DELAYS(DELAY_COLUMN) ");"
        "CREATE INDEX process_time ON process (boot, class, start_ns);"
        "CREATE INDEX process_pid ON process (pid, start_ns);"
        "CREATE INDEX process_maker ON process (maker_pid, start_ns);"
        "CREATE INDEX process_unseen ON process (end_missing) WHERE end_missing IS NOT NULL;";

/* A time by the wall clock as it was set then. */
#define WALL(boot, time)                                                                                               \
        "strftime('%Y-%m-%d %H:%M:%f', (" time " + coalesce((SELECT step_ns FROM clock_step c WHERE c.boot = " boot    \
        " AND c.from_ns <= " time " ORDER BY c.from_ns DESC LIMIT 1), 0)) / 1e9, 'unixepoch', 'localtime')"

static const char schema_views[] =
        "CREATE VIEW processes AS SELECT p.id, b.boot_id, p.pid, p.start_ns - b.epoch_ns AS start_boot_ns,"
        " " WALL("p.boot", "p.start_ns") " AS started,"
        " CASE WHEN p.end_missing IS NULL THEN " WALL("p.boot", "p.end_ns") " END AS ended,"
        " CASE WHEN p.end_missing IS NOT NULL THEN " WALL("p.boot", "p.end_ns") " END AS ended_before,"
        " CASE p.end_missing WHEN 1 THEN 'hole' WHEN 2 THEN 'reboot' END AS end_missing,"
        " CASE WHEN p.end_missing IS NULL THEN (p.end_ns - p.start_ns) / 1e9 END AS duration_s,"
        " p.maker_pid, p.maker_start_ns - b.epoch_ns AS maker_start_boot_ns,"
        " p.parent_pid, p.parent_start_ns - b.epoch_ns AS parent_start_boot_ns, p.uid, p.gid,"
        " s_comm.text AS comm, s_args.text AS args, s_exe.text AS exe, g.path AS cgroup, g.unit AS unit,"
        " CASE p.program_missing WHEN 1 THEN 'not asked' WHEN 2 THEN 'unknown' WHEN 3 THEN 'late'"
        " WHEN 4 THEN 'skipped' END AS program_missing,"
        " CASE p.exe_missing WHEN 1 THEN 'not asked' WHEN 2 THEN 'unknown' WHEN 3 THEN 'late' WHEN 4 THEN 'skipped'"
        " WHEN 5 THEN 'withheld' WHEN 6 THEN 'unreadable' END AS exe_missing,"
        " p.exit_code, p.term_signal, p.core_dumped,"
        " CASE p.status_missing WHEN 1 THEN 'withheld' WHEN 2 THEN 'unknown' END AS status_missing,"
        " CASE p.stats_missing WHEN 1 THEN 'lost' WHEN 2 THEN 'not witnessed' END AS stats_missing,"
        " (SELECT group_concat(name) FROM stats_group WHERE p.unsupported_groups & bit) AS groups_unsupported,"
        " (SELECT group_concat(name) FROM stats_group WHERE p.uncounted_groups & bit) AS groups_uncounted,"
        " (SELECT group_concat(name) FROM stats_group WHERE p.withheld_groups & bit) AS groups_withheld,"
        " p.tasks, p.tasks_missing, p.flags & 1 AS restricted, (p.flags & 2) / 2 AS synthesised,"
        " (p.flags & 4) / 4 AS fork_unseen, (p.flags & 8) / 8 AS seeded, (p.flags & 16) / 16 AS kernel_thread,"
        " (p.flags & 32) / 32 AS truncated, (p.flags & 64) / 64 AS comm_stale,"
        " (p.flags & 128) / 128 AS task_unknown, (p.flags & 256) / 256 AS tasks_unseen"
        DB_STATS_FIELDS(FIELD_NAME) TASKSTATS_DELAYS(DELAY_NAME)
        " FROM process p JOIN boot b ON b.id = p.boot LEFT JOIN string s_comm ON s_comm.id = p.comm"
        " LEFT JOIN string s_args ON s_args.id = p.args LEFT JOIN string s_exe ON s_exe.id = p.exe"
        " LEFT JOIN cgroup g ON g.id = p.cgroup;"
        "CREATE VIEW losses AS SELECT l.id, b.boot_id, " WALL("l.boot", "l.since_ns") " AS since,"
        " " WALL("l.boot", "l.time_ns") " AS until, l.source, l.reason, l.count, l.at_least, l.missing,"
        " l.ended_unseen, l.found_alive, l.forks_at_most FROM loss l JOIN boot b ON b.id = l.boot;"
        "CREATE VIEW boots AS SELECT id, boot_id, " WALL("boot.id", "boot.begin_ns") " AS recorded_since,"
        " " WALL("boot.id", "boot.end_ns") " AS recorded_until,"
        " " WALL("boot.id", "boot.pruned_ns") " AS removed_before FROM boot;"
        "CREATE VIEW streams AS SELECT s.id, b.boot_id, printf('%016x', s.epoch) AS broker_epoch, s.feed,"
        " s.next_number, " WALL("s.boot", "s.begin_ns") " AS begun, " WALL("s.boot", "s.end_ns") " AS recorded_until,"
        " s.uid, s.access, s.broker_version, s.kernel_release, s.recorder_version"
        " FROM stream s JOIN boot b ON b.id = s.boot;";

#define GROUP_ROW(group, GROUP, number) "INSERT INTO stats_group VALUES (1 << " #number ", '" #group "');"

static const char schema_rows[] =
        TASKSTATS_GROUPS(GROUP_ROW)
        "PRAGMA application_id = " TEXT(DB_APPLICATION_ID) ";"
        "PRAGMA user_version = " TEXT(DB_SCHEMA_VERSION) ";";

/* The class of a process that lived so long. */
unsigned int db_schema_class(uint64_t lifetime_ns) {
        unsigned int class = 0;

        while (class < DB_CLASS_LONGEST && lifetime_ns >= db_schema_class_ns(class))
                ++class;

        return class;
}

/* A process of the class lived shorter. */
uint64_t db_schema_class_ns(unsigned int class) { return (UINT64_C(1) << (2 * class)) * NS_PER_MS; }

static int schema_create_classes(Db *db) {
        char sql[128];
        int r = 0;

        for (unsigned int class = 0; class <= DB_CLASS_LONGEST && r == 0; ++class) {
                snprintf(sql, sizeof(sql), "INSERT INTO class VALUES (%u, %llu);", class,
                         (unsigned long long)db_schema_class_ns(class));
                r = db_exec(db, sql);
        }

        return r;
}

static int schema_create(Db *db) {
        int r;

        /* This must stand before the first table: it decides how the file is laid out. */
        r = db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;");
        if (r == 0)
                r = db_exec(db, schema_tables);
        if (r == 0)
                r = db_exec(db, schema_views);
        if (r == 0)
                r = schema_create_classes(db);
        if (r == 0)
                r = db_exec(db, schema_rows);

        return r == 0 ? db_exec(db, "COMMIT;") : r;
}

static int schema_refuse_version(Db *db, int64_t version) {
        snprintf(db->error, sizeof(db->error),
                 "%s was written by a newer taskbroker: its schema has version %lld, and this program knows %d. "
                 "Use the newer program, or another file with --db.",
                 db->path, (long long)version, DB_SCHEMA_VERSION);
        return -EPROTONOSUPPORT;
}

/* Returns 1: the file has our tables; 0: it is empty; or a negative errno. */
static int schema_check(Db *db) {
        int64_t application, version, n_objects;
        int r;

        r = db_query_number(db, "SELECT count(*) FROM sqlite_schema", &n_objects);
        if (r == 0)
                r = db_query_number(db, "PRAGMA application_id", &application);
        if (r == 0)
                r = db_query_number(db, "PRAGMA user_version", &version);
        if (r < 0)
                return r;
        if (application == DB_APPLICATION_ID && version > DB_SCHEMA_VERSION)
                return schema_refuse_version(db, version);
        if (application == DB_APPLICATION_ID && version == DB_SCHEMA_VERSION)
                return 1;
        if (n_objects == 0 && application == 0)
                return 0;

        snprintf(db->error, sizeof(db->error),
                 "%s is a database of another program: name another file with --db.", db->path);
        return -EBADMSG;
}

/* Checks the tables of a file, or creates them in an empty one. */
int db_schema_write(Db *db) {
        int r = schema_check(db);

        if (r == 0)
                r = schema_create(db);
        if (r < 0)
                return r;

        /*
         * NORMAL: a loss of power can undo the last transactions, and leaves the file whole. The place in
         * the stream is undone with them.
         */
        return db_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864;"
                           "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;");
}

int db_schema_read(Db *db) {
        int r = schema_check(db);

        if (r == 0) {
                snprintf(db->error, sizeof(db->error), "%s is empty: nothing was recorded in it yet.", db->path);
                return -ENODATA;
        }

        return r < 0 ? r : 0;
}
