/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "broker/output/feed.h"

bool feed_has_budget(const Feed *feed);
bool feed_may_judge(Feed *feed, uint64_t now_ns);
void feed_charge_filter(Feed *feed, uint64_t now_ns);
FilterVerdict feed_judge(Feed *feed, const Event *event);
void feed_skip(Feed *feed, const Event *event);
void feed_end_gap(Feed *feed, uint64_t time_ns);
