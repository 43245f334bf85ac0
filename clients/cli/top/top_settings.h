/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/model/live_columns.h"

typedef struct TopSettings TopSettings;

/* More columns than there are. */
#define TOP_SETTINGS_COLUMNS_MAX 64u

#define TOP_SPAN_MIN_S 30u
#define TOP_SPAN_MAX_S 900u

/* The settings, as the file has them. */
struct TopSettings {
        const LiveColumn *columns[TOP_SETTINGS_COLUMNS_MAX];      /* in their order on the screen, if there is room */
        size_t n_columns;
        const LiveColumn *sort;
        bool inverted;                  /* against the direction of the column */
        bool tree;
        bool threads;
        bool command_lines;             /* rather than names */
        bool kernel_threads;            /* shown */
        bool graphs;
        uint32_t span_s;                /* the time that graphs show */
        uint32_t interval_ms;
};

void top_settings_init(TopSettings *settings);
int top_settings_path(char *path, size_t n_path);
void top_settings_parse(TopSettings *settings, const char *text);
size_t top_settings_print(const TopSettings *settings, char *text, size_t n_text);
int top_settings_read(TopSettings *settings, const char *path);
int top_settings_write(const TopSettings *settings, const char *path);

bool top_settings_has(const TopSettings *settings, const LiveColumn *column);
void top_settings_toggle(TopSettings *settings, const LiveColumn *column);
