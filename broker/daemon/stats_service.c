/* SPDX-License-Identifier: Apache-2.0 */

/*
 * If --delayacct is on-demand, delay accounting is on while there are subscriptions to samples.
 * It is on before the first of them gets its reply. It goes off when there has been none for a
 * minute, so that a client that comes and goes does not flap the switch of the machine.
 */

#include <errno.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/stats_service.h"

/*
 * While the switch changes, features must say "off": a task forked before the change must not
 * count as forked after it. So features change first when it goes off, last when it goes on.
 */
static void stats_service_switch(StatsService *service, bool on) {
        if (!on && service->features->delay_accounting == DELAY_ACCOUNTING_ON)
                service->features->delay_accounting = DELAY_ACCOUNTING_OFF;
        service->is_on = delayacct_switch(&service->delayacct, on) && on;
        kernel_features_update(service->features, service->procfs_fd);
}

static void stats_service_on_off(struct ev_loop *loop, ev_timer *watcher, int events) {
        StatsService *service = container_of(watcher, StatsService, off);

        (void)events;
        ev_timer_stop(loop, watcher);
        stats_service_switch(service, false);
}

/* The sampler's feeds are known to the subscriptions, and they lead back to the service. */
static void stats_service_on_samples(Subscriptions *subscriptions, bool in_use) {
        Sampler *sampler = container_of(subscriptions->sample_feeds, Sampler, feeds);
        StatsService *service = container_of(sampler, StatsService, sampler);

        if (service->delayacct.mode != DELAYACCT_ON_DEMAND)
                return;
        if (!in_use)
                return ev_timer_again(service->loop, &service->off);
        ev_timer_stop(service->loop, &service->off);
        if (!service->is_on)
                stats_service_switch(service, true);
}

/**
 * stats_service_init() - open the socket and give the hub a sampler
 * @service:    output
 * @hub:        the hub
 * @join:       the join, which need not be initialised yet
 * @features:   features of the kernel; borrowed, and updated when delay accounting changes
 * @procfs_fd:  /proc; borrowed
 * @options:    the command line
 *
 * Must be called before privileges are dropped. If a test hands in the sources but not
 * --stats-fd, there are no live statistics.
 *
 * Return: 0; STATS_SERVICE_E_FAILED; a negative errno. On failure too, stats_service_deinit() is allowed.
 */
int stats_service_init(StatsService *service, Hub *hub, Join *join, KernelFeatures *features, int procfs_fd,
                       const Options *options) {
        int r;

        *service = (StatsService)STATS_SERVICE_NULL;
        service->features = features;
        service->procfs_fd = procfs_fd;
        r = delayacct_init(&service->delayacct, options->delayacct, procfs_fd, options->delayacct_state);
        if (r)
                return r < 0 ? error_trace(r) : STATS_SERVICE_E_FAILED;
        kernel_features_update(features, procfs_fd);
        if (options->connector_fd >= 0 && options->stats_fd < 0)
                return 0;
        r = stats_query_init(&service->query, options->stats_fd);
        if (r)
                return error_fold(r);
        sampler_init(&service->sampler, hub->loop, &hub->feeds, join, &service->query.source, procfs_fd);
        service->loop = hub->loop;
        ev_timer_init(&service->off, stats_service_on_off, 0., (double)options->delayacct_seconds);
        hub_set_sampler(hub, &service->sampler);
        hub->subscriptions.on_samples = stats_service_on_samples;
        return 0;
}

/**
 * stats_service_deinit() - free the sampler and close the socket
 * @service:  the service; the hub must have freed its clients
 */
void stats_service_deinit(StatsService *service) {
        if (service->loop)
                ev_timer_stop(service->loop, &service->off);
        if (service->sampler.loop)
                sampler_deinit(&service->sampler);
        stats_query_deinit(&service->query);
        delayacct_deinit(&service->delayacct);
        *service = (StatsService)STATS_SERVICE_NULL;
}
