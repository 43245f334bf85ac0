/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Join: makes one stream of complete events from the connector and the exit listener. It
 * owns the task table and the pending exit records. It reads the sources, which the daemon
 * owns, and hands each finished event to the daemon by a callback. During the callback the
 * event refers to its task as it was before.
 *
 * The daemon calls join_turn() when a source can be read, and join_tick() regularly.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/kernel/exit_listener.h"
#include "broker/tasks/join_loss.h"
#include "broker/tasks/join_state.h"

void join_init(Join *join, Connector *connector, ExitListener *listener, KernelFeatures *features, int procfs_fd,
               JoinEmit emit);
void join_deinit(Join *join);
void join_set_time_offset(Join *join, int64_t offset_ns);

int join_turn(Join *join, bool *ret_drained);
int join_tick(Join *join);
