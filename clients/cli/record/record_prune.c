/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The limits of the database: old processes are removed, then texts that no process has,
 * and then the file gives its free pages back.
 *
 * Each call does a bounded part of the work, in a transaction of its own, so that recording
 * does not pause. The part grows with what was recorded meanwhile. Called by record.c
 * after a transaction. The row of a boot has the time before which processes were removed.
 */

#include <stdio.h>

#include "clients/cli/db/db_schema.h"
#include "clients/cli/record/record_prune.h"

/* Rows that one call removes, beside twice as many as were written. */
#define PRUNE_ROWS 500

/* Pages that one call gives back, beside one for each row that was written. */
#define PRUNE_PAGES 64

/* Texts that one call looks at. */
#define PRUNE_STRINGS 1000

/* The size is reduced in steps: the oldest rows of a class go together. */
#define PRUNE_STEP 200

/* A process that ended later than this before the limit can have a text that was marked as used so long ago. */
#define PRUNE_STRINGS_SLACK_NS (2 * RECORD_STRINGS_USED_NS)

static int prune_statement(Db *db, const char *sql, uint64_t a, uint64_t b, uint64_t *ret_changes) {
        struct sqlite3_stmt *statement;
        int r = db_prepare(db, sql, &statement);

        if (r < 0)
                return r;
        db_bind_number(statement, 1, a);
        db_bind_number(statement, 2, b);
        r = db_run(db, statement);
        db_finalize(statement);
        if (r == 0 && ret_changes)
                *ret_changes += db_changes(db);

        return r;
}

/* Removes processes that ended before @before_ns. The index by class and start finds them. */
static int prune_rows(Db *db, uint64_t before_ns, uint64_t n_rows, uint64_t *ret_removed) {
        return prune_statement(db,
                               "DELETE FROM process WHERE id IN (SELECT p.id FROM boot b, class c, process p"
                               " WHERE p.boot = b.id AND p.class = c.class AND p.start_ns < ?1 AND p.end_ns < ?1"
                               " LIMIT ?2)",
                               before_ns, n_rows, ret_removed);
}

static int prune_note(Db *db, uint64_t before_ns) {
        int r;

        r = prune_statement(db, "UPDATE boot SET pruned_ns = max(coalesce(pruned_ns, 0), ?1)"
                                " WHERE begin_ns < ?1 AND ?2 = 0", before_ns, 0, NULL);
        if (r == 0)
                r = prune_statement(db, "DELETE FROM loss WHERE time_ns < ?1 AND ?2 = 0", before_ns, 0, NULL);

        return r;
}

/*
 * The time before which the oldest rows of some class ended. All of a class began at most its lifetime before they
 * ended, so the rows of the class with the smallest result are removed by it.
 */
static int prune_oldest(Db *db, uint64_t *ret_before_ns) {
        static const char sql[] =
                "SELECT min(x) FROM (SELECT (SELECT max(s) FROM (SELECT p.start_ns AS s FROM process p"
                " WHERE p.boot = b.id AND p.class = c.class ORDER BY p.start_ns LIMIT %d)) + c.lifetime_ns AS x"
                " FROM boot b, class c)";
        char text[sizeof(sql) + 16];
        int64_t before_ns = 0;
        int r;

        snprintf(text, sizeof(text), sql, PRUNE_STEP);
        r = db_query_number(db, text, &before_ns);
        *ret_before_ns = (uint64_t)before_ns;

        return r;
}

static int prune_size(Db *db, uint64_t *ret_bytes) {
        int64_t n_pages = 0, n_free = 0, n_page = 0;
        int r;

        r = db_query_number(db, "PRAGMA page_count", &n_pages);
        if (r == 0)
                r = db_query_number(db, "PRAGMA freelist_count", &n_free);
        if (r == 0)
                r = db_query_number(db, "PRAGMA page_size", &n_page);
        *ret_bytes = (uint64_t)((n_pages - n_free) * n_page);

        return r;
}

static int prune_by_age(RecordPrune *prune, RecordWriter *writer, uint64_t n_rows) {
        uint64_t now = record_writer_now(writer), before_ns = now > prune->keep_ns ? now - prune->keep_ns : 0;
        uint64_t removed = 0;
        int r;

        if (!prune->keep_ns || !before_ns)
                return 0;
        r = prune_rows(&writer->db, before_ns, n_rows, &removed);
        if (r < 0 || removed == 0)
                return r;
        prune->removed_ns = before_ns;

        return prune_note(&writer->db, before_ns);
}

