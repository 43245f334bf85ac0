/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Hands an event to the feeds that want it. The hub calls this for each event. */

#include "broker/model/event.h"
#include "broker/output/feeds.h"

FilterVerdict feeds_filter_timed(Feed *feed, const Event *event);
void feeds_publish(Feeds *feeds, const Event *event);
