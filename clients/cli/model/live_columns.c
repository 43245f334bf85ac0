/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The columns of live tables: their names, their cells and their order.
 *
 * One table, at the end, has all columns. A value that is not known is shown as a mark
 * for the reason, never as 0. Pure, but for the names of users.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text.h"
#include "clients/cli/model/live_columns.h"
#include "clients/cli/model/live_values.h"

#define NS_PER_S 1e9

typedef struct SortKey SortKey;

struct SortKey {
        LiveRow *row;
        double number;
        bool known;
        char *text;
};

const char *live_column_mark(enum metric_known known) {
        switch (known) {
        case METRIC_KNOWN:
                return "";
        case METRIC_WITHHELD:
                return "-";
        case METRIC_UNCOUNTED:
                return "off";
        case METRIC_UNSUPPORTED:
                return "n/a";
        case METRIC_NOT_YET:
                return "..";
        case METRIC_LOST:
                return "lost";
        }

        return "?";
}

/* Ids. */

static enum metric_known number_pid(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        (void)column;
        (void)view;
        *ret = row->pid;
        return METRIC_KNOWN;
}

static enum metric_known number_tid(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        (void)column;
        (void)view;
        *ret = row->tid;
        return METRIC_KNOWN;
}

static enum metric_known number_ppid(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        (void)column;
        (void)view;
        *ret = row->parent.pid;
        return row->parent.known ? METRIC_KNOWN : METRIC_UNSUPPORTED;
}

static enum metric_known number_tasks(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        (void)column;
        (void)view;
        *ret = row->tasks;
        return row->tasks ? METRIC_KNOWN : METRIC_NOT_YET;
}

/* Writes a whole number for which 0 means none. */
static void write_id(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        double number = 0;

        if (column->number(column, view, row, &number) == METRIC_KNOWN)
                snprintf(text, LIVE_TEXT_MAX, "%.0f", number);
        else
                strcpy(text, "-");
}

static void write_user(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        (void)column;
        snprintf(text, LIVE_TEXT_MAX, "%s", live_user(row, view->users));
}

/* The key of the order: numbers are padded, so that they are in their order as texts too. */
static void text_user(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        if (view->users->numeric)
                snprintf(text, LIVE_TEXT_MAX, "%010" PRIu32, row->uid);
        else
                write_user(column, view, row, text);
}

static void write_name(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        (void)column;
        (void)view;
        live_name(row, text, LIVE_TEXT_MAX);
}

static void write_parent(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        const struct tb_process_id *id = &row->parent;
        const LiveRow *parent = id->known ? live_find_process(view->live, id->pid, id->start_boot_ns) : NULL;

        if (parent)
                write_name(column, view, parent, text);
        else
                strcpy(text, "-");
}

/* As in ps(1): the name in brackets if there are no arguments. */
static void write_command(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        if (!view->arguments) {
                write_name(column, view, row, text);
                return;
        }
        if (row->program && cmdline_text(text, row->program) > 0)
                return;

        text[0] = '[';
        write_name(column, view, row, text + 1);
        strcat(text, "]");
}

/* Times. */

static enum metric_known number_age(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        uint64_t now = row->ended || row->exited ? row->end_time_ns : view->live->sample.summary.end_time_ns;

        (void)column;
        *ret = now > row->start_time_ns ? (double)(now - row->start_time_ns) : 0;
        if (row->ended && !live_end_known(row))
                return METRIC_LOST;
        return row->start_time_ns ? METRIC_KNOWN : METRIC_NOT_YET;
}

static enum metric_known number_total(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        uint64_t value;
        enum metric_known known = live_total(view->live, row, column->metric, &value);

        *ret = (double)value;
        return known;
}

/* A plus stands behind a total that may be too small. */
static const char *mark_at_least(const LiveColumn *column, const LiveRow *row) {
        return column->number == number_total && metric_is_at_least(&row->stats, column->metric, row->ended) ? "+" : "";
}

static void write_duration(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        char duration[FORMAT_MAX];
        double ns;
        enum metric_known known = column->number(column, view, row, &ns);

        snprintf(text, LIVE_TEXT_MAX, "%s%s",
                 known == METRIC_KNOWN ? format_duration(duration, (uint64_t)ns) : live_column_mark(known),
                 known == METRIC_KNOWN ? mark_at_least(column, row) : "");
}

/* Only tasks that have ended have a state: how they ended. */
static void write_state(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        char termination[FORMAT_MAX];

        (void)column;
        (void)view;
        if (row->ended || row->exited)
                snprintf(text, LIVE_TEXT_MAX, "%s",
                         row->termination.known ? format_termination(termination, &row->termination) : "ended");
        else
                text[0] = 0;
}

/* Metrics. */

