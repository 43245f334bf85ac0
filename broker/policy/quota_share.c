/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pure: the daemon scales the share of connections at its start, and the server scales it when the limit of descriptors
 * has changed.
 */

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/quota_share.h"

/**
 * quota_share_scale() - the parts of a smaller total
 * @share:  the parts of the full total
 * @total:  at least LIMIT_CONNECTIONS_LEAST
 *
 * No part is larger than before. An eighth, and two at least, is for root. A half is for ordinary sets.
 *
 * Return: The parts.
 */
QuotaShare quota_share_scale(const QuotaShare *share, uint64_t total) {
        uint64_t eighth = MAX(total / 8, (uint64_t)2), half = total / 2;
        uint64_t each = MAX(half / LIMIT_ORDINARY_USERS, (uint64_t)1);
        QuotaShare ret = *share;

        if (total >= share->total)
                return ret;
        ret.total = total;
        ret.reserve = MIN(share->reserve, eighth);
        ret.kept = MIN(share->kept, half);
        ret.ordinary = MIN(share->ordinary, each);
        return ret;
}

/**
 * quota_share_of_descriptors() - how many connections a number of descriptors allows
 * @n_descriptors:  the limit of descriptors of the broker's process
 *
 * The broker keeps some for itself, and half of them if they are few.
 *
 * Return: The total of connections.
 */
uint64_t quota_share_of_descriptors(uint64_t n_descriptors) {
        uint64_t n_own = MIN(n_descriptors / 2, (uint64_t)LIMIT_DESCRIPTORS_RESERVED);
        uint64_t n = MAX(n_descriptors - n_own, (uint64_t)LIMIT_CONNECTIONS_LEAST);

        return MIN(n, (uint64_t)LIMIT_CONNECTIONS);
}
