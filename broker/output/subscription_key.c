/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "broker/output/subscription_key.h"

/**
 * subscription_key_equals() - whether two subscriptions can share a feed
 * @a:  the one
 * @b:  the other
 *
 * The same values in another order make another key: the only cost is a second feed.
 */
bool subscription_key_equals(const SubscriptionKey *a, const SubscriptionKey *b) {
        if (a->kinds != b->kinds || a->threads != b->threads || a->programs != b->programs ||
            a->left_out != b->left_out)
                return false;
        /* it is zeroed whole before it is filled: NOLINTNEXTLINE(*-memory-comparison,cert-exp42-c,cert-flp37-c) */
        return memcmp(&a->filter, &b->filter, sizeof(a->filter)) == 0;
}

/* Whether the selection needs the programs or the cgroups of processes. */
bool subscription_key_wants_programs(const SubscriptionKey *key) {
        return key->programs || key->filter.n_cgroups > 0;
}
