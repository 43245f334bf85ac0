/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/base/cmdline.h"
#include "clients/cli/base/users.h"
#include "clients/cli/iotop/diskstats.h"
#include "clients/cli/iotop/ioprio.h"
#include "clients/cli/model/live.h"

typedef struct IotopLine IotopLine;
typedef struct IotopRows IotopRows;
typedef struct IotopValue IotopValue;

#define IOTOP_LINE_MAX (CMDLINE_TEXT_MAX + 512u)
#define IOTOP_SUMMARY_MAX 160

/* The columns, from left to right. Rows can be sorted by each. */
enum iotop_column {
        IOTOP_TID,
        IOTOP_PRIO,
        IOTOP_USER,
        IOTOP_READ,
        IOTOP_WRITE,
        IOTOP_SWAPIN,
        IOTOP_IO,
        IOTOP_COMMAND,
        N_IOTOP_COLUMNS,
};

struct IotopValue {
        double value; /* bytes or ns, per second or as a total */
        enum metric_known known;
};

struct IotopLine {
        const LiveRow *row;
        IotopValue read;
        IotopValue write;
        IotopValue swapin;
        IotopValue io;
        char prio[IOPRIO_MAX]; /* only if the rows are sorted by it */
};

/* The table: the lines of a model that are shown. */
struct IotopRows {
        /* Set by the owner. */
        const Live *live;
        Users *users;
        bool only;
        bool processes;
        bool accumulated;
        bool kilobytes;
        bool ended;     /* also tasks that ended before the last sample */
        bool uncounted; /* delay accounting is not known to be on */
        enum iotop_column sort;
        bool ascending;

        IotopLine *lines;
        size_t n_lines;
        size_t n_room;
        size_t widths[N_IOTOP_COLUMNS]; /* the columns, by iotop_rows_make(); 0: the rest of the line */
        uint32_t left_out;              /* columns for which the screen has no room, as bits: by iotop_rows_fit() */

        Diskstats disks; /* at the last sample */
        bool disks_known;
        uint64_t disks_time_ns; /* when they were read: clock_now_ns() */
        char current_read[32], current_write[32];
};

int iotop_rows_make(IotopRows *rows);
void iotop_rows_fit(IotopRows *rows, size_t columns);
bool iotop_rows_shows(const IotopRows *rows, enum iotop_column column);
void iotop_rows_deinit(IotopRows *rows);
void iotop_rows_sample(IotopRows *rows, const char *disks_path, uint64_t now_ns);

void iotop_rows_line(const IotopRows *rows, const IotopLine *line, bool batch, char text[static IOTOP_LINE_MAX]);
void iotop_rows_summary(const IotopRows *rows, bool narrow, char total[static IOTOP_SUMMARY_MAX],
                        char current[static IOTOP_SUMMARY_MAX]);
void iotop_rows_titles(const IotopRows *rows, char text[static IOTOP_SUMMARY_MAX]);
const char *iotop_rows_title(const IotopRows *rows, enum iotop_column column);
