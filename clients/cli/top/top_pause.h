/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

Live *top_pause_begin(const Live *live);
Live *top_pause_end(Live *paused, const Live *live);