static enum metric_known number_rate(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        uint64_t value;
        enum metric_known known;

        if (!view->accumulated)
                return live_rate(view->live, row, column->metric, ret);

        known = live_accumulated(view->live, row, column->metric, &value);
        *ret = (double)value;
        return known;
}

static enum metric_known number_peak(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        enum metric_known known = METRIC_NOT_YET;

        (void)column;
        (void)view;
        if (row->sampled)
                known = metric_group_known(&row->stats, TB_STATS_MEMORY);
        else if (row->ended)
                known = METRIC_LOST;
        *ret = known == METRIC_KNOWN ? (double)row->stats.memory.hiwater_rss_kib * 1024 : 0;

        /* A kernel thread has no memory of its own. A zombie has no memory any more, and its peak is lost. */
        return known == METRIC_KNOWN && *ret == 0 ? METRIC_LOST : known;
}

static enum metric_known number_nice(const LiveColumn *column, const LiveView *view, const LiveRow *row, double *ret) {
        enum metric_known known = METRIC_NOT_YET;

        (void)column;
        (void)view;
        if (row->sampled)
                known = metric_group_known(&row->stats, TB_STATS_SCHEDULING);
        *ret = known == METRIC_KNOWN ? row->stats.scheduling.ac_nice : 0;

        return known;
}

static void write_bytes(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        char bytes[FORMAT_MAX];
        double number;
        enum metric_known known = column->number(column, view, row, &number);

        snprintf(text, LIVE_TEXT_MAX, "%s%s",
                 known == METRIC_KNOWN ? format_bytes(bytes, (uint64_t)(number + 0.5)) : live_column_mark(known),
                 known == METRIC_KNOWN ? mark_at_least(column, row) : "");
}

static void write_count(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        double number;
        enum metric_known known = column->number(column, view, row, &number);

        if (known == METRIC_KNOWN)
                snprintf(text, LIVE_TEXT_MAX, "%.0f", number);
        else
                strcpy(text, live_column_mark(known));
}

/* Writes a time per second as a percentage, or an accumulated time as a duration. */
static void write_share(const LiveColumn *column, const LiveView *view, const LiveRow *row, char *text) {
        double ns;
        enum metric_known known;

        if (view->accumulated) {
                write_duration(column, view, row, text);
                return;
        }

        known = column->number(column, view, row, &ns);
        if (known == METRIC_KNOWN)
                snprintf(text, LIVE_TEXT_MAX, "%.1f", ns / NS_PER_S * 100);
        else
                strcpy(text, live_column_mark(known));
}

#define ID(column, title, digits, text_of_help)                                                                        \
        {                                                                                                              \
                .name = #column, .header = title, .help = text_of_help, .width = digits, .right = true,                \
                .ascending = true, .number = number_##column, .write = write_id                                        \
        }

#define METRIC_COLUMN(column, title, columns, of, numbers, writes, text_of_help)                                       \
        {                                                                                                              \
                .name = column, .header = title, .help = text_of_help, .width = columns, .right = true, .metric = of,  \
                .number = numbers, .write = writes                                                                     \
        }

static const LiveColumn columns[] = {
        ID(pid, "PID", 7, "the process"),
        ID(tid, "TID", 7, "the thread; of a process, its first"),
        ID(ppid, "PPID", 7, "the process' present parent"),
        {.name = "parent",
         .header = "PARENT",
         .help = "the name of the present parent",
         .width = 15,
         .ascending = true,
         .text = write_parent,
         .write = write_parent},
        {.name = "user",
         .header = "USER",
         .help = "the real user",
         .width = 8,
         .ascending = true,
         .text = text_user,
         .write = write_user},
        ID(tasks, "THR", 4, "threads of the process"),
        METRIC_COLUMN("nice", "NI", 3, 0, number_nice, write_count, "niceness"),
        METRIC_COLUMN("cpu", "CPU%", 6, METRIC_CPU, number_rate, write_share, "processor time, of one processor"),
        METRIC_COLUMN("delay", "WAIT%", 6, METRIC_CPU_DELAY, number_rate, write_share,
                      "ran not, for want of a processor"),
        METRIC_COLUMN("io", "IO%", 6, METRIC_IO_DELAY, number_rate, write_share, "waited for storage"),
        METRIC_COLUMN("swap", "SWAP%", 6, METRIC_SWAP_DELAY, number_rate, write_share, "waited for swapped-out memory"),
        METRIC_COLUMN("read", "READ/s", 7, METRIC_READ, number_rate, write_bytes, "bytes fetched from storage"),
        METRIC_COLUMN("write", "WRITE/s", 7, METRIC_WRITE, number_rate, write_bytes, "bytes sent to storage"),
        METRIC_COLUMN("rchar", "RCHAR/s", 7, METRIC_read_char_bytes, number_rate, write_bytes,
                      "bytes that read calls asked for"),
        METRIC_COLUMN("wchar", "WCHAR/s", 7, METRIC_write_char_bytes, number_rate, write_bytes,
                      "bytes given to write calls"),
        METRIC_COLUMN("switches", "CS/s", 7, METRIC_nvcsw, number_rate, write_count, "voluntary context switches"),
        METRIC_COLUMN("preempted", "PRE/s", 7, METRIC_nivcsw, number_rate, write_count, "involuntary context switches"),
        METRIC_COLUMN("faults", "FLT/s", 7, METRIC_ac_minflt, number_rate, write_count, "page faults without input"),
        METRIC_COLUMN("majfaults", "MAJ/s", 6, METRIC_ac_majflt, number_rate, write_count, "page faults with input"),
        METRIC_COLUMN("peak", "PEAK", 6, 0, number_peak, write_bytes, "most memory that was ever resident"),
        METRIC_COLUMN("time", "TIME", 7, METRIC_CPU, number_total, write_duration, "processor time since the start"),
        METRIC_COLUMN("reads", "READ", 7, METRIC_READ, number_total, write_bytes, "bytes fetched since the start"),
        METRIC_COLUMN("writes", "WRITTEN", 7, METRIC_WRITE, number_total, write_bytes, "bytes sent since the start"),
        METRIC_COLUMN("age", "AGE", 6, 0, number_age, write_duration, "time since the start"),
        {.name = "state",
         .header = "END",
         .help = "how it ended",
         .width = 9,
         .ascending = true,
         .text = write_state,
         .write = write_state},
        {.name = "name",
         .header = "NAME",
         .help = "the name of the task",
         .width = 15,
         .ascending = true,
         .text = write_name,
         .write = write_name},
        {.name = "command",
         .header = "COMMAND",
         .help = "the name, or the command line",
         .width = 0,
         .ascending = true,
         .text = write_command,
         .write = write_command},
};

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

