/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of taskbroker iotop: its rows, their order, and their text. The text has the
 * form of iotop, so that programs that read iotop can read this too.
 *
 * Owns the list of lines; the model owns the rows. A number that is not known is "-" or
 * "?", never 0. Pure, but for names of users and priorities.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/iotop/ioprio.h"
#include "clients/cli/iotop/iotop_rows.h"
#include "clients/cli/model/live_values.h"

#define NS_PER_S 1e9

#define IOTOP_SIZE_MAX 32

/* The least room for a command on a screen, with the spaces around it. */
#define IOTOP_COMMAND_MIN 8u
#define IOTOP_USER_MAX TEXT_FIT_MAX(16)

static const struct {
        const char *title;
        size_t width; /* unless a number needs more; 0: the rest of the line */
} iotop_columns[] = {
        [IOTOP_TID] = {"TID", 7},         [IOTOP_PRIO] = {"PRIO", 4},         [IOTOP_USER] = {"USER", 8},
        [IOTOP_READ] = {"DISK READ", 11}, [IOTOP_WRITE] = {"DISK WRITE", 11}, [IOTOP_SWAPIN] = {"SWAPIN", 7},
        [IOTOP_IO] = {"IO", 7},           [IOTOP_COMMAND] = {"COMMAND", 0},
};

const char *iotop_rows_title(const IotopRows *rows, enum iotop_column column) {
        return column == IOTOP_TID && rows->processes ? "PID" : iotop_columns[column].title;
}

/* The titles as iotop -b prints them: some end with their column, and some begin a little behind it. */
void iotop_rows_titles(const IotopRows *rows, char text[static IOTOP_SUMMARY_MAX]) {
        const size_t *widths = rows->widths;

        snprintf(text, IOTOP_SUMMARY_MAX, "%*s  PRIO  %-*s %*s %*s  SWAPIN      IO    COMMAND",
                 (int)widths[IOTOP_TID], iotop_rows_title(rows, IOTOP_TID), (int)widths[IOTOP_USER], "USER",
                 (int)widths[IOTOP_READ] - 2, "DISK READ", (int)widths[IOTOP_WRITE], "DISK WRITE");
}

/* As in iotop: a unit is used from 2 of it on. */
static void iotop_size(const IotopRows *rows, double bytes, const char *per, char text[static IOTOP_SIZE_MAX]) {
        static const char units[] = "BKMGTPE";
        size_t unit = 0;

        if (rows->kilobytes) {
                bytes /= 1024;
                unit = 1;
        }
        for (; !rows->kilobytes && bytes >= 2048 && units[unit + 1]; ++unit)
                bytes /= 1024;
        snprintf(text, IOTOP_SIZE_MAX, "%.2f %c%s", bytes, units[unit], per);
}

/* A mark has a unit too, so that each line splits into the same number of words. */
static void iotop_cell(const IotopRows *rows, const IotopValue *value, char text[static IOTOP_SIZE_MAX]) {
        const char *per = rows->accumulated ? "" : "/s";

        if (value->known == METRIC_KNOWN)
                iotop_size(rows, value->value, per, text);
        else
                snprintf(text, IOTOP_SIZE_MAX, "%s %c%s", value->known == METRIC_WITHHELD ? "-" : "?",
                         rows->kilobytes ? 'K' : 'B', per);
}

static void iotop_share(const IotopValue *value, char text[static IOTOP_SIZE_MAX]) {
        double percent = value->value / NS_PER_S * 100;

        if (value->known == METRIC_KNOWN)
                snprintf(text, IOTOP_SIZE_MAX, "%.2f %%", percent < 99.99 ? percent : 99.99);
        else
                snprintf(text, IOTOP_SIZE_MAX, "%s %%", value->known == METRIC_WITHHELD ? "-" : "?");
}

static IotopValue iotop_value(const IotopRows *rows, const LiveRow *row, unsigned int metric) {
        uint64_t accumulated;
        IotopValue value;

        if (!rows->accumulated) {
                value.known = live_rate(rows->live, row, metric, &value.value);
                return value;
        }

        value.known = live_accumulated(rows->live, row, metric, &accumulated);
        value.value = (double)accumulated;
        return value;
}

/* Waiting is a share of time: of the sample, or of all the time that the task was watched. */
static IotopValue iotop_delay(const IotopRows *rows, const LiveRow *row, unsigned int metric) {
        IotopValue value = iotop_value(rows, row, metric);
        uint64_t begin_ns = row->start_time_ns > rows->live->began_ns ? row->start_time_ns : rows->live->began_ns;
        uint64_t end_ns = rows->live->sample.summary.end_time_ns;

        if (rows->accumulated && value.known == METRIC_KNOWN)
                value.value = end_ns > begin_ns ? value.value * NS_PER_S / (double)(end_ns - begin_ns) : 0;

        return value;
}

