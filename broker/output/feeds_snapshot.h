/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The snapshots of the feeds: a new one is made, or one is shared that is still fresh. One
 * that is not made at once is made in slices, which the hub calls for at the end of a turn.
 */

#include "broker/output/feeds.h"

int feeds_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, Snapshot **ret_snapshot);
bool feeds_build_snapshots(const Feeds *feeds);
Snapshot *feeds_slice_snapshot(Feeds *feeds);
void feeds_note_event(Feeds *feeds, const Event *event);
