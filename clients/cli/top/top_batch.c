/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker top -b: samples as tables, or as JSON, for scripts.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/json/json.h"
#include "clients/cli/json/json_sample.h"
#include "clients/cli/model/live_batch.h"
#include "clients/cli/model/live_columns.h"
#include "clients/cli/model/live_values.h"
#include "clients/cli/top/top_batch.h"

#define NS_PER_S 1e9

#define BATCH_COUNT_MAX 32

typedef struct TopBatch TopBatch;

struct TopBatch {
        const TopOptions *options;
        LiveView view;
        Users users;
        const LiveColumn *columns[TOP_COLUMNS_MAX];
        size_t n_columns;
        const LiveColumn *sort;
        LiveRow **rows; /* the rows of the sample that is printed, in order */
        size_t n_rows;
};

static int batch_write_text(Output *output, const char *text) { return output_write(output, text, strlen(text)); }

/* Writes a rate of the machine, as a share of time or in bytes, or the mark of a value that is not known. */
static void batch_machine(const Live *live, unsigned int metric, bool share, char text[static FORMAT_MAX]) {
        double value;
        enum metric_known known = live_machine_rate(live, metric, &value);

        if (known != METRIC_KNOWN)
                strcpy(text, live_column_mark(known));
        else if (share)
                snprintf(text, FORMAT_MAX, "%.1f%%", value / NS_PER_S * 100);
        else
                format_bytes(text, (uint64_t)(value + 0.5));
}

/* Writes a count of events; "-" if it is not known, and a plus behind it if there may be more. */
static void batch_count(uint64_t count, bool known, bool at_least, char text[static BATCH_COUNT_MAX]) {
        if (known)
                snprintf(text, BATCH_COUNT_MAX, "%" PRIu64 "%s", count, at_least ? "+" : "");
        else
                strcpy(text, "-");
}

static int batch_write_summary(const Live *live, const struct tb_welcome *welcome, Output *output) {
        const LiveSample *sample = &live->sample;
        char date[FORMAT_MAX], span[FORMAT_MAX], cpu[FORMAT_MAX], wait[FORMAT_MAX], read[FORMAT_MAX], write[FORMAT_MAX];
        bool uncounted = welcome && welcome->delay_accounting == TB_DELAY_ACCOUNTING_OFF;
        bool unknown = !sample->summary.lost && (sample->summary.lost_at_least || !sample->span_ns);
        char line[512], forks[BATCH_COUNT_MAX], execs[BATCH_COUNT_MAX], exits[BATCH_COUNT_MAX], lost[BATCH_COUNT_MAX];

        batch_count(sample->summary.forks, sample->span_ns != 0, false, forks);
        batch_count(sample->summary.execs, sample->span_ns != 0, false, execs);
        batch_count(sample->summary.exits, sample->span_ns != 0, false, exits);
        batch_count(sample->summary.lost, !unknown, sample->summary.lost_at_least, lost);
        batch_machine(live, METRIC_CPU, true, cpu);
        batch_machine(live, METRIC_CPU_DELAY, true, wait);
        batch_machine(live, METRIC_READ, false, read);
        batch_machine(live, METRIC_WRITE, false, write);
        snprintf(line, sizeof(line),
                 "%s  %s  %zu tasks, %zu ran  forks %s execs %s exits %s lost %s  "
                 "cpu %s wait %s read %s/s write %s/s%s\n",
                 format_date(date, sample->summary.end_time_ns),
                 sample->span_ns ? format_duration(span, sample->span_ns) : "-", live->n_alive, live->n_changed, forks,
                 execs, exits, lost, cpu, wait, read, write,
                 uncounted ? "  delay accounting off" : "");

        return batch_write_text(output, line);
}

static int batch_write_spaces(Output *output, size_t n) {
        int r = 0;

        for (; n > 0 && r >= 0; --n)
                r = output_write(output, " ", 1);

        return r;
}

static int batch_write_cell(Output *output, const char *text, const LiveColumn *column, size_t width, bool last) {
        static char fitted[LIVE_TEXT_MAX];
        size_t columns = text_fit(fitted, sizeof(fitted), text, SIZE_MAX, TEXT_LINE);
        size_t padding = columns < width ? width - columns : 0;
        int r = 0;

        if (column->right)
                r = batch_write_spaces(output, padding);
        if (r >= 0)
                r = batch_write_text(output, fitted);
        if (r >= 0 && !column->right && !last)
                r = batch_write_spaces(output, padding);

        return r < 0 ? r : batch_write_text(output, last ? "\n" : " ");
}

