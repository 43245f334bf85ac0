/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "clients/cli/model/live_columns.h"

bool top_columns_standard(const LiveColumn *column);
unsigned int top_columns_rank(const LiveColumn *column);
