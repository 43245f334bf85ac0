/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The calls of SQLite that the verbs need.
 *
 * Each failure is kept as a sentence, because SQLite's own words do not name a remedy.
 * Called by the verbs record and history. Knows no table and no file: db_schema.c has the
 * tables, and db_file.c opens the file.
 */

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/text.h"
#include "clients/cli/db/db.h"

/* A person may look into the file with another program, and hold its lock for a moment. */
#define DB_BUSY_MS 10000

/* Steps of SQLite's machine between two questions whether to go on. */
#define DB_PROGRESS_STEPS 100000

const char *db_error(const Db *db) { return db->error; }

static bool db_is_full(const Db *db, int result) {
        int error = db->handle ? sqlite3_system_errno(db->handle) : 0;

        if ((result & 0xff) == SQLITE_FULL)
                return true;
        return (result & 0xff) == SQLITE_IOERR && (error == ENOSPC || error == EDQUOT);
}

static int db_classify(const Db *db, int result) {
        if (db_is_full(db, result))
                return -ENOSPC;
        switch (result & 0xff) {
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
        case SQLITE_FORMAT:
                return -EBADMSG;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
                return -EROFS;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_INTERRUPT:
                return -EINTR;
        default:
                return -EIO;
        }
}

/* Keeps a sentence about a result of SQLite. Returns the negative errno for it. */
int db_fail(Db *db, int result) {
        const char *words = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(result);
        int r = db_classify(db, result);

        switch (r) {
        case -ENOSPC:
                snprintf(db->error, sizeof(db->error), "The disk of %s is full.", db->path);
                break;
        case -EBADMSG:
                snprintf(db->error, sizeof(db->error),
                         "%s is damaged, or is no database: move it away to begin a new one; sqlite3 with \".recover\" "
                         "can save what is readable (%s).",
                         db->path, words);
                break;
        case -EBUSY:
                snprintf(db->error, sizeof(db->error),
                         "Another program holds the lock of %s: end it, and try again.", db->path);
                break;
        case -EROFS:
                snprintf(db->error, sizeof(db->error),
                         "%s, or a file beside it, cannot be opened or written: give this user the right to write "
                         "there, or name another file with --db (%s).",
                         db->path, words);
                break;
        default:
                snprintf(db->error, sizeof(db->error), "%s cannot be used: %s.", db->path, words);
        }

        return r;
}

/* Opens a file, or a URI. */
int db_open(Db *db, const char *name, int flags) {
        int result = sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_EXRESCODE, NULL);

        if (result != SQLITE_OK)
                return db_fail(db, result);
        sqlite3_busy_timeout(db->handle, DB_BUSY_MS);

        return 0;
}

void db_close(Db *db) {
        sqlite3_close_v2(db->handle);
        db->handle = NULL;
        if (db->lock_fd >= 0)
                close(db->lock_fd);
        db->lock_fd = -1;
}

int db_exec(Db *db, const char *sql) {
        int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

        return result == SQLITE_OK ? 0 : db_fail(db, result);
}

int db_prepare(Db *db, const char *sql, struct sqlite3_stmt **ret_statement) {
        int result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);

        return result == SQLITE_OK ? 0 : db_fail(db, result);
}

void db_finalize(struct sqlite3_stmt *statement) { sqlite3_finalize(statement); }

/* Returns 1: a row; 0: the end, and the statement can be run again; or a negative errno. */
int db_step(Db *db, struct sqlite3_stmt *statement) {
        int result = sqlite3_step(statement), r;

        if (result == SQLITE_ROW)
                return 1;
        r = result == SQLITE_DONE ? 0 : db_fail(db, result);
        sqlite3_reset(statement);
        return r;
}

/* Runs a statement that returns no row. */
int db_run(Db *db, struct sqlite3_stmt *statement) {
        int r;

        do
                r = db_step(db, statement);
        while (r > 0);

        return r;
}

/* The first column of the first row; 0 without a row. */
int db_query_number(Db *db, const char *sql, int64_t *ret_number) {
        sqlite3_stmt *statement;
        int r = db_prepare(db, sql, &statement);

        if (r < 0)
                return r;
        r = db_step(db, statement);
        if (r >= 0)
                *ret_number = r > 0 ? sqlite3_column_int64(statement, 0) : 0;
        sqlite3_finalize(statement);

        return r < 0 ? r : 0;
}

/* SQLite may have rolled a transaction back after a failure. */
bool db_in_transaction(const Db *db) { return !sqlite3_get_autocommit(db->handle); }

/* The number of rows that the last statement changed. */
uint64_t db_changes(const Db *db) { return (uint64_t)sqlite3_changes64(db->handle); }

/* Has @stop called now and then; once it returns other than 0, the statement fails with -EINTR. */
void db_progress(Db *db, int (*stop)(void *data), void *data) {
        sqlite3_progress_handler(db->handle, DB_PROGRESS_STEPS, stop, data);
}

void db_bind_number(struct sqlite3_stmt *statement, int at, uint64_t number) {
        sqlite3_bind_int64(statement, at, (int64_t)number);
}

void db_bind_known(struct sqlite3_stmt *statement, int at, uint64_t number, bool known) {
        if (known)
                sqlite3_bind_int64(statement, at, (int64_t)number);
        else
                sqlite3_bind_null(statement, at);
}

/* The bytes must stay until the statement was run. Bytes that are not UTF-8 become a BLOB: nothing is changed. */
void db_bind_text(struct sqlite3_stmt *statement, int at, const char *bytes, size_t n) {
        if (strnlen(bytes, n) == n && text_is_utf8(bytes))
                sqlite3_bind_text64(statement, at, bytes, n, SQLITE_STATIC, SQLITE_UTF8);
        else
                sqlite3_bind_blob64(statement, at, bytes, n, SQLITE_STATIC);
}

void db_bind_null(struct sqlite3_stmt *statement, int at) { sqlite3_bind_null(statement, at); }

DbType db_type(struct sqlite3_stmt *statement, int column) {
        switch (sqlite3_column_type(statement, column)) {
        case SQLITE_NULL:
                return DB_NULL;
        case SQLITE_INTEGER:
                return DB_NUMBER;
        case SQLITE_FLOAT:
                return DB_REAL;
        default:
                return DB_TEXT;
        }
}

bool db_is_null(struct sqlite3_stmt *statement, int column) {
        return sqlite3_column_type(statement, column) == SQLITE_NULL;
}

uint64_t db_number(struct sqlite3_stmt *statement, int column) {
        return (uint64_t)sqlite3_column_int64(statement, column);
}

double db_real(struct sqlite3_stmt *statement, int column) { return sqlite3_column_double(statement, column); }

DbText db_text(struct sqlite3_stmt *statement, int column) {
        const char *bytes;

        if (db_is_null(statement, column))
                return (DbText){ 0 };
        bytes = (const char *)sqlite3_column_text(statement, column);
        return (DbText){ .bytes = bytes ? bytes : "", .n = (size_t)sqlite3_column_bytes(statement, column) };
}

const char *db_column_name(struct sqlite3_stmt *statement, int column) {
        return sqlite3_column_name(statement, column);
}

int db_n_columns(struct sqlite3_stmt *statement) { return sqlite3_column_count(statement); }
