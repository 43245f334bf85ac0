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

/* What it is drawn with. */
enum graph_signs {
        GRAPH_BRAILLE,          /* two points of time and four steps a cell */
        GRAPH_BLOCKS,           /* one, and eight */
        GRAPH_ASCII,            /* one, and three */
};

/* How the scale steps. */
enum graph_steps {
        GRAPH_DECIMAL,          /* 1, 2, 3, 4, 5, 6, 8, 10, 20 ... */
        GRAPH_BINARY,           /* the same of bytes: 1 to 1000 of each power of 1024 */
};

enum graph_mark {
        GRAPH_NOTHING,          /* no column reaches up to here, or nobody knows */
        GRAPH_VALUE,
        GRAPH_ZERO,             /* the base line: known, and next to nothing */
        GRAPH_LOSS,             /* something was lost at this time */
};

/* What was measured from one moment to another. */
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

/* Points of time that fit in so many columns. */
size_t graph_width(enum graph_signs signs, size_t columns);

double graph_scale(double most, double least, enum graph_steps steps);
double graph_most(const Graph *graph, const GraphPoint *points, size_t n_points);
void graph_draw(const Graph *graph, const GraphPoint *points, size_t n_points, GraphCell *cells);
