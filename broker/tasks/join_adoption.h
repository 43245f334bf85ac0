/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinAdoption: the pass that finds the present parents of orphans. */

#include <stdbool.h>

#include "broker/tasks/join_state.h"

bool join_adoption_is_due(const Join *join);
void join_adoption_read(Join *join);
void join_adoption_tick(Join *join);