static const char *iotop_prio(const LiveRow *row, char text[static IOPRIO_MAX]) {
        return ioprio_text(text, row->tid, row->start_boot_ns, row->sampled ? &row->stats : NULL);
}

static IotopLine iotop_rows_measure(const IotopRows *rows, const LiveRow *row) {
        IotopValue cancelled = iotop_value(rows, row, METRIC_CANCELLED);
        IotopLine line = {
                .row = row,
                .read = iotop_value(rows, row, METRIC_READ),
                .write = iotop_value(rows, row, METRIC_WRITE),
                .swapin = iotop_delay(rows, row, METRIC_SWAP_DELAY),
                .io = iotop_delay(rows, row, METRIC_IO_DELAY),
        };

        line.write.value = line.write.value > cancelled.value ? line.write.value - cancelled.value : 0;
        return line;
}

/* A task whose writes were all cancelled is active too. */
static bool iotop_is_active(const IotopRows *rows, const IotopLine *line) {
        return line->read.value > 0 || line->swapin.value > 0 || line->io.value > 0 || line->write.value > 0 ||
               iotop_value(rows, line->row, METRIC_WRITE).value > 0;
}

static int iotop_add(IotopRows *rows, const LiveRow *row) {
        size_t n_room = rows->n_room ? 2 * rows->n_room : 256;
        IotopLine line, *lines;

        /* A task that is not in the last sample is idle: this spares it the calculation. */
        if (rows->only && !rows->accumulated && row->sample != rows->live->sample.number)
                return 0;
        line = iotop_rows_measure(rows, row);
        if (rows->only && !iotop_is_active(rows, &line))
                return 0;
        /* It takes two system calls, or more: only the order needs it of every line. */
        if (rows->sort == IOTOP_PRIO)
                iotop_prio(row, line.prio);

        if (rows->n_lines == rows->n_room) {
                lines = reallocarray(rows->lines, n_room, sizeof(*lines));
                if (!lines)
                        return -ENOMEM;
                rows->lines = lines;
                rows->n_room = n_room;
        }

        rows->lines[rows->n_lines++] = line;
        return 0;
}

static int compare_number(double a, double b) { return (a > b) - (a < b); }

/* Compares the bytes moved. For lines that are equal otherwise: delays may not be counted. */
static int compare_moved(const IotopLine *a, const IotopLine *b) {
        return compare_number(a->read.value + a->write.value, b->read.value + b->write.value);
}

static int compare_known(const IotopValue *a, const IotopValue *b) {
        return (a->known == METRIC_KNOWN) - (b->known == METRIC_KNOWN);
}

static bool iotop_is_value(enum iotop_column column) {
        return column == IOTOP_READ || column == IOTOP_WRITE || column == IOTOP_SWAPIN || column == IOTOP_IO;
}

/* The value of a column for which iotop_is_value() is true. */
static const IotopValue *iotop_sort_value(const IotopLine *line, enum iotop_column column) {
        switch (column) {
        case IOTOP_READ:
                return &line->read;
        case IOTOP_WRITE:
                return &line->write;
        case IOTOP_SWAPIN:
                return &line->swapin;
        default:
                return &line->io;
        }
}

static int compare_column(const IotopRows *rows, const IotopLine *a, const IotopLine *b) {
        if (iotop_is_value(rows->sort))
                return compare_number(iotop_sort_value(a, rows->sort)->value, iotop_sort_value(b, rows->sort)->value);

        switch (rows->sort) {
        case IOTOP_PRIO:
                return strcmp(a->prio, b->prio);
        case IOTOP_USER:
                return users_compare(rows->users, a->row->uid, b->row->uid);
        case IOTOP_COMMAND:
                return strcmp(a->row->comm, b->row->comm);
        default:
                return 0;
        }
}

/* A measured value that is not known comes last in both directions. */
static int iotop_compare(const void *first, const void *second, void *closure) {
        const IotopLine *a = first, *b = second;
        const IotopRows *rows = closure;
        int r = 0;

        if (iotop_is_value(rows->sort)) {
                r = compare_known(iotop_sort_value(b, rows->sort), iotop_sort_value(a, rows->sort));
                if (r == 0)
                        r = compare_known(&b->read, &a->read);
        }
        if (r != 0)
                return r;

        r = compare_column(rows, a, b);
        if (r == 0 && iotop_is_value(rows->sort))
                r = compare_moved(a, b);
        if (r == 0)
                r = (a->row->tid > b->row->tid) - (a->row->tid < b->row->tid);

        return rows->ascending ? r : -r;
}

