/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The verbs of history. Each returns VERB_CONTINUE or an exit status. The losses of the
 * span were not printed yet.
 */

#include "clients/cli/history/history_view.h"

int history_list(History *history);
int history_at(History *history);
int history_who(History *history);
int history_top(History *history);
int history_tree(History *history);
int history_diff(History *history);
int history_graph(History *history);
int history_list_begin(History *history, const HistorySpan *span);
