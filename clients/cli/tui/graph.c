/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A graph of characters: points in, cells out.
 *
 * Time runs to the right and ends now. It is divided into steps with fixed borders, so
 * that a column that was drawn only moves. If a step has several points, the greatest is
 * drawn, because peaks matter most. A step without a known value is empty; a known value
 * has at least the base line, even if it is 0. Pure.
 */

#include <math.h>

#include "clients/cli/tui/graph.h"

#define GRAPH_LOSS_SIGN L'!'

typedef struct GraphStep GraphStep;

/* The value of one step of time. */
struct GraphStep {
        double value;
        bool known;
        bool spanned;           /* only a point that ends later covers it */
        bool loss;
};

size_t graph_width(enum graph_signs signs, size_t columns) {
        return signs == GRAPH_BRAILLE ? 2 * columns : columns;
}

/* The number of heights that a cell can show, without an empty cell. */
static unsigned int graph_levels(enum graph_signs signs) {
        switch (signs) {
        case GRAPH_BRAILLE:
                return 4;
        case GRAPH_BLOCKS:
                return 8;
        default:
                return 3;
        }
}

/**
 * graph_scale() - choose a round number for the end of the scale
 * @most:       the greatest value
 * @least:      the smallest end of a scale, so that noise stays small
 * @steps:      the round numbers
 *
 * Return: A value that is at least @most and @least.
 */
double graph_scale(double most, double least, enum graph_steps steps) {
        static const double mantissas[] = { 1,   2,   3,   4,   5,   6,   8,   10,  20,  30,  40,  50,  60,
                                            80,  100, 200, 300, 400, 500, 600, 800, 1000 };
        double unit = 1, power = steps == GRAPH_BINARY ? 1024 : 1000;

        if (!(most > least))
                most = least;
        if (!(most > 0) || isinf(most))
                return 1;

        while (most < unit && steps == GRAPH_DECIMAL)
                unit /= power;
        while (most > 1000 * unit)
                unit *= power;
        for (size_t i = 0; i < sizeof(mantissas) / sizeof(*mantissas); ++i)
                if (most <= mantissas[i] * unit)
                        return mantissas[i] * unit;

        return power * unit;
}

/* The last step of the graph. */
static uint64_t graph_last(const Graph *graph) {
        return graph->now_ns / graph->step_ns;
}

static uint64_t graph_first(const Graph *graph) {
        uint64_t last = graph_last(graph), n = graph_width(graph->signs, graph->columns);

        return last >= n ? last - n + 1 : 0;
}

/**
 * graph_most() - find the greatest value that graph_draw() would draw
 * @graph:      the graph; its scale is not used
 * @points:     the points, in any order
 * @n_points:   their number
 */
double graph_most(const Graph *graph, const GraphPoint *points, size_t n_points) {
        uint64_t first = graph_first(graph), last = graph_last(graph);
        double most = 0;

        for (size_t i = 0; i < n_points; ++i) {
                uint64_t step = points[i].end_ns / graph->step_ns;

                if (points[i].known && step >= first && step <= last && points[i].value > most)
                        most = points[i].value;
        }

        return most;
}

/*
 * Takes a point into the step in which it ends. Points seldom come exactly once per
 * step, so a step may have no point although there is no gap. Such a step shows the
 * point that covers most of it.
 */
static void graph_take(const Graph *graph, const GraphPoint *point, GraphStep *steps, uint64_t first, uint64_t last) {
        uint64_t end = point->end_ns / graph->step_ns, begin;

        if (point->loss && end >= first && end <= last)
                steps[end - first].loss = true;
        if (!point->known || end < first)
                return;

        if (end <= last) {
                GraphStep *step = steps + (end - first);

                if (!step->known || step->spanned || point->value > step->value)
                        step->value = point->value;
                step->known = true;
                step->spanned = false;
        }

        begin = (point->end_ns > point->span_ns ? point->end_ns - point->span_ns : 0);
        begin = begin / graph->step_ns + (begin % graph->step_ns >= (graph->step_ns + 1) / 2);
        for (uint64_t i = begin > first ? begin : first; i < end && i <= last; ++i)
                if (!steps[i - first].known)
                        steps[i - first] =
                                (GraphStep){ point->value, .known = true, .spanned = true, steps[i - first].loss };
}

