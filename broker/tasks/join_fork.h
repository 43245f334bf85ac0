/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinFork: a fork of the connector, added to the table and emitted. A part of the join. */

#include "broker/tasks/join_state.h"

int join_fork(Join *join, Event *event);
