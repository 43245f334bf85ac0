/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A graph on the screen: its title with the last value, its scale, and the picture that
 * graph.c makes from a history. A graph without a value shows the reason.
 */

#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/base/text_width.h"
#include "clients/cli/top/top_graph.h"
#include "clients/cli/top/top_view.h"
#include "clients/cli/tui/graph.h"

#define NS_PER_S UINT64_C(1000000000)

/* From this width on, there is room for a scale on the left. */
#define GRAPH_AXIS_FROM 34u
#define GRAPH_AXIS 7u

#define GRAPH_CELLS_MAX (GRAPH_COLUMNS_MAX * 16u)

enum {
        GRAPH_FORM_PERCENT,
        GRAPH_FORM_BYTES,
        GRAPH_FORM_RATE,
};

typedef struct GraphKind GraphKind;

struct GraphKind {
        const char *title;
        enum screen_style style;
        int form;
        double least;                   /* the smallest end of the scale */
        bool marks_loss;                /* it is made from events, which can be lost */
        uint32_t groups;                /* the groups of statistics that it needs */
};

static const GraphKind graph_kinds[N_LIVE_GRAPHS] = {
        [LIVE_GRAPH_CPU] = { "CPU", SCREEN_GRAPH_CPU, GRAPH_FORM_PERCENT, 0.1, false, TB_STATS_BIT(TB_STATS_CPU) },
        [LIVE_GRAPH_CPU_DELAY] =
                {
                        "CPU wait",
                        SCREEN_GRAPH_WAIT,
                        GRAPH_FORM_PERCENT,
                        0.1,
                        false,
                        TB_STATS_BIT(TB_STATS_CPU_DELAY),
                },
        [LIVE_GRAPH_IO_DELAY] =
                { "I/O wait", SCREEN_GRAPH_WAIT, GRAPH_FORM_PERCENT, 0.1, false, TB_STATS_BIT(TB_STATS_DELAYS) },
        [LIVE_GRAPH_READ] = { "Read", SCREEN_GRAPH_READ, GRAPH_FORM_BYTES, 1048576, false, TB_STATS_BIT(TB_STATS_IO) },
        [LIVE_GRAPH_WRITE] =
                { "Write", SCREEN_GRAPH_WRITE, GRAPH_FORM_BYTES, 1048576, false, TB_STATS_BIT(TB_STATS_IO) },
        [LIVE_GRAPH_FORKS] = { "Forks", SCREEN_GRAPH_FORK, GRAPH_FORM_RATE, 10, true, 0 },
        [LIVE_GRAPH_EXITS] = { "Exits", SCREEN_GRAPH_EXIT, GRAPH_FORM_RATE, 10, true, 0 },
        [LIVE_GRAPH_EXECS] = { "Execs", SCREEN_GRAPH_FORK, GRAPH_FORM_RATE, 10, true, 0 },
        [LIVE_GRAPH_LOST] = { "Lost", SCREEN_GRAPH_LOSS, GRAPH_FORM_RATE, 10, true, 0 },
};

/* Four digits at most, and a unit: thousands of percent or of events, or the bytes as they are. */
static void graph_write_short(double value, int form, char text[static FORMAT_MAX]) {
        static const char units[] = { 'k', 'M', 'G', 'T' };
        size_t unit = 0;

        if (form == GRAPH_FORM_BYTES)
                return;
        for (value /= 1000; value >= 999.5 && unit + 1 < sizeof(units); ++unit)
                value /= 1000;
        snprintf(text, FORMAT_MAX, "%.0f%c%s", value, units[unit], form == GRAPH_FORM_PERCENT ? "%" : "");
}

/* Writes a value. Without room for it, "/s" and then a shorter unit: a number is never cut. */
static void graph_write_value(const GraphKind *kind, double value, size_t columns, char text[static FORMAT_MAX]) {
        char bytes[FORMAT_MAX];

        switch (kind->form) {
        case GRAPH_FORM_PERCENT:
                snprintf(text, FORMAT_MAX, "%.0f%%", 100 * value);
                break;
        case GRAPH_FORM_BYTES:
                snprintf(text, FORMAT_MAX, "%s/s", format_bytes(bytes, (uint64_t)(value + 0.5)));
                break;
        default:
                snprintf(text, FORMAT_MAX, value > 0 && value < 9.95 ? "%.1f/s" : "%.0f/s", value);
                break;
        }
        if (strlen(text) > columns)
                text[strcspn(text, "/")] = 0;
        if (strlen(text) > columns)
                graph_write_short(kind->form == GRAPH_FORM_PERCENT ? 100 * value : value, kind->form, text);
}

