/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TopKey TopKey;

enum top_action {
        TOP_NOTHING,
        TOP_UP,
        TOP_DOWN,
        TOP_LEFT,
        TOP_RIGHT,
        TOP_PAGE_UP,
        TOP_PAGE_DOWN,
        TOP_HOME,
        TOP_END,
        TOP_HELP,
        TOP_COLUMNS,
        TOP_SEARCH,
        TOP_SEARCH_NEXT,
        TOP_FILTER,
        TOP_TREE,
        TOP_SORT,
        TOP_SORT_CPU,
        TOP_SORT_MEMORY,
        TOP_SORT_TIME,
        TOP_SORT_PID,
        TOP_SORT_READ,
        TOP_SORT_WRITE,
        TOP_INVERT,
        TOP_USER,
        TOP_THREADS,
        TOP_KERNEL_THREADS,
        TOP_COMMAND_LINES,
        TOP_FOLD,
        TOP_UNFOLD,
        TOP_FOLD_SWITCH,
        TOP_TAG,
        TOP_UNTAG,
        TOP_FOLLOW,
        TOP_PAUSE,
        TOP_DETAIL,
        TOP_SHORT_LIVED,
        TOP_GRAPHS,
        TOP_SPAN_LESS,
        TOP_SPAN_MORE,
        TOP_INTERVAL,
        TOP_RESET,
        TOP_WRITE_SETTINGS,
        TOP_READ_ONLY,
        TOP_REDRAW,
        TOP_BACK,
        TOP_QUIT,
};

#define TOP_KEYS_PER_ACTION 4u

struct TopKey {
        enum top_action action;
        uint32_t keys[TOP_KEYS_PER_ACTION];
        const char *names;              /* as the help has them; NULL: not in the help */
        const char *help;
        const char *bar;                /* in the bar at the bottom; NULL: not there */
};

enum top_action top_key_action(uint32_t key);
const TopKey *top_key_next(const TopKey *key);
const char *top_key_name(const TopKey *key, char name[static 8]);
