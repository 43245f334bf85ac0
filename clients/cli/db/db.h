/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Db: a database of the history, in a file of SQLite. A failure is a negative errno, and
 * db_error() has a sentence about it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DbType DbType;
typedef struct Db Db;
typedef struct DbText DbText;

struct sqlite3;
struct sqlite3_stmt;

/* A path to the user's default file fits. */
#define DB_PATH_MAX 4096

/* The content of a column. */
enum DbType {
        DB_NULL,
        DB_NUMBER,
        DB_REAL,
        DB_TEXT,                        /* also bytes that are no text */
};

struct Db {
        struct sqlite3 *handle;
        int lock_fd;                    /* the lock of a writer; -1: none */
        const char *path;
        char error[512];
};

/* A text of a row: bytes, valid until the next step of its statement. */
struct DbText {
        const char *bytes;              /* NULL: the column is NULL */
        size_t n;
};

int db_open(Db *db, const char *name, int flags);
void db_close(Db *db);
const char *db_error(const Db *db);
int db_fail(Db *db, int result);

int db_exec(Db *db, const char *sql);
int db_prepare(Db *db, const char *sql, struct sqlite3_stmt **ret_statement);
void db_finalize(struct sqlite3_stmt *statement);
int db_step(Db *db, struct sqlite3_stmt *statement);
int db_run(Db *db, struct sqlite3_stmt *statement);
int db_query_number(Db *db, const char *sql, int64_t *ret_number);
bool db_in_transaction(const Db *db);
uint64_t db_changes(const Db *db);
void db_progress(Db *db, int (*stop)(void *data), void *data);

void db_bind_number(struct sqlite3_stmt *statement, int at, uint64_t number);
void db_bind_known(struct sqlite3_stmt *statement, int at, uint64_t number, bool known);
void db_bind_text(struct sqlite3_stmt *statement, int at, const char *bytes, size_t n);
void db_bind_null(struct sqlite3_stmt *statement, int at);

DbType db_type(struct sqlite3_stmt *statement, int column);
bool db_is_null(struct sqlite3_stmt *statement, int column);
uint64_t db_number(struct sqlite3_stmt *statement, int column);
double db_real(struct sqlite3_stmt *statement, int column);
DbText db_text(struct sqlite3_stmt *statement, int column);
const char *db_column_name(struct sqlite3_stmt *statement, int column);
int db_n_columns(struct sqlite3_stmt *statement);
