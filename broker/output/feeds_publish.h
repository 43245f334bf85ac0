/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Hands an event to the feeds that want it. The hub calls this for each event. */

#include "broker/model/event.h"
#include "broker/output/feeds.h"

void feeds_publish(Feeds *feeds, const Event *event);
