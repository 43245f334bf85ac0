/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/base/cmdline.h"

typedef struct Line Line;

/* Any line with its end and its colours: escaped arguments are the longest part, then a sentence. */
#define LINE_TEXT_MAX (CMDLINE_TEXT_MAX + 4096)

#define LINE_COLOUR_OFF "\033[0m"

struct Line {
        bool colour;                    /* colours are written */
        bool cut;                       /* names are cut to their columns: for a terminal */
        size_t n_cells;
        size_t n;
        char text[LINE_TEXT_MAX];
};

void line_begin(Line *line);
void line_end(Line *line);
__attribute__((format(printf, 2, 3))) void line_add(Line *line, const char *format, ...);
void line_colour(Line *line, const char *colour);

/* A cell after the cells before. @width negative: aligned to the left; 0: as wide as the text. */
void line_cell(Line *line, const char *text, int width);
void line_cell_total(Line *line, const char *text, bool at_least, int width);
void line_cell_coloured(Line *line, const char *text, int width, const char *colour);
void line_cell_cut(Line *line, const char *text, int width);
void line_cell_number(Line *line, uint64_t number, bool known, int width);
void line_cell_name(Line *line, const char *comm, bool known, bool stale, int width);

size_t line_columns(const Line *line);