/* Each column is as wide as its widest cell, and no narrower than on a screen. The last one needs no width. */
static void batch_measure(const TopBatch *top, size_t widths[static TOP_COLUMNS_MAX]) {
        static char text[LIVE_TEXT_MAX];

        for (size_t i = 0; i < top->n_columns; ++i) {
                const LiveColumn *column = top->columns[i];

                widths[i] = column->width;
                for (size_t row = 0; row < top->n_rows && (column->right || i + 1 < top->n_columns); ++row) {
                        size_t n;

                        live_column_write(column, &top->view, top->rows[row], text);
                        n = text_width(text, TEXT_LINE);
                        if (n > widths[i])
                                widths[i] = n;
                }
        }
}

static int batch_write_table(TopBatch *top, Output *output) {
        size_t widths[TOP_COLUMNS_MAX] = { 0 };
        static char text[LIVE_TEXT_MAX];
        int r = 0;

        batch_measure(top, widths);
        for (size_t i = 0; i < top->n_columns && r >= 0; ++i)
                r = batch_write_cell(output, top->columns[i]->header, top->columns[i], widths[i],
                                     i + 1 == top->n_columns);
        for (size_t row = 0; row < top->n_rows; ++row)
                for (size_t i = 0; i < top->n_columns && r >= 0; ++i) {
                        live_column_write(top->columns[i], &top->view, top->rows[row], text);
                        r = batch_write_cell(output, text, top->columns[i], widths[i], i + 1 == top->n_columns);
                }

        return r < 0 ? r : batch_write_text(output, "\n");
}

/* The rows that are to be printed, in order. Returns 0, or -ENOMEM. */
static int batch_choose(TopBatch *top, const Live *live) {
        LiveRow **from = top->options->idle ? live->rows : live->changed, **rows;
        size_t n = top->options->idle ? live->n_rows : live->n_changed;
        int r;

        rows = reallocarray(top->rows, n + 1, sizeof(*rows));
        if (!rows)
                return -ENOMEM;

        /* A task that ended in an earlier sample was printed with that sample. */
        top->rows = rows;
        top->n_rows = 0;
        for (size_t i = 0; i < n; ++i)
                if (!from[i]->ended || from[i]->sample == live->sample.number)
                        rows[top->n_rows++] = from[i];
        r = live_column_sort(rows, top->n_rows, top->sort, &top->view, top->options->reverse);
        if (top->options->rows && top->n_rows > top->options->rows)
                top->n_rows = top->options->rows;

        return r;
}

static int batch_print_json(TopBatch *top, LiveBatch *batch) {
        int r = 0;

        for (size_t i = 0; i < top->n_rows && r >= 0; ++i)
                r = json_write(json_sample_row(&batch->live, top->rows[i]), &batch->output);

        return r < 0 ? r
                     : json_write(json_sample(&batch->live, live_link_welcome(&batch->link)), &batch->output);
}

static int batch_print(LiveBatch *batch) {
        TopBatch *top = batch->closure;
        int r;

        r = batch_choose(top, &batch->live);
        if (r < 0)
                return r;
        if (top->options->json)
                return batch_print_json(top, batch);

        r = batch_write_summary(&batch->live, live_link_welcome(&batch->link), &batch->output);
        return r < 0 ? r : batch_write_table(top, &batch->output);
}

static void batch_choose_columns(TopBatch *top) {
        static const char *const usual[] = {"pid",  "user",  "cpu",  "delay", "io",
                                            "read", "write", "time", "state", "command"};
        const TopOptions *options = top->options;

        top->sort = options->sort ? options->sort : live_column_find("cpu", strlen("cpu"));
        if (options->n_columns) {
                memcpy(top->columns, options->columns, sizeof(top->columns));
                top->n_columns = options->n_columns;
                return;
        }

        for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); ++i) {
                const char *name = i == 0 && options->threads ? "tid" : usual[i];

                top->columns[top->n_columns++] = live_column_find(name, strlen(name));
        }
}

int top_batch(const TopOptions *options) {
        static LiveBatch batch;
        static TopBatch top;
        LiveSettings settings = {
                .socket_path = options->socket_path,
                .verb = "top",
                .interval_ms = options->interval_ms,
                .scope = options->threads ? TB_SAMPLE_THREADS : TB_SAMPLE_PROCESSES,
                .events = options->arguments,
                .programs = options->arguments,
                .filter = &options->filter.wanted,
        };
        int r;

        top.options = options;
        top.users.numeric = options->numeric;
        top.users.background = true;
        top.view = (LiveView){.live = &batch.live, .users = &top.users, .arguments = options->arguments};
        batch_choose_columns(&top);
        batch.settings = &settings;
        batch.iterations = options->iterations;
        batch.first_too = options->idle;
        batch.print = batch_print;
        batch.closure = &top;
        r = live_batch_run(&batch);
        free(top.rows);

        return r;
}
