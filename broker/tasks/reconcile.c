/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/reconcile.h"

/**
 * reconcile_seed() - fill an empty table from /proc
 * @reconcile:  the comparison; the sources listen already, so that a task is in /proc
 *              now, or its fork is in the queue, or both
 *
 * A task that ends while /proc is read is left out; its exit is in the queue too. The
 * queue is read between slices, so that it does not overflow, however many tasks there are.
 *
 * Return: 0, or a negative errno.
 */
int reconcile_seed(Reconcile *reconcile) {
        Join *join = reconcile->join;
        int r;

        reconcile_start_seeding(reconcile);
        while (reconcile->phase != RECONCILE_IDLE) {
                bool drained = false;

                reconcile_scan(reconcile);
                join->start_grace_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) + JOIN_START_GRACE_NS;
                while (!drained) {
                        r = join_turn(join, &drained);
                        if (r)
                                return error_trace(r);
                }
                r = reconcile_apply(reconcile);
                if (r)
                        return error_trace(r);
        }
        parents_bind(&join->table);
        reconcile->seeding = false;
        return 0;
}
