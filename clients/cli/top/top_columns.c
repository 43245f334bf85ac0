/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The columns of live tables that the screen shows unless the settings name others, and
 * the order in which they are left out on a narrow screen. Pure.
 */

#include <string.h>

#include "clients/cli/top/top_columns.h"

typedef struct ColumnRank ColumnRank;

struct ColumnRank {
        const char *name;
        unsigned int rank;
};

/* The columns that are shown. Without room for all, the highest rank is left out first; rank 0 is never left out. */
static const ColumnRank column_ranks[] = {
        { "pid", 0 },
        { "command", 0 },
        { "cpu", 1 },
        { "read", 2 },
        { "write", 3 },
        { "delay", 4 },
        { "user", 5 },
        { "peak", 6 },
        { "time", 7 },
        { "io", 8 },
        { "tasks", 9 },
        { "age", 10 },
        { "state", 11 },
        { "switches", 12 },
        { "majfaults", 13 },
        { "nice", 14 },
};

/* The rank of all other columns: a user who asks for one wants to see it. */
#define COLUMN_RANK_WANTED 3

static const ColumnRank *column_find_rank(const LiveColumn *column) {
        for (size_t i = 0; i < sizeof(column_ranks) / sizeof(*column_ranks); ++i)
                if (strcmp(column_ranks[i].name, column->name) == 0)
                        return column_ranks + i;

        return NULL;
}

bool top_columns_standard(const LiveColumn *column) {
        return column_find_rank(column);
}

unsigned int top_columns_rank(const LiveColumn *column) {
        const ColumnRank *rank = column_find_rank(column);

        return rank ? rank->rank : COLUMN_RANK_WANTED;
}
