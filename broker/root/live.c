/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include "broker/base/error.h"
#include "broker/root/live.h"

/**
 * live_init() - open the socket, and let the hub have statistics
 * @live:     output
 * @hub:      the hub
 * @join:     the join; need not be ready
 * @options:  how
 *
 * A test that hands in the sources but not this one has a broker without live
 * statistics.
 *
 * Return: 0, or a negative errno. On failure too, live_deinit() is allowed.
 */
int live_init(Live *live, Hub *hub, Join *join, const Options *options) {
        int r;

        *live = (Live)LIVE_NULL;
        if (options->connector_fd >= 0 && options->stats_fd < 0)
                return 0;
        r = stats_query_init(&live->query, options->stats_fd);
        if (r)
                return error_fold(r);
        sampler_init(&live->sampler, hub, join, &live->query.source, NULL);
        hub->sampler = &live->sampler;
        return 0;
}

/**
 * live_deinit() - close
 * @live:  the statistics; the hub has freed its clients
 */
void live_deinit(Live *live) {
        if (live->sampler.hub) {
                sampler_deinit(&live->sampler);
                live->sampler.hub->sampler = NULL;
        }
        stats_query_deinit(&live->query);
        *live = (Live)LIVE_NULL;
}
