/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "broker/output/feed.h"

bool feed_has_budget(const Feed *feed);
bool feed_may_judge(Feed *feed, uint64_t now_ns);
void feed_charge_filter(Feed *feed, uint64_t now_ns);
void feed_bind(Feed *feed, uint32_t pid, uint64_t start_time_ns, const Task *leader);
FilterVerdict feed_judge(Feed *feed, const Event *event);
void feed_skip(Feed *feed, const Event *event);
void feed_end_gap(Feed *feed, uint64_t time_ns);
