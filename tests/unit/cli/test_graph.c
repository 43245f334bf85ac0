/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Graphs of histories: scales, heights, gaps, losses, and columns that only move once they
 * are drawn.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "clients/cli/tui/graph.h"

#define S UINT64_C(1000000000)
#define CELLS_MAX 512

static GraphPoint point(uint64_t second, double value) {
        return (GraphPoint){ .end_ns = second * S + S / 2, .span_ns = S, .value = value, .known = true };
}

static void check_row(const Graph *graph, const GraphCell *cells, size_t row, const wchar_t *should) {
        wchar_t is[CELLS_MAX + 1];

        for (size_t i = 0; i < graph->columns; ++i)
                is[i] = cells[row * graph->columns + i].sign;
        is[graph->columns] = 0;
        if (wcscmp(is, should) != 0)
                for (size_t i = 0; i < graph->columns; ++i)
                        fprintf(stderr, "row %zu, cell %zu: U+%04x\n", row, i, (unsigned int)is[i]);
        assert(wcscmp(is, should) == 0);
}

static void test_scale(void) {
        assert(graph_scale(0, 1, GRAPH_DECIMAL) == 1);
        assert(graph_scale(0, 0, GRAPH_DECIMAL) == 1);
        assert(graph_scale(1.01, 1, GRAPH_DECIMAL) == 2);
        assert(graph_scale(2, 1, GRAPH_DECIMAL) == 2);
        assert(graph_scale(437, 1, GRAPH_DECIMAL) == 500);
        assert(graph_scale(501, 1, GRAPH_DECIMAL) == 600);
        assert(graph_scale(801, 1, GRAPH_DECIMAL) == 1000);
        assert(graph_scale(1001, 1, GRAPH_DECIMAL) == 2000);
        assert(graph_scale(300001, 1, GRAPH_DECIMAL) == 400000);
        assert(graph_scale(0, 1024, GRAPH_BINARY) == 1024);
        assert(graph_scale(1025, 1024, GRAPH_BINARY) == 2048);
        assert(graph_scale(301 * 1048576.0, 1024, GRAPH_BINARY) == 400 * 1048576.0);
        assert(graph_scale(900 * 1048576.0, 1024, GRAPH_BINARY) == 1000 * 1048576.0);
        assert(graph_scale(1001 * 1048576.0, 1024, GRAPH_BINARY) == 1073741824.0);
        assert(graph_scale(0.003, 0.001, GRAPH_DECIMAL) >= 0.003);
        assert(graph_scale(0.003, 0.001, GRAPH_DECIMAL) < 0.0041);

        for (double most = 1; most < 1e15; most *= 1.37) {
                assert(graph_scale(most, 0, GRAPH_DECIMAL) >= most &&
                       graph_scale(most, 0, GRAPH_DECIMAL) <= 2.01 * most);
                assert(graph_scale(most, 0, GRAPH_BINARY) >= most && graph_scale(most, 0, GRAPH_BINARY) <= 2.01 * most);
        }
}

static void test_braille(void) {
        Graph graph = { GRAPH_BRAILLE, .columns = 4, .rows = 2, .now_ns = 107 * S, .step_ns = S, .scale = 8 };
        GraphPoint points[8];
        GraphCell cells[8];

        for (unsigned int i = 0; i < 8; ++i)
                points[i] = point(100 + i, i + 1);
        graph_draw(&graph, points, 8, cells);
        /* The heights 1 to 4 fill two cells of the lower row, the heights 5 to 8 two cells of both rows. */
        check_row(&graph, cells, 1, L"\x28e0\x28fe\x28ff\x28ff");
        check_row(&graph, cells, 0, L"  \x28e0\x28fe");
        assert(cells[0].mark == GRAPH_NOTHING);
        assert(cells[7].mark == GRAPH_VALUE);
}

static void test_blocks(void) {
        Graph graph = { GRAPH_BLOCKS, .columns = 5, .rows = 2, .now_ns = 104 * S, .step_ns = S, .scale = 16 };
        GraphPoint points[] = { point(100, 0), point(101, 3), point(102, 8), point(103, 9), point(104, 99) };
        GraphCell cells[10];

        graph_draw(&graph, points, 5, cells);
        check_row(&graph, cells, 1, L"\x2581\x2583\x2588\x2588\x2588");
        check_row(&graph, cells, 0, L"   \x2581\x2588");
        assert(cells[5].mark == GRAPH_ZERO && cells[6].mark == GRAPH_VALUE);
}

static void test_ascii(void) {
        Graph graph = { GRAPH_ASCII, .columns = 5, .rows = 1, .now_ns = 104 * S, .step_ns = S, .scale = 3 };
        GraphPoint points[] = { point(100, 0), point(101, 1), point(102, 2), point(103, 3), point(104, 4) };
        GraphCell cells[5];

        graph_draw(&graph, points, 5, cells);
        check_row(&graph, cells, 0, L"..:||");
}

