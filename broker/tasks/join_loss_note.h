/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JoinLossNote: what follows at once if messages of the connector are missing. A part of the join. */

#include <stdint.h>

#include "broker/tasks/join_state.h"

void join_loss_note(Join *join);
void join_loss_note_unreported(Join *join, uint64_t time_ns, uint32_t tid, const char *evidence);
