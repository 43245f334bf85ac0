/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/root/facts.h"
#include "broker/root/live.h"

/* Births before it was on are not counted as of after: the facts change first, or last. */
static void live_switch(Live *live, bool on) {
        if (!on && live->facts->delay_accounting == DELAY_ACCOUNTING_ON)
                live->facts->delay_accounting = DELAY_ACCOUNTING_OFF;
        (void)delayacct_switch(&live->delayacct, on);
        facts_update(live->facts, live->procfs_fd);
}

static void live_on_use(Sampler *sampler, bool in_use) {
        Live *live = container_of(sampler, Live, sampler);

        if (live->delayacct.mode == DELAYACCT_ON_DEMAND)
                live_switch(live, in_use);
}

/**
 * live_init() - open the socket, and let the hub have statistics
 * @live:       output
 * @hub:        the hub
 * @join:       the join; need not be ready
 * @facts:      of the kernel; delay accounting is theirs
 * @procfs_fd:  /proc
 * @options:    how
 *
 * To be called with the privileges of the start. A test that hands in the sources but not this one has a broker without live
 * statistics.
 *
 * Return: 0; LIVE_E_FAILED; a negative errno. On failure too, live_deinit() is allowed.
 */
int live_init(Live *live, Hub *hub, Join *join, KernelFacts *facts, int procfs_fd, const Options *options) {
        int r;

        *live = (Live)LIVE_NULL;
        live->facts = facts;
        live->procfs_fd = procfs_fd;
        r = delayacct_init(&live->delayacct, options->delayacct, procfs_fd, options->delayacct_state);
        if (r)
                return r < 0 ? error_trace(r) : LIVE_E_FAILED;
        facts_update(facts, procfs_fd);
        if (options->connector_fd >= 0 && options->stats_fd < 0)
                return 0;
        r = stats_query_init(&live->query, options->stats_fd);
        if (r)
                return error_fold(r);
        sampler_init(&live->sampler, hub, join, &live->query.source, procfs_fd, live_on_use);
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
        delayacct_deinit(&live->delayacct);
        *live = (Live)LIVE_NULL;
}
