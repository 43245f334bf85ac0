/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

Live *top_pause(const Live *live);
Live *top_resume(Live *frozen, const Live *live);
int top_history_copy(LiveHistory *copy, const LiveHistory *history);