/* A step without a known value is empty. A zero is drawn as a base line. */
static void test_gap(void) {
        Graph graph = { GRAPH_ASCII, .columns = 6, .rows = 1, .now_ns = 105 * S, .step_ns = S, .scale = 3 };
        GraphPoint points[] = { point(101, 0), point(102, 3), point(103, 3), point(105, 0) };
        GraphCell cells[6];

        points[2].known = false;
        points[3].span_ns = S / 2;
        graph_draw(&graph, points, 4, cells);
        check_row(&graph, cells, 0, L" .|  .");
        assert(cells[0].mark == GRAPH_NOTHING);
        assert(cells[3].mark == GRAPH_NOTHING);
}

/* A point that is a little late leaves no gap. A point that spans several steps fills them. */
static void test_rhythm(void) {
        Graph graph = { GRAPH_ASCII, .columns = 6, .rows = 1, .now_ns = 105 * S, .step_ns = S, .scale = 3 };
        GraphPoint points[] = {
                { .end_ns = 100 * S + 900000000, .span_ns = S, .value = 3, .known = true },
                { .end_ns = 102 * S + 1000000, .span_ns = S + 101000000, .value = 1, .known = true },
                { .end_ns = 105 * S, .span_ns = 3 * S - 1000000, .value = 2, .known = true },
        };
        GraphCell cells[6];

        graph_draw(&graph, points, 3, cells);
        check_row(&graph, cells, 0, L"|..:::");
}

/* The greatest value of a step is drawn, and stays in its step while time goes on. */
static void test_peaks_stay(void) {
        Graph graph = { GRAPH_ASCII, .columns = 4, .rows = 1, .step_ns = 4 * S, .scale = 3 };
        GraphPoint points[16];
        GraphCell cells[4];

        for (unsigned int i = 0; i < 16; ++i)
                points[i] = point(400 + i, i % 5 == 0 ? 3 : 0);
        for (unsigned int i = 12; i < 16; ++i) {
                graph.now_ns = (400 + i) * S;
                graph_draw(&graph, points, 16, cells);
                check_row(&graph, cells, 0, L"||||");
        }
        points[5].value = 0;
        graph_draw(&graph, points, 16, cells);
        check_row(&graph, cells, 0, L"|.||");
        graph.now_ns += S;
        graph_draw(&graph, points, 16, cells);
        check_row(&graph, cells, 0, L".|| ");
}

static void test_loss(void) {
        Graph graph = { GRAPH_ASCII, .columns = 3, .rows = 2, .now_ns = 102 * S, .step_ns = S, .scale = 3 };
        GraphPoint points[] = { point(100, 0), point(101, 3), point(102, 0) };
        GraphCell cells[6];

        points[1].loss = true;
        points[2].known = false;
        points[2].loss = true;
        graph_draw(&graph, points, 3, cells);
        check_row(&graph, cells, 0, L" !!");
        check_row(&graph, cells, 1, L".| ");
        assert(cells[1].mark == GRAPH_LOSS && cells[2].mark == GRAPH_LOSS);
}

static void test_most(void) {
        Graph graph = { GRAPH_BRAILLE, .columns = 2, .rows = 1, .now_ns = 103 * S, .step_ns = S, .scale = 1 };
        GraphPoint points[] = { point(90, 9), point(100, 4), point(101, 5), point(103, 3), point(104, 7) };

        assert(graph_most(&graph, points, 5) == 5);
        points[2].known = false;
        assert(graph_most(&graph, points, 5) == 4);
        assert(graph_most(&graph, NULL, 0) == 0);
}

/* Any time and any points can be drawn, also at the epoch: a cell with a sign has a mark. */
static void test_bounds(void) {
        GraphPoint points[40];
        GraphCell cells[CELLS_MAX];

        srand(2);
        for (int i = 0; i < 20000; ++i) {
                Graph graph = {
                        .signs = (enum graph_signs)(rand() % 3),
                        .columns = (size_t)rand() % 40,
                        .rows = (size_t)rand() % 9,
                        .now_ns = (uint64_t)rand() % (i % 2 ? 50 * S : UINT64_MAX),
                        .step_ns = 1 + (uint64_t)rand() % (3 * S),
                        .scale = rand() % 10,
                };

                for (size_t k = 0; k < 40; ++k)
                        points[k] = (GraphPoint){
                                .end_ns = (uint64_t)rand() * (uint64_t)(rand() % 50),
                                .span_ns = (uint64_t)rand() * (uint64_t)(rand() % 9),
                                .value = rand() % 7 ? rand() % 20 : -1e300,
                                .known = rand() % 9,
                                .loss = rand() % 9 == 0,
                        };
                graph_draw(&graph, points, 40, cells);
                for (size_t k = 0; k < graph.columns * graph.rows; ++k)
                        assert(cells[k].sign == L' ' || cells[k].mark != GRAPH_NOTHING);
        }
}

int main(void) {
        test_scale();
        test_braille();
        test_blocks();
        test_ascii();
        test_gap();
        test_rhythm();
        test_peaks_stay();
        test_loss();
        test_most();
        test_bounds();

        return 0;
}
