/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/tasks/join_loss_note.h"

/**
 * join_loss_note() - note that messages of the connector were lost
 * @join:  the join
 */
void join_loss_note(Join *join) {
        join->forks_lost = true;
        join->wants_reconcile = true;
        if (!join->owners_stale)
                task_table_mark_creds_stale(&join->table);
        join->owners_stale = true;
        join->lossy_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        if (!join->lossy)
                join->lossy_since_ns = join->lossy_ns;
        join->lossy = true;
        join->unreported = false;
}

/* Whether a loss that was emitted, and is not over, explains what seems not to be reported. */
static bool loss_explains(const Join *join) {
        return (join->lossy || join->wants_reconcile || join->reconciling) && !join->unreported;
}

/**
 * join_loss_note_unreported() - note that the connector did not report an event
 * @join:      the join
 * @time_ns:   when that was noticed
 * @tid:       the task by which it was noticed
 * @evidence:  why an event must be missing, for the log
 *
 * Emits the loss, unless an earlier one explains it, or the start: events of tasks that
 * ended before the table was filled may still come.
 */
void join_loss_note_unreported(Join *join, uint64_t time_ns, uint32_t tid, const char *evidence) {
        Event loss = {
                .kind = EVENT_LOSS,
                .time_ns = time_ns,
                .loss = {
                        .count = 1,
                        .source = LOSS_CONNECTOR,
                        .reason = LOSS_UNREPORTED,
                        .at_least = true,
                },
        };

        if (!join->can_be_silenced || time_ns < join_time_ns(join, join->start_grace_ns))
                return;
        if (loss_explains(join)) {
                join->wants_reconcile = true;
                return;
        }
        /* One line a loss: until the table was compared with /proc, this loss explains others. */
        log_debug("An event of task %u is missing: %s.", tid, evidence);
        ++join->connector->counters.lost;
        join_loss_note(join);
        join->unreported = true;
        join_emit(join, &loss);
}
