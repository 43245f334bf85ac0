/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reads processes again that /proc did not show to their owners. Part of the join. */

#include "broker/tasks/join_state.h"

void join_recheck(Join *join);