/* The user in its column: a name is cut, and a number is not. */
static void iotop_user(const IotopRows *rows, const LiveRow *row, char text[static IOTOP_USER_MAX]) {
        const char *name = live_user(row, rows->users);

        text_fit(text, IOTOP_USER_MAX, name, text_is_number(name) ? SIZE_MAX : iotop_columns[IOTOP_USER].width,
                 TEXT_LINE);
}

static void iotop_widen(IotopRows *rows, enum iotop_column column, size_t width) {
        if (width > rows->widths[column])
                rows->widths[column] = width;
}

/* A number that is wider than its column widens it. */
static void iotop_rows_widen(IotopRows *rows) {
        char size[IOTOP_SIZE_MAX], user[IOTOP_USER_MAX];

        for (size_t i = 0; i < N_IOTOP_COLUMNS; ++i)
                rows->widths[i] = iotop_columns[i].width;
        for (size_t i = 0; i < rows->n_lines; ++i) {
                const IotopLine *line = rows->lines + i;

                iotop_widen(rows, IOTOP_TID, (size_t)snprintf(size, sizeof(size), "%u", line->row->tid));
                iotop_user(rows, line->row, user);
                iotop_widen(rows, IOTOP_USER, text_width(user, TEXT_LINE));
                iotop_cell(rows, &line->read, size);
                iotop_widen(rows, IOTOP_READ, strlen(size));
                iotop_cell(rows, &line->write, size);
                iotop_widen(rows, IOTOP_WRITE, strlen(size));
        }
}

/**
 * iotop_rows_make() - choose the lines and sort them
 * @rows:       the table
 *
 * Return: 0, or -ENOMEM.
 */
int iotop_rows_make(IotopRows *rows) {
        int r = 0;

        rows->n_lines = 0;
        for (size_t i = 0; i < rows->live->n_rows && r >= 0; ++i) {
                const LiveRow *row = rows->live->rows[i];

                if (!row->ended || rows->ended || row->sample == rows->live->sample.number)
                        r = iotop_add(rows, row);
        }
        if (r >= 0 && rows->n_lines)
                qsort_r(rows->lines, rows->n_lines, sizeof(*rows->lines), iotop_compare, rows);
        iotop_rows_widen(rows);

        return r;
}

/**
 * iotop_rows_fit() - leave out columns of a screen until the command has room
 * @rows:       the table, made
 * @columns:    the width of the screen
 *
 * A number is not cut: what has no room is left out as a whole.
 */
void iotop_rows_fit(IotopRows *rows, size_t columns) {
        static const enum iotop_column order[] = { IOTOP_PRIO, IOTOP_SWAPIN, IOTOP_USER, IOTOP_IO };
        size_t needed = IOTOP_COMMAND_MIN;

        rows->left_out = 0;
        for (size_t i = 0; i < IOTOP_COMMAND; ++i)
                needed += rows->widths[i] + 1;
        for (size_t i = 0; i < sizeof(order) / sizeof(*order) && needed > columns; ++i) {
                rows->left_out |= 1u << order[i];
                needed -= rows->widths[order[i]] + 1;
        }
}

bool iotop_rows_shows(const IotopRows *rows, enum iotop_column column) { return !(rows->left_out & 1u << column); }

void iotop_rows_deinit(IotopRows *rows) {
        free(rows->lines);
        rows->lines = NULL;
        rows->n_lines = rows->n_room = 0;
        diskstats_deinit(&rows->disks);
}

/* Adds a cell and a space; nothing if the screen has no room for its column. */
static size_t iotop_add_cell(const IotopRows *rows, enum iotop_column column, const char *cell, char *text) {
        size_t n = text_width(cell, TEXT_LINE), width = rows->widths[column];
        int padding = n < width ? (int)(width - n) : 0;

        if (!iotop_rows_shows(rows, column))
                return 0;
        if (column == IOTOP_USER)
                return (size_t)sprintf(text, "%s%*s ", cell, padding, "");

        return (size_t)sprintf(text, "%*s%s ", padding, "", cell);
}

/**
 * iotop_rows_line() - write a line as text
 * @rows:       the table
 * @line:       the line
 * @batch:      without delay accounting, the batch form of iotop prints one word for both delays; its screen
 *              leaves the columns out, and our screen has marks
 * @text:       output
 */
