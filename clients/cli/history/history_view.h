/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * History: an open database with its options and its output, as all verbs of history
 * get it.
 */

#include <sys/types.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/users.h"
#include "clients/cli/db/db.h"
#include "clients/cli/history/history_clock.h"
#include "clients/cli/history/history_options.h"
#include "clients/cli/history/history_output.h"

typedef struct History History;

struct History {
        HistoryOptions options;
        char path[DB_PATH_MAX];
        Db db;
        HistoryClock clock;
        HistoryOutput output;
        Users users;
        pid_t pager;                    /* 0: none */
        char **arguments;               /* the verb's arguments */
        int n_arguments;
};

int history_fail(const History *history);
int history_view_losses(History *history, const HistorySpan *span);
int history_view_rows(History *history, struct sqlite3_stmt *rows, const char *kind,
                      void (*write)(History *history, struct sqlite3_stmt *row));
const char *history_view_time(const History *history, char text[static FORMAT_MAX], struct sqlite3_stmt *row,
                              int column);
const char *history_view_span(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column);
const char *history_view_bytes(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column);
const char *history_view_status(char text[static FORMAT_MAX], struct sqlite3_stmt *row, int column);
const char *history_view_user(History *history, struct sqlite3_stmt *row, int column);
