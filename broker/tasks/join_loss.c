/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A record normally waits for its EXIT as long as its task takes to be torn down. Only
 * after messages of the connector are known to be lost, a record that has waited for a
 * while is taken for one whose EXIT is among them. Then the exit is synthesised.
 */

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/join_loss.h"
#include "broker/tasks/join_loss_note.h"
#include "broker/tasks/procfs.h"

/* How long a record waits for its EXIT once EXITs are known to be lost. */
#define ORPHAN_AGE_NS (250 * NSEC_PER_MSEC)

/* How long it waits while no loss is known: longer than a large task takes to be torn down. */
#define OVERDUE_AGE_NS (2 * NSEC_PER_SEC)

/**
 * join_loss_note_muted() - note that the connector was silenced, and speaks again
 * @join:      the join
 * @since_ns:  monotonic: when it was last heard
 *
 * A later join_loss_tick() emits the loss, once the exits of the blind time are known.
 */
void join_loss_note_muted(Join *join, uint64_t since_ns) {
        join->was_muted = true;
        join->muted_since_ns = since_ns;
        join_loss_note(join);
}

/**
 * join_loss_emit_missing_stats() - emit the loss of this turn's exit records
 * @join:  the join, at the end of a turn
 */
void join_loss_emit_missing_stats(Join *join) {
        Event loss = {
                .kind = EVENT_LOSS,
                .time_ns = join->last_time_ns,
                .loss = {
                        .count = join->n_stats_missing,
                        .source = LOSS_TASKSTATS,
                        .reason = LOSS_OVERRUN,
                },
        };

        if (join->n_stats_missing > 0)
                join_emit(join, &loss);
}

static void loss_emit_muted(Join *join, uint64_t now_ns) {
        Event loss = {
                .kind = EVENT_LOSS,
                .time_ns = join_time_ns(join, now_ns),
                .loss = {
                        .count = join->n_blind,
                        .source = LOSS_CONNECTOR,
                        .reason = LOSS_MUTED,
                        .at_least = true,
                        .since_time_ns = join_time_ns(join, join->muted_since_ns),
                },
        };

        join->connector->counters.lost += join->n_blind;
        join->was_muted = false;
        join->n_blind = 0;
        join_emit(join, &loss);
}

/* Whether a record's task is still in /proc, being torn down on a machine that is too busy for it. */
static bool loss_is_torn_down(const Join *join, const PendingRecord *record) {
        uint64_t start_ns = join_time_ns(join, record->arrived_ns) - record->record.stats.ac_etime_us * NSEC_PER_USEC;
        uint32_t tid = record->record.tid;
        ProcfsTask found;

        return procfs_read_task(join->comm_reader.procfs_fd, record->record.pid ? record->record.pid : tid, tid,
                                &found) &&
               procfs_starts_agree(found.start_time_ns, start_ns);
}

/*
 * Notices that the connector was silent for a time too short for a probe of it. Only
 * records show such a silence: their EXITs are overdue.
 */
static void loss_check_overdue(Join *join, uint64_t now_ns) {
        const PendingRecord *oldest = pending_records_oldest(&join->records.pending);

        if (join->lossy || !oldest || now_ns - oldest->arrived_ns < OVERDUE_AGE_NS || loss_is_torn_down(join, oldest))
                return;
        ++join->connector->counters.muted;
        ++join->connector->counters.repaired;
        join_loss_note_muted(join, oldest->arrived_ns);
}

/**
 * join_loss_tick() - synthesise the exits of records whose EXIT was lost
 * @join:  the join; called some times a second, after a turn that drained the connector
 *
 * Return: 0, or a negative errno.
 */
int join_loss_tick(Join *join) {
        uint64_t now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC), count = 0;
        int r;

        loss_check_overdue(join, now);
        if (!join->lossy || now - join->lossy_since_ns < ORPHAN_AGE_NS)
                return 0;

        r = join_exit_synthesise_overdue(join, now - ORPHAN_AGE_NS, &count);
        if (r)
                return error_trace(r);
        if (join->was_muted)
                join->n_blind += count;
        if (now - join->lossy_ns < ORPHAN_AGE_NS)
                return 0;
        if (join->was_muted)
                loss_emit_muted(join, now);
        if (now - join->lossy_ns >= 4 * ORPHAN_AGE_NS)
                join->lossy = false;
        return 0;
}

/**
 * join_loss_is_settled() - whether the last loss is over
 * @join:  the join
 *
 * Return: Whether no message was lost for a while, and all losses were emitted.
 */
bool join_loss_is_settled(const Join *join) {
        return !join->was_muted && (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - join->lossy_ns >= ORPHAN_AGE_NS;
}
