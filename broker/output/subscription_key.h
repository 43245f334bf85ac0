/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SubscriptionKey: the selection of a feed. Subscriptions with equal keys and rights share
 * one feed. The request decoder fills it; the feeds compare it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/policy/filter.h"

typedef struct SubscriptionKey SubscriptionKey;

struct SubscriptionKey {
        uint32_t kinds;         /* EVENT_BIT()s; always with EVENT_LOSS */
        bool threads;
        bool programs;
        uint32_t left_out;      /* STATS_* that exits do not have */
        Filter filter;
};

bool subscription_key_equals(const SubscriptionKey *a, const SubscriptionKey *b);
bool subscription_key_wants_programs(const SubscriptionKey *key);