/* Makes the points of a graph from a history. Returns their number. */
static size_t graph_points(const LiveHistory *history, enum live_graph graph, GraphPoint *points) {
        size_t n = 0;

        for (; n < LIVE_HISTORY_MAX; ++n) {
                const LivePoint *point = live_history_at(history, n);

                if (!point)
                        break;
                points[n] = (GraphPoint){
                        .end_ns = point->time_ns,
                        .span_ns = point->span_ns,
                        .value = point->value[graph],
                        .known = point->known & (1u << graph),
                        .loss = graph_kinds[graph].marks_loss && (point->known & (1u << LIVE_GRAPH_LOST)) &&
                                point->value[LIVE_GRAPH_LOST] > 0,
                };
        }

        return n;
}

/*
 * The time at the right end: the end of the last sample, so that the picture changes only
 * with a sample. If no more samples come, the time goes on and a gap is shown.
 */
static uint64_t graph_now(const TopView *view, const GraphPoint *points, size_t n_points) {
        uint64_t late = 3 * (uint64_t)view->settings->interval_ms * 1000000 + NS_PER_S;

        if (n_points == 0)
                return view->now_ns;
        if (!view->paused && view->now_ns > points[0].end_ns + late)
                return view->now_ns;

        return points[0].end_ns;
}

/* The time of one column, so that the graph shows the whole span: a multiple of the interval. */
static uint64_t graph_step(const TopView *view, const Graph *graph) {
        uint64_t interval = (uint64_t)view->settings->interval_ms * 1000000;
        uint64_t span = view->settings->span_s * NS_PER_S, width = graph_width(graph->signs, graph->columns);

        return interval * ((span + width * interval - 1) / (width * interval));
}

static void graph_put_picture(const TopView *view,
                              const Graph *graph,
                              const GraphCell *cells,
                              enum screen_style style,
                              size_t row,
                              size_t column) {
        for (size_t i = 0; i < graph->rows * graph->columns; ++i) {
                enum screen_style of_cell = style;

                if (cells[i].mark == GRAPH_NOTHING)
                        continue;
                if (cells[i].mark == GRAPH_ZERO)
                        of_cell = SCREEN_DIM;
                if (cells[i].mark == GRAPH_LOSS)
                        of_cell = SCREEN_BAD;
                screen_put_cell(view->screen,
                                row + i / graph->columns,
                                column + i % graph->columns,
                                of_cell,
                                cells[i].sign);
        }
}

static void graph_put_axis(const TopView *view,
                           const GraphKind *kind,
                           const Graph *graph,
                           size_t row,
                           size_t column) {
        char text[FORMAT_MAX];

        for (size_t i = 0; i < graph->rows; ++i) {
                screen_put(view->screen,
                           row + i,
                           column + GRAPH_AXIS - 1,
                           1,
                           SCREEN_DIM,
                           view->screen->utf8 ? "\u2524" : "|");
                if (i == 0)
                        graph_write_value(kind, graph->scale, GRAPH_AXIS - 1, text);
                else if (i == graph->rows / 2 && graph->rows >= 4 && graph->rows % 2 == 0)
                        graph_write_value(kind, graph->scale / 2, GRAPH_AXIS - 1, text);
                else if (i == graph->rows - 1)
                        strcpy(text, "0");
                else
                        continue;
                screen_put_right(view->screen, row + i, column, GRAPH_AXIS - 1, SCREEN_DIM, text);
        }
}

/* Why the last sample has no value. */
static const char *graph_reason(const TopView *view, enum live_graph graph) {
        const LiveSample *sample = &view->live->sample;
        uint32_t groups = graph_kinds[graph].groups;

        if (sample->number == 0 || sample->span_ns == 0)
                return "waiting for samples";
        if ((groups & sample->uncounted_groups) && view->welcome &&
            view->welcome->delay_accounting == TB_DELAY_ACCOUNTING_UNKNOWN)
                return "not counted, or 0: delay accounting may be off";
        if (groups & sample->uncounted_groups)
                return "not counted: delay accounting is off";
        if (groups & sample->withheld_groups)
                return "hidden from you";
        if (groups & sample->unsupported_groups)
                return "not kept by this kernel";
        if (graph == LIVE_GRAPH_IO_DELAY && view->welcome &&
            view->welcome->delay_accounting == TB_DELAY_ACCOUNTING_OFF)
                return "not counted: delay accounting is off";

        return "not known";
}

/* Draws the reason in as many lines as needed, broken at spaces. */
static void graph_put_reason(const TopView *view,
                             const char *reason,
                             size_t row,
                             size_t column,
                             size_t n_rows,
                             size_t n_columns) {
        char line[128];
        size_t n;

        for (size_t i = 0; i < n_rows && *reason; ++i) {
                n = strlen(reason);
                /* The last line is cut by the screen. */
                if (n > n_columns && i + 1 < n_rows) {
                        for (n = n_columns; n > 0 && reason[n] != ' '; --n)
                                ;
                        if (n == 0)
                                n = n_columns;
                }
                snprintf(line, sizeof(line), "%.*s", (int)n, reason);
                screen_put(view->screen, row + i, column, n_columns, SCREEN_DIM, line);
                reason += n;
                reason += *reason == ' ';
        }
}

