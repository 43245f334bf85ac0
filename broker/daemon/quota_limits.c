/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/resource.h>

#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/quota_limits.h"
#include "broker/policy/limits.h"
#include "broker/policy/quota_share.h"

/*
 * Raises the limit of descriptors, of which each connection needs one. Returns how many
 * connections the limit allows.
 */
static uint64_t descriptors_raise(void) {
        struct rlimit limit;
        rlim_t wanted = LIMIT_CONNECTIONS + LIMIT_DESCRIPTORS_RESERVED;
        uint64_t n_connections;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
                return LIMIT_CONNECTIONS;
        limit.rlim_cur = MIN(wanted, limit.rlim_max);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur >= wanted)
                return LIMIT_CONNECTIONS;
        n_connections = quota_share_of_descriptors(limit.rlim_cur);
        log_warning("The limit of %llu descriptors allows only %llu connections. Raise LimitNOFILE.",
                    (unsigned long long)limit.rlim_cur, (unsigned long long)n_connections);
        return n_connections;
}

/**
 * quota_limits_find() - find the limits of what clients may take
 * @options:  the command line
 *
 * Raises the limit of descriptors as far as allowed. However small a total is, a part of
 * it is reserved for root.
 *
 * Return: The limits.
 */
QuotaLimits quota_limits_find(const Options *options) {
        uint64_t n_connections = descriptors_raise();
        QuotaLimits limits = quota_limits_default;
        QuotaRate *connects = &limits.rates[QUOTA_CONNECTS - _QUOTA_HELD];
        QuotaShare *connections = &limits.held[QUOTA_CONNECTIONS], *bytes = &limits.held[QUOTA_BYTES];

        *connections = quota_share_scale(connections, n_connections);
        connections->of_user = options->user_connections;
        /* After a restart of the broker all clients of a user come back at once. */
        connects->at_once = MAX(connects->at_once, (uint32_t)options->user_connections);
        bytes->total = options->clients_bytes;
        bytes->reserve = options->clients_bytes / LIMIT_BYTES_PARTS;
        bytes->of_user = options->user_bytes;
        bytes->kept = options->clients_bytes / LIMIT_BYTES_PARTS * LIMIT_BYTES_PARTS_KEPT;
        bytes->ordinary = bytes->kept / LIMIT_ORDINARY_USERS;
        return limits;
}
