/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/stats_service.h"

/* Births before it was on are not counted as of after: the features change first, or last. */
static void stats_service_switch(StatsService *live, bool on) {
        if (!on && live->features->delay_accounting == DELAY_ACCOUNTING_ON)
                live->features->delay_accounting = DELAY_ACCOUNTING_OFF;
        (void)delayacct_switch(&live->delayacct, on);
        kernel_features_update(live->features, live->procfs_fd);
}

/**
 * stats_service_update() - switch delay accounting, if that is done on demand
 * @live:    the statistics
 * @in_use:  whether there are subscriptions to samples
 */
void stats_service_update(StatsService *live, bool in_use) {
        if (live->in_use == in_use)
                return;
        live->in_use = in_use;
        if (live->delayacct.mode == DELAYACCT_ON_DEMAND)
                stats_service_switch(live, in_use);
}

/**
 * stats_service_init() - open the socket, and let the hub have statistics
 * @live:       output
 * @hub:        the hub
 * @join:       the join; need not be ready
 * @features:      of the kernel; delay accounting is theirs
 * @procfs_fd:  /proc
 * @options:    how
 *
 * To be called with the privileges of the start. A test that hands in the sources but not this one has a broker without live
 * statistics.
 *
 * Return: 0; STATS_SERVICE_E_FAILED; a negative errno. On failure too, stats_service_deinit() is allowed.
 */
int stats_service_init(StatsService *live, Hub *hub, Join *join, KernelFeatures *features, int procfs_fd, const Options *options) {
        int r;

        *live = (StatsService)STATS_SERVICE_NULL;
        live->features = features;
        live->procfs_fd = procfs_fd;
        r = delayacct_init(&live->delayacct, options->delayacct, procfs_fd, options->delayacct_state);
        if (r)
                return r < 0 ? error_trace(r) : STATS_SERVICE_E_FAILED;
        kernel_features_update(features, procfs_fd);
        if (options->connector_fd >= 0 && options->stats_fd < 0)
                return 0;
        r = stats_query_init(&live->query, options->stats_fd);
        if (r)
                return error_fold(r);
        sampler_init(&live->sampler, hub->loop, &hub->feeds, join, &live->query.source, procfs_fd);
        hub_set_sampler(hub, &live->sampler);
        return 0;
}

/**
 * stats_service_deinit() - close
 * @live:  the statistics; the hub has freed its clients
 */
void stats_service_deinit(StatsService *live) {
        if (live->sampler.loop)
                sampler_deinit(&live->sampler);
        stats_query_deinit(&live->query);
        delayacct_deinit(&live->delayacct);
        *live = (StatsService)STATS_SERVICE_NULL;
}
