/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HistoryOutput: what history prints: a table for people, or the rows of a statement as
 * JSON or CSV.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/base/output.h"
#include "clients/cli/db/db.h"

typedef struct HistoryColumn HistoryColumn;
typedef struct HistoryOutput HistoryOutput;

struct HistoryColumn {
        const char *title;
        int width;                      /* negative: aligned to the left; 0: the last, as long as it is */
};

struct HistoryOutput {
        Output output;
        int error;                      /* the first failure to write */
};

__attribute__((format(printf, 2, 3))) void history_output_print(HistoryOutput *output, const char *format, ...);
void history_output_text(HistoryOutput *output, const char *text);
void history_output_header(HistoryOutput *output, const HistoryColumn *columns, size_t n_columns);
void history_output_cells(HistoryOutput *output, const HistoryColumn *columns, size_t n_columns,
                          const char *const *cells);
void history_output_json(HistoryOutput *output, struct sqlite3_stmt *row, const char *kind);
void history_output_csv_header(HistoryOutput *output, struct sqlite3_stmt *row);
void history_output_csv(HistoryOutput *output, struct sqlite3_stmt *row);
