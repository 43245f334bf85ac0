/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "clients/cli/model/live_history.h"

struct TopView;

void top_graph_draw(const struct TopView *view,
                    const LiveHistory *history,
                    enum live_graph graph,
                    size_t row,
                    size_t column,
                    size_t n_rows,
                    size_t n_columns);
