/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The snapshots of the feeds: a new one is made, or one is shared that is still fresh. */

#include "broker/output/feeds.h"

int feeds_snapshot(Feeds *feeds, Feed *feed, QuotaUser *user, Snapshot **ret_snapshot);