/* The height of a value in levels: at least the base line. */
static size_t graph_height(const Graph *graph, double value) {
        size_t most = graph->rows * graph_levels(graph->signs);
        double height;

        if (!(value > 0) || !(graph->scale > 0))
                return 1;
        height = ceil(value / graph->scale * (double)most);

        return height < 1 ? 1 : height > (double)most ? most : (size_t)height;
}

static wchar_t graph_sign(enum graph_signs signs, unsigned int left, unsigned int right) {
        /* The dots of the two columns of a braille cell, filled from below. */
        static const uint8_t lefts[] = { 0x00, 0x40, 0x44, 0x46, 0x47 };
        static const uint8_t rights[] = { 0x00, 0x80, 0xa0, 0xb0, 0xb8 };
        static const char ascii[] = { ' ', '.', ':', '|' };

        switch (signs) {
        case GRAPH_BRAILLE:
                return left || right ? (wchar_t)(0x2800 + lefts[left] + rights[right]) : L' ';
        case GRAPH_BLOCKS:
                return left ? (wchar_t)(0x2580 + left) : L' ';
        default:
                return (wchar_t)ascii[left];
        }
}

/* The part of a column that lies in a row, counted from below. */
static unsigned int graph_part(size_t height, size_t row, unsigned int levels) {
        size_t below = row * levels;

        if (height <= below)
                return 0;

        return height - below > levels ? levels : (unsigned int)(height - below);
}

static void graph_draw_column(const Graph *graph, size_t column, const size_t heights[2], bool loss, GraphCell *cells) {
        unsigned int levels = graph_levels(graph->signs);

        for (size_t row = 0; row < graph->rows; ++row) {
                unsigned int left = graph_part(heights[0], row, levels), right = graph_part(heights[1], row, levels);
                GraphCell *cell = cells + (graph->rows - 1 - row) * graph->columns + column;

                cell->sign = graph_sign(graph->signs, left, right);
                if (!left && !right)
                        cell->mark = GRAPH_NOTHING;
                else
                        cell->mark = row == 0 && left <= 1 && right <= 1 ? GRAPH_ZERO : GRAPH_VALUE;
        }
        if (loss && graph->rows > 0)
                cells[column] = (GraphCell){ .sign = GRAPH_LOSS_SIGN, .mark = GRAPH_LOSS };
}

/**
 * graph_draw() - draw the graph
 * @graph:      the graph, at most GRAPH_COLUMNS_MAX wide
 * @points:     the points, in any order
 * @n_points:   their number
 * @cells:      output: rows times columns, row by row from the top
 */
void graph_draw(const Graph *graph, const GraphPoint *points, size_t n_points, GraphCell *cells) {
        GraphStep steps[2 * GRAPH_COLUMNS_MAX] = { 0 };
        size_t width = graph_width(graph->signs, 1), n_missing;
        uint64_t first = graph_first(graph), last = graph_last(graph);

        for (size_t i = 0; i < n_points; ++i)
                graph_take(graph, points + i, steps, first, last);

        /* There are no steps before the epoch. */
        n_missing = width * graph->columns - (size_t)(last + 1 - first);
        for (size_t column = 0; column < graph->columns; ++column) {
                size_t heights[2] = { 0, 0 };
                bool loss = false;

                for (size_t i = 0; i < width; ++i) {
                        const GraphStep *step;

                        if (column * width + i < n_missing)
                                continue;
                        step = steps + (column * width + i - n_missing);
                        if (step->known)
                                heights[i] = graph_height(graph, step->value);
                        loss |= step->loss;
                }
                graph_draw_column(graph, column, heights, loss, cells);
        }
}