/* NULL: there is no column of that name. */
const LiveColumn *live_column_find(const char *name, size_t n_name) {
        for (size_t i = 0; i < N_COLUMNS; ++i)
                if (strlen(columns[i].name) == n_name && memcmp(columns[i].name, name, n_name) == 0)
                        return columns + i;

        return NULL;
}

/* Walks over all columns: NULL gives the first, the last gives NULL. */
const LiveColumn *live_column_next(const LiveColumn *column) {
        if (!column)
                return columns;

        return column + 1 < columns + N_COLUMNS ? column + 1 : NULL;
}

void live_column_write(const LiveColumn *column, const LiveView *view, const LiveRow *row,
                       char text[static LIVE_TEXT_MAX]) {
        column->write(column, view, row, text);
}

static int key_compare_number(const void *a, const void *b, void *closure) {
        const SortKey *one = a, *other = b;
        const bool *ascending = closure;

        if (one->known != other->known)
                return one->known ? -1 : 1;
        if (one->number != other->number)
                return (one->number < other->number) == *ascending ? -1 : 1;

        return (one->row->tid > other->row->tid) - (one->row->tid < other->row->tid);
}

static int key_compare_text(const void *a, const void *b, void *closure) {
        const SortKey *one = a, *other = b;
        const bool *ascending = closure;
        int r = strcmp(one->text, other->text);

        if (r != 0)
                return (r < 0) == *ascending ? -1 : 1;

        return (one->row->tid > other->row->tid) - (one->row->tid < other->row->tid);
}

static int live_sort_by_text(SortKey *keys, size_t n_keys, const LiveColumn *column, const LiveView *view,
                             bool *ascending) {
        static char text[LIVE_TEXT_MAX];
        size_t n = 0;
        int r = 0;

        for (; n < n_keys && r >= 0; ++n) {
                column->text(column, view, keys[n].row, text);
                keys[n].text = strdup(text);
                if (!keys[n].text)
                        r = -ENOMEM;
        }
        if (r >= 0)
                qsort_r(keys, n_keys, sizeof(*keys), key_compare_text, ascending);
        for (size_t i = 0; i < n; ++i)
                free(keys[i].text);

        return r;
}

int live_column_sort(LiveRow **rows, size_t n_rows, const LiveColumn *column, const LiveView *view, bool reverse) {
        bool ascending = column->ascending != reverse;
        SortKey *keys;
        int r = 0;

        keys = calloc(n_rows + 1, sizeof(*keys));
        if (!keys)
                return -ENOMEM;

        for (size_t i = 0; i < n_rows; ++i) {
                keys[i].row = rows[i];
                if (!column->text)
                        keys[i].known = column->number(column, view, rows[i], &keys[i].number) == METRIC_KNOWN;
        }
        if (column->text)
                r = live_sort_by_text(keys, n_rows, column, view, &ascending);
        else
                qsort_r(keys, n_rows, sizeof(*keys), key_compare_number, &ascending);
        for (size_t i = 0; i < n_rows && r >= 0; ++i)
                rows[i] = keys[i].row;
        free(keys);

        return r;
}