static int prune_by_size(RecordPrune *prune, RecordWriter *writer, uint64_t n_rows) {
        uint64_t bytes = 0, before_ns = 0, removed = 0, all = 0;
        int r = 0;

        if (!prune->max_bytes)
                return 0;
        for (; r == 0 && all < n_rows; all += removed) {
                r = prune_size(&writer->db, &bytes);
                if (r < 0 || bytes <= prune->max_bytes)
                        break;
                r = prune_oldest(&writer->db, &before_ns);
                if (r < 0 || before_ns == 0)
                        break;
                removed = 0;
                r = prune_rows(&writer->db, before_ns, n_rows, &removed);
                if (r < 0 || removed == 0)
                        break;
                prune->removed_ns = before_ns > prune->removed_ns ? before_ns : prune->removed_ns;
        }

        return r == 0 && all > 0 ? prune_note(&writer->db, prune->removed_ns) : r;
}

/* Texts are used by rows that began later than the text was last marked, or by one of the few rows that are older. */
static int prune_strings(RecordPrune *prune, RecordWriter *writer) {
        static const char sql[] =
                "DELETE FROM string WHERE id BETWEEN %llu AND %llu AND used_ns < ?1 AND ?2 = 0 AND id NOT IN"
                " (WITH old AS (SELECT comm, args, exe FROM boot b, process p WHERE p.boot = b.id AND p.class = 63"
                " UNION ALL SELECT comm, args, exe FROM boot b, class c, process p"
                " WHERE p.boot = b.id AND p.class = c.class AND p.start_ns < ?1"
                " UNION ALL SELECT comm, args, exe FROM process WHERE end_missing IS NOT NULL)"
                " SELECT comm FROM old WHERE comm IS NOT NULL UNION SELECT args FROM old WHERE args IS NOT NULL"
                " UNION SELECT exe FROM old WHERE exe IS NOT NULL)";
        uint64_t limit_ns = prune->removed_ns;
        char text[sizeof(sql) + 64];

        if (prune->next_string > writer->strings.last_id) {
                if (limit_ns < prune->strings_ns + RECORD_STRINGS_USED_NS)
                        return 0;
                prune->next_string = 0;
        }
        if (limit_ns < PRUNE_STRINGS_SLACK_NS)
                return 0;
        if (prune->next_string == 0)
                prune->strings_ns = limit_ns;
        snprintf(text, sizeof(text), sql, (unsigned long long)prune->next_string,
                 (unsigned long long)(prune->next_string + PRUNE_STRINGS - 1));
        prune->next_string += PRUNE_STRINGS;

        return prune_statement(&writer->db, text, limit_ns - PRUNE_STRINGS_SLACK_NS, 0, NULL);
}

static int prune_transaction(RecordPrune *prune, RecordWriter *writer, uint64_t n_rows) {
        int r;

        r = prune_by_age(prune, writer, n_rows);
        if (r == 0)
                r = prune_by_size(prune, writer, n_rows);
        if (r == 0 && prune->removed_ns)
                r = prune_strings(prune, writer);

        return r;
}

/**
 * record_prune() - do a part of the removal
 * @prune:      the limits
 * @writer:     the database; nothing is pending
 * @n_rows:     the number of rows that were written since the last call
 *
 * Return: 0, or a negative errno: nothing was removed.
 */
int record_prune(RecordPrune *prune, RecordWriter *writer, uint64_t n_rows) {
        char vacuum[64];
        int r;

        if (!prune->keep_ns && !prune->max_bytes)
                return 0;
        r = db_exec(&writer->db, "BEGIN IMMEDIATE");
        if (r == 0)
                r = prune_transaction(prune, writer, PRUNE_ROWS + 2 * n_rows);
        if (r == 0)
                r = db_exec(&writer->db, "COMMIT");
        if (db_in_transaction(&writer->db))
                (void)db_exec(&writer->db, "ROLLBACK");
        if (r < 0)
                return r;
        snprintf(vacuum, sizeof(vacuum), "PRAGMA incremental_vacuum(%llu)", (unsigned long long)(PRUNE_PAGES + n_rows));

        return db_exec(&writer->db, vacuum);
}
