/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

typedef struct Graph Graph;
typedef struct GraphCell GraphCell;
typedef struct GraphPoint GraphPoint;

#define GRAPH_COLUMNS_MAX 1024u

/* The characters of a graph. */
enum graph_signs {
        GRAPH_BRAILLE,          /* two steps of time and four heights per cell */
        GRAPH_BLOCKS,           /* one step, eight heights */
        GRAPH_ASCII,            /* one step, three heights */
};

/* The round numbers that end a scale. */
enum graph_steps {
        GRAPH_DECIMAL,          /* 1, 2, 3, 4, 5, 6, 8, 10, 20 ... */
        GRAPH_BINARY,           /* for bytes: the same, 1 to 1000 times each power of 1024 */
};

enum graph_mark {
        GRAPH_NOTHING,          /* no column reaches this cell, or no value is known */
        GRAPH_VALUE,
        GRAPH_ZERO,             /* the base line: a known value near 0 */
        GRAPH_LOSS,             /* something was lost at this time */
};

/* A value that was measured over a span of time. */
struct GraphPoint {
        uint64_t end_ns;
        uint64_t span_ns;
        double value;
        bool known;             /* false: a gap */
        bool loss;
};

struct GraphCell {
        wchar_t sign;
        uint8_t mark;           /* enum graph_mark */
};

struct Graph {
        enum graph_signs signs;
        size_t columns;
        size_t rows;
        uint64_t now_ns;        /* the right end */
        uint64_t step_ns;       /* from one point of time to the next */
        double scale;           /* the value at the top */
};

/* The number of steps of time that fit into the columns. */
size_t graph_width(enum graph_signs signs, size_t columns);

double graph_scale(double most, double least, enum graph_steps steps);
double graph_most(const Graph *graph, const GraphPoint *points, size_t n_points);
void graph_draw(const Graph *graph, const GraphPoint *points, size_t n_points, GraphCell *cells);