/* Draws that the sum has only the own tasks of the client, or only counted tasks; a star if there is no room. */
static size_t graph_put_extent(const TopView *view,
                               const GraphKind *kind,
                               const GraphPoint *newest,
                               size_t row,
                               size_t column,
                               size_t n_columns) {
        const LiveSample *sample = &view->live->sample;
        const char *text = NULL;

        if (newest && newest->known && (kind->groups & sample->withheld_groups))
                text = n_columns > 14 ? " own" : "*";
        else if (newest && newest->known && (kind->groups & sample->uncounted_groups))
                text = n_columns > 14 ? " part" : "*";

        return text ? screen_put(view->screen, row, column, n_columns, SCREEN_DIM, text) : 0;
}

/* Draws the title, the last value, and the end of the scale if there is no axis. */
static void graph_put_title(const TopView *view,
                            const GraphKind *kind,
                            const GraphPoint *newest,
                            double scale,
                            size_t row,
                            size_t column,
                            size_t n_columns) {
        char value[FORMAT_MAX] = "", top[FORMAT_MAX + 4];
        size_t n = 0, n_value;

        /* The title gives way to the value. */
        if (newest && newest->known)
                graph_write_value(kind, newest->value, n_columns, value);
        n_value = strlen(value);
        if (n_value + 1 < n_columns)
                n = screen_put(view->screen, row, column, n_columns - (n_value ? n_value + 1 : 0), SCREEN_NAME,
                               kind->title);
        if (n_value && n_value + n + 1 <= n_columns)
                n += 1 + screen_put(view->screen, row, column + n + 1, n_columns - n - 1, SCREEN_STRONG, value);
        n += graph_put_extent(view, kind, newest, row, column + n, n_columns - n);

        if (scale <= 0 || n_columns >= GRAPH_AXIS_FROM)
                return;
        graph_write_value(kind, scale, FORMAT_MAX, value);
        value[strcspn(value, "/")] = 0;
        snprintf(top, sizeof(top), "%s%s", view->screen->utf8 ? "\u2191" : "^", value);
        ++n;
        if (n + text_width(top, screen_form(view->screen)) <= n_columns)
                screen_put_right(view->screen, row, column + n, n_columns - n, SCREEN_DIM, top);
}

/**
 * top_graph_draw() - draw a graph
 * @view:       the screen, and the settings
 * @history:    the history of the machine, or of a row
 * @graph:      the value to show
 * @row:        the first row on the screen
 * @column:     the first column on the screen
 * @n_rows:     the height, with the title; at least 2
 * @n_columns:  the width
 */
void top_graph_draw(const TopView *view,
                    const LiveHistory *history,
                    enum live_graph graph,
                    size_t row,
                    size_t column,
                    size_t n_rows,
                    size_t n_columns) {
        static GraphPoint points[LIVE_HISTORY_MAX];
        static GraphCell cells[GRAPH_CELLS_MAX];
        const GraphKind *kind = graph_kinds + graph;
        Graph picture = {
                .signs = view->screen->utf8 ? GRAPH_BRAILLE : GRAPH_ASCII,
                .columns = n_columns,
                .rows = n_rows - 1,
        };
        bool axis = n_columns >= GRAPH_AXIS_FROM;
        size_t n;

        if (n_rows < 2 || n_columns < 4)
                return;
        if (axis)
                picture.columns -= GRAPH_AXIS;
        if (picture.columns > GRAPH_COLUMNS_MAX)
                picture.columns = GRAPH_COLUMNS_MAX;
        if (picture.rows * picture.columns > GRAPH_CELLS_MAX)
                picture.rows = GRAPH_CELLS_MAX / picture.columns;

        n = graph_points(history, graph, points);
        picture.now_ns = graph_now(view, points, n);
        picture.step_ns = graph_step(view, &picture);
        picture.scale = graph_scale(graph_most(&picture, points, n),
                                    kind->least,
                                    kind->form == GRAPH_FORM_BYTES ? GRAPH_BINARY : GRAPH_DECIMAL);
        graph_draw(&picture, points, n, cells);

        graph_put_title(view, kind, n ? points : NULL, picture.scale, row, column, n_columns);
        if (axis)
                graph_put_axis(view, kind, &picture, row + 1, column);
        graph_put_picture(view, &picture, cells, kind->style, row + 1, column + (axis ? GRAPH_AXIS : 0));
        if (n == 0 || !points[0].known)
                graph_put_reason(view,
                                 graph_reason(view, graph),
                                 row + 1,
                                 column + (axis ? GRAPH_AXIS : 0),
                                 picture.rows,
                                 picture.columns);
}
