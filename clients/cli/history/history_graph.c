/* SPDX-License-Identifier: Apache-2.0 */

/*
 * history graph: rates over a span, in the terminal, as a picture, or as rows. Parts of the
 * span in which something is missing are marked. Called by history.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/history/history_buckets.h"
#include "clients/cli/history/history_verbs.h"

/* Parts on a terminal of unknown width, for a program, and in a picture. */
#define GRAPH_WIDTH 60
#define GRAPH_LABEL 24

#define SVG_PARTS 240
#define SVG_WIDTH 960
#define SVG_ROW 90
#define SVG_LEFT 110

static size_t graph_parts(const History *history) {
        size_t width = terminal_width(1);

        if (history->options.svg_path)
                return SVG_PARTS;
        if (width < GRAPH_LABEL + 20)
                return GRAPH_WIDTH;

        return width - GRAPH_LABEL < HISTORY_BUCKETS_MAX ? width - GRAPH_LABEL : HISTORY_BUCKETS_MAX;
}

static const char *graph_time(char text[static FORMAT_MAX], uint64_t wall_ns) {
        return format_realtime(text, wall_ns / 1000000000u);
}

static void graph_line(History *history, const HistoryBuckets *buckets, HistoryRate rate) {
        static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
        static const char ascii[] = " .:-=+*%#";
        bool utf8 = terminal_utf8();
        char max[FORMAT_MAX];

        history_output_print(&history->output, "%-10s %10s  ", history_rate_names[rate],
                             history_rate_text(max, rate, buckets->max[rate]));
        for (size_t i = 0; i < buckets->n; ++i) {
                double share = buckets->max[rate] > 0 ? buckets->rates[rate][i] / buckets->max[rate] : 0;
                size_t level = share > 0 ? 1 + (size_t)(share * 7.0 + 0.5) : 0;

                if (utf8)
                        history_output_print(&history->output, "%s", blocks[level > 8 ? 8 : level]);
                else
                        history_output_print(&history->output, "%c", ascii[level > 8 ? 8 : level]);
        }
        history_output_print(&history->output, "\n");
}

static void graph_text(History *history, const HistoryBuckets *buckets) {
        char since[FORMAT_MAX], until[FORMAT_MAX];
        bool missing = false;

        history_output_print(&history->output, "%s to %s; the number is the highest value.\n",
                             graph_time(since, buckets->since_ns), graph_time(until, buckets->until_ns));
        for (size_t rate = 0; rate < HISTORY_N_RATES; ++rate)
                graph_line(history, buckets, (HistoryRate)rate);
        for (size_t i = 0; i < buckets->n; ++i)
                missing |= buckets->missing[i];
        if (!missing)
                return;
        history_output_print(&history->output, "%-10s %10s  ", "missing", "");
        for (size_t i = 0; i < buckets->n; ++i)
                history_output_print(&history->output, "%s", buckets->missing[i] ? "!" : " ");
        history_output_print(&history->output, "\n");
}

static int graph_rows(History *history, const HistoryBuckets *buckets) {
        char sql[512];
        struct sqlite3_stmt *rows;
        int r;

        r = db_exec(&history->db, "CREATE TEMP TABLE rate (since TEXT, forks_per_s REAL, exits_per_s REAL,"
                                  " failures_per_s REAL, processors REAL, read_bytes_per_s REAL,"
                                  " write_bytes_per_s REAL, missing INTEGER)");
        for (size_t i = 0; i < buckets->n && r == 0; ++i) {
                snprintf(sql, sizeof(sql),
                         "INSERT INTO temp.rate VALUES (strftime('%%Y-%%m-%%d %%H:%%M:%%f', %" PRIu64
                         " / 1e9, 'unixepoch', 'localtime'), %.6f, %.6f, %.6f, %.6f, %.0f, %.0f, %d)",
                         history_buckets_time(buckets, i), buckets->rates[HISTORY_RATE_FORKS][i],
                         buckets->rates[HISTORY_RATE_EXITS][i], buckets->rates[HISTORY_RATE_FAILURES][i],
                         buckets->rates[HISTORY_RATE_CPU][i], buckets->rates[HISTORY_RATE_READ][i],
                         buckets->rates[HISTORY_RATE_WRITE][i], buckets->missing[i]);
                r = db_exec(&history->db, sql);
        }
        if (r == 0)
                r = db_prepare(&history->db, "SELECT * FROM temp.rate ORDER BY rowid", &rows);

        return r < 0 ? history_fail(history) : history_view_rows(history, rows, "rate", NULL);
}