void iotop_rows_line(const IotopRows *rows, const IotopLine *line, bool batch, char text[static IOTOP_LINE_MAX]) {
        char cell[IOTOP_SIZE_MAX], prio[IOPRIO_MAX], user[IOTOP_USER_MAX];
        size_t n;

        snprintf(cell, sizeof(cell), "%u", line->row->tid);
        n = iotop_add_cell(rows, IOTOP_TID, cell, text);
        n += iotop_add_cell(rows, IOTOP_PRIO, iotop_prio(line->row, prio), text + n);
        iotop_user(rows, line->row, user);
        n += iotop_add_cell(rows, IOTOP_USER, user, text + n);
        iotop_cell(rows, &line->read, cell);
        n += iotop_add_cell(rows, IOTOP_READ, cell, text + n);
        iotop_cell(rows, &line->write, cell);
        n += iotop_add_cell(rows, IOTOP_WRITE, cell, text + n);
        if (rows->uncounted && batch && line->io.known != METRIC_KNOWN) {
                n += (size_t)sprintf(text + n, "?unavailable?  ");
        } else {
                iotop_share(&line->swapin, cell);
                n += iotop_add_cell(rows, IOTOP_SWAPIN, cell, text + n);
                iotop_share(&line->io, cell);
                n += iotop_add_cell(rows, IOTOP_IO, cell, text + n);
                text[n++] = ' ';
        }

        text[n] = 0;
        if (line->row->program && cmdline_text(text + n, line->row->program) > 0)
                return;
        live_name(line->row, text + n, IOTOP_LINE_MAX - n);
}

/**
 * iotop_rows_sample() - measure what disks moved since the last call
 * @rows:       keeps the counters
 * @disks_path: for diskstats_read()
 * @now_ns:     the time, on any steady clock
 *
 * The time is our own: a sample that was taken late, after a stop of this program, is one
 * interval long for the broker, and the counters of the disks are as of now.
 */
void iotop_rows_sample(IotopRows *rows, const char *disks_path, uint64_t now_ns) {
        double seconds = now_ns > rows->disks_time_ns ? (double)(now_ns - rows->disks_time_ns) / NS_PER_S : 0;
        Diskstats before = rows->disks;
        uint64_t read, written;
        bool known;

        rows->disks = (Diskstats){0};
        known = diskstats_read(disks_path, &rows->disks);
        if (known && rows->disks_known && seconds > 0) {
                diskstats_moved(&before, &rows->disks, &read, &written);
                iotop_size(rows, (double)read / seconds, "/s", rows->current_read);
                iotop_size(rows, (double)written / seconds, "/s", rows->current_write);
        } else {
                snprintf(rows->current_read, sizeof(rows->current_read), "? %c/s", rows->kilobytes ? 'K' : 'B');
                strcpy(rows->current_write, rows->current_read);
        }
        diskstats_deinit(&before);
        rows->disks_known = known;
        rows->disks_time_ns = now_ns;
}

/* The sums over the lines of the last sample. A row without a known value adds nothing. */
static void iotop_sum(const IotopRows *rows, double *ret_read, double *ret_write) {
        const Live *live = rows->live;
        double read, write, cancelled;

        *ret_read = *ret_write = 0;
        for (size_t i = 0; i < live->n_changed; ++i) {
                live_rate(live, live->changed[i], METRIC_READ, &read);
                live_rate(live, live->changed[i], METRIC_WRITE, &write);
                live_rate(live, live->changed[i], METRIC_CANCELLED, &cancelled);
                *ret_read += read;
                *ret_write += write > cancelled ? write - cancelled : 0;
        }
}

/* Writes the two lines above the table: what tasks moved, and what disks moved. @narrow: in a short form. */
void iotop_rows_summary(const IotopRows *rows, bool narrow, char total[static IOTOP_SUMMARY_MAX],
                        char current[static IOTOP_SUMMARY_MAX]) {
        char read[IOTOP_SIZE_MAX], write[IOTOP_SIZE_MAX];
        double read_rate, write_rate;

        iotop_sum(rows, &read_rate, &write_rate);
        iotop_size(rows, read_rate, "/s", read);
        iotop_size(rows, write_rate, "/s", write);
        /* The first sample has no rates. */
        if (!rows->live->sample.span_ns) {
                snprintf(read, sizeof(read), "? %c/s", rows->kilobytes ? 'K' : 'B');
                strcpy(write, read);
        }
        if (narrow) {
                snprintf(total, IOTOP_SUMMARY_MAX, "Total   R %12s  W %12s", read, write);
                snprintf(current, IOTOP_SUMMARY_MAX, "Current R %12s  W %12s", rows->current_read, rows->current_write);
                return;
        }
        snprintf(total, IOTOP_SUMMARY_MAX, "Total DISK READ:   %14s | Total DISK WRITE:   %14s", read, write);
        snprintf(current, IOTOP_SUMMARY_MAX, "Current DISK READ: %14s | Current DISK WRITE: %14s", rows->current_read,
                 rows->current_write);
}
