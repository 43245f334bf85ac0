/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JoinLoss: what the join does when messages of the connector are known to be lost, and how
 * it notices that the connector was silent. A part of the join.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/join_state.h"

void join_loss_note_muted(Join *join, uint64_t since_ns);
void join_loss_emit_missing_stats(Join *join);
int join_loss_tick(Join *join);
bool join_loss_is_settled(const Join *join);
