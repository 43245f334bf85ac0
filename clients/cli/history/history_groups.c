/* SPDX-License-Identifier: Apache-2.0 */

/* Groups of processes, with their sums: by command, user, cgroup or unit. Called by history_{top,diff}.c. */

#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/history/history_groups.h"
#include "clients/cli/history/history_query.h"

/* The sums lack the processes in "unknown", which have no statistics yet or never had them. */
#define SELECT_BY(name, by)                                                                                            \
        "SELECT " name " AS name, count(*) AS count, sum(" HISTORY_SQL_FAILED ") AS failed,"                           \
        " sum(p.cpu_run_virtual_total_ns) AS cpu_ns, sum(p.read_bytes) AS read_bytes,"                                 \
        " sum(max(p.write_bytes - p.cancelled_write_bytes, 0)) AS write_bytes,"                                        \
        " sum(" HISTORY_SQL_DELAY ") AS delay_ns,"                                                                     \
        " max(p.hiwater_rss_kib) AS memory_kib, sum(p.cpu_run_virtual_total_ns IS NULL) AS unknown"                    \
        " FROM p GROUP BY " by

static const struct {
        const char *by;
        const char *sql;
} groups[] = {
        { "command", SELECT_BY("(SELECT text FROM string WHERE id = p.comm)", "p.comm") },
        { "user", SELECT_BY("p.uid", "p.uid") },
        { "cgroup", SELECT_BY("(SELECT path FROM cgroup WHERE id = p.cgroup)", "p.cgroup") },
        { "unit", SELECT_BY("(SELECT unit FROM cgroup WHERE id = p.cgroup)", "1") },
};

/* The statement behind history_query_begin() that sums the groups. */
const char *history_group_select(const char *by) {
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); ++i)
                if (strcmp(groups[i].by, by) == 0)
                        return groups[i].sql;

        return groups[0].sql;
}

/* The name of a group for a terminal. */
const char *history_group_name(History *history, char name[static HISTORY_GROUP_MAX], struct sqlite3_stmt *row,
                               int column) {
        if (db_is_null(row, column))
                return "-";
        if (strcmp(history->options.by, "user") == 0)
                return history_view_user(history, row, column);
        text_escape(name, HISTORY_GROUP_MAX, db_text(row, column).bytes, TEXT_FOR_TERMINAL);

        return name;
}