static void svg_rate(FILE *file, const HistoryBuckets *buckets, HistoryRate rate) {
        double height = SVG_ROW - 30, width = (double)SVG_WIDTH / (double)buckets->n;
        double bottom = (double)SVG_ROW * (double)(rate + 1) + 20;
        char max[FORMAT_MAX];

        fprintf(file, "<text x=\"8\" y=\"%.0f\">%s</text><text x=\"8\" y=\"%.0f\" class=\"max\">%s</text>\n",
                bottom - height / 2, history_rate_names[rate], bottom - height / 2 + 16,
                history_rate_text(max, rate, buckets->max[rate]));
        fprintf(file, "<path d=\"M%d %.1f", SVG_LEFT, bottom);
        for (size_t i = 0; i < buckets->n; ++i) {
                double y = buckets->max[rate] > 0 ? height * buckets->rates[rate][i] / buckets->max[rate] : 0;

                fprintf(file, "V%.1fh%.2f", bottom - y, width);
        }
        fprintf(file, "V%.1fZ\"/>\n", bottom);
}

static void svg_missing(FILE *file, const HistoryBuckets *buckets) {
        double width = (double)SVG_WIDTH / (double)buckets->n;

        for (size_t i = 0; i < buckets->n; ++i)
                if (buckets->missing[i])
                        fprintf(file, "<rect class=\"missing\" x=\"%.2f\" y=\"30\" width=\"%.2f\" height=\"%d\"/>\n",
                                SVG_LEFT + width * (double)i, width, SVG_ROW * HISTORY_N_RATES);
}

/* The colours follow the reader's: light or dark. */
static void svg_write(FILE *file, const HistoryBuckets *buckets) {
        char since[FORMAT_MAX], until[FORMAT_MAX];
        int height = SVG_ROW * HISTORY_N_RATES + 50;

        fprintf(file,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
                "font-size=\"13\">\n<style>rect.page{fill:#fff}text{fill:#222}path{fill:#3778b8}.max{fill:#777}"
                ".missing{fill:#d33;opacity:.25}@media(prefers-color-scheme:dark){rect.page{fill:#1b1b1b}"
                "text{fill:#ddd}}</style>\n<rect class=\"page\" width=\"100%%\" height=\"100%%\"/>\n",
                SVG_LEFT + SVG_WIDTH + 10, height);
        fprintf(file, "<text x=\"%d\" y=\"18\">%s to %s; red: something is missing</text>\n", SVG_LEFT,
                graph_time(since, buckets->since_ns), graph_time(until, buckets->until_ns));
        for (size_t rate = 0; rate < HISTORY_N_RATES; ++rate)
                svg_rate(file, buckets, (HistoryRate)rate);
        svg_missing(file, buckets);
        fprintf(file, "</svg>\n");
}

static int graph_picture(const History *history, const HistoryBuckets *buckets) {
        FILE *file = fopen(history->options.svg_path, "we");
        bool failed;

        if (file)
                svg_write(file, buckets);
        failed = !file || ferror(file);
        if (file && fclose(file) != 0)
                failed = true;
        if (failed) {
                error_print("%s cannot be written: %s.", history->options.svg_path, strerror(errno));
                return EXIT_STATUS_ERROR;
        }

        return VERB_CONTINUE;
}

int history_graph(History *history) {
        static HistoryBuckets buckets;
        int r;

        if (history->n_arguments > 0)
                return error_usage("history", "%s: graph takes options only.", history->arguments[0]);
        r = history_list_begin(history, &history->options.span);
        if (r != VERB_CONTINUE)
                return r;
        r = history_buckets_fill(&buckets, history, graph_parts(history));
        if (r == -ENODATA) {
                error_print("Nothing was recorded in this span.");
                return EXIT_STATUS_ERROR;
        }
        if (r < 0)
                return history_fail(history);
        if (history->options.svg_path)
                return graph_picture(history, &buckets);
        if (history->options.form != HISTORY_TABLE)
                return graph_rows(history, &buckets);
        graph_text(history, &buckets);

        return VERB_CONTINUE;
}
