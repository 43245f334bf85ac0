/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinExec: an exec of the connector, completed and stored. A part of the join. */

#include "broker/tasks/join_state.h"

int join_exec(Join *join, Event *event);
