/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/live.h"

Live *top_freeze(const Live *live);
Live *top_thaw(Live *frozen, const Live *live);
int top_history_copy(LiveHistory *copy, const LiveHistory *history);
