/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/arguments.h"
#include "clients/users.h"

typedef struct Column Column;
typedef struct ColumnView ColumnView;

/* Room for a cell: the longest is a command line. */
#define COLUMN_TEXT_MAX ARGUMENTS_TEXT_MAX

/* What a cell depends on besides its task. */
struct ColumnView {
        Users *users;
        uint64_t now_ns;                /* since the epoch: ages are as of then */
};

struct Column {
        const char *name;               /* as -o and --sort have it */
        const char *header;
        const char *help;
        bool right;                     /* aligned to the right */
        bool program;                   /* of what the process runs: the broker must be asked for it */
        bool branch;                    /* a forest can be drawn before it */
        size_t offset;                  /* of a number: its place in struct tb_task */
        void (*write)(const Column *column, const ColumnView *view, const struct tb_task *task, char *text);
        int (*compare)(const Column *column, const ColumnView *view, const struct tb_task *a, const struct tb_task *b);
};

const Column *column_find(const char *name, size_t n_name);
const Column *column_next(const Column *column);
void column_write(const Column *column, const ColumnView *view, const struct tb_task *task, char *text);
int column_compare(const Column *column, const ColumnView *view, const struct tb_task *a, const struct tb_task *b);
