/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of the join, each with the kernel facts that it relies on:
 *
 *   join_fork.c      forks; reuse of numbers
 *   join_exec.c      exec; the thread that becomes the leader
 *   join_change.c    name, ids, session, program
 *   join_exit.c      exits, reported and synthesised
 *   join_recheck.c   names and owners that were not read at an exec, or that /proc shows later
 *   join_adoption.c  the present parents of orphans
 *   join_loss.c      lost messages, silence of the connector
 *   join_silence.c   events that the connector did not report
 *
 * tests/kernel/test_facts.py has a test for each kernel fact.
 */

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/join.h"
#include "broker/tasks/join_adoption.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_exec.h"
#include "broker/tasks/join_exit.h"
#include "broker/tasks/join_fork.h"
#include "broker/tasks/join_loss_note.h"
#include "broker/tasks/join_recheck.h"
#include "broker/tasks/join_silence.h"

/* Datagrams a round and rounds a turn: they bound what a turn of the loop can cost. */
#define CONNECTOR_ROUND 512
#define ROUNDS 8

/* Bits for the processes that call exec in a round. */
#define SEEN_BITS 4096u

void join_init(Join *join,
               Connector *connector,
               ExitListener *listener,
               KernelFeatures *features,
               int procfs_fd,
               JoinEmit emit) {
        *join = (Join){
                .connector = connector,
                .features = features,
                .emit = emit,
                .start_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC),
        };
        join->start_grace_ns = join->start_ns + JOIN_START_GRACE_NS;
        task_table_init(&join->table);
        exit_records_init(&join->records, listener);
        comm_reader_init(&join->comm_reader, procfs_fd);
        exe_reader_init(&join->exe_reader, procfs_fd);
        program_reader_init(&join->programs, procfs_fd, &join->table, &join->records);
        join->programs.connector = connector;
        join_set_time_offset(join, clock_offset_ns(CLOCK_BOOTTIME, CLOCK_MONOTONIC) + clock_boot_epoch_ns());
}

void join_deinit(Join *join) {
        program_reader_deinit(&join->programs);
        exit_records_deinit(&join->records);
        task_table_deinit(&join->table);
}

/**
 * join_set_time_offset() - set the offset of the clocks, at the start and when it changed
 * @join:       the join
 * @offset_ns:  the time scale of clock.h minus CLOCK_MONOTONIC from now on
 *
 * It changes when the machine was suspended, and never with the wall clock.
 */
void join_set_time_offset(Join *join, int64_t offset_ns) {
        join->time_offset_ns = offset_ns;
        join->connector->time_offset_ns = offset_ns;
        join->programs.time_offset_ns = offset_ns;
}

static int join_event(Join *join, Event *event) {
        switch (event->kind) {
        case EVENT_FORK:
                return error_trace(join_fork(join, event));
        case EVENT_EXEC:
                return error_trace(join_exec(join, event));
        case EVENT_EXIT:
                return error_trace(join_exit_reported(join, event));
        case EVENT_LOSS:
                join_loss_note(join);
                join_emit(join, event);
                return 0;
        default:
                join_change(join, event);
                return 0;
        }
}

/*
 * Marks the execs of a batch behind which the same process calls exec or changes its name
 * again: /proc has the later name already. Another process may share the bit: its exec is
 * marked too, which costs a later reading. So is an exec behind which the process forks: a
 * next exec may have begun, whose executable the child does not have.
 */
static void join_mark_superseded(Connector *connector) {
        uint64_t seen[SEEN_BITS / 64] = {}, forking[SEEN_BITS / 64] = {};

        for (size_t i = connector->empty ? connector->n_events : 0; i-- > 0;) {
                Event *event = &connector->events[i];
                uint64_t *word = &seen[event->pid % SEEN_BITS / 64], bit = 1ull << event->pid % 64;

                if (event->kind == EVENT_FORK)
                        forking[event->fork.parent_pid % SEEN_BITS / 64] |= 1ull << event->fork.parent_pid % 64;
                if (event->kind == EVENT_EXEC) {
                        event->exec.superseded = *word & bit;
                        event->exec.forks = forking[event->pid % SEEN_BITS / 64] & bit;
                }
                if (event->kind == EVENT_EXEC || (event->kind == EVENT_COMM && event->tid == event->pid))
                        *word |= bit;
        }
}

/**
 * join_turn() - read the sources, and emit what they have
 * @join:         the join
 * @ret_drained:  whether the connector's queue was read empty
 *
 * Bounded, so that a storm leaves the loop time for its clients.
 *
 * Return: 0, or a negative errno.
 */
int join_turn(Join *join, bool *ret_drained) {
        Connector *connector = join->connector;
        int r;

        join->n_stats_missing = 0;
        for (int round = 0; round < ROUNDS; ++round) {
                r = connector_read(connector, CONNECTOR_ROUND);
                if (r)
                        return error_trace(r);
                exit_records_expect(&join->records);
                join_mark_superseded(connector);

                for (size_t i = 0; i < connector->n_events; ++i) {
                        r = join_event(join, &connector->events[i]);
                        if (r)
                                return error_trace(r);
                }
                if (connector->batch.drained)
                        break;
        }

        /* A record whose EXIT is still to come is taken out of the queue, or it would wake the loop again. */
        if (connector->batch.drained && !join->records.drained) {
                r = exit_records_receive(&join->records);
                if (r)
                        return error_trace(r);
        }
        join_silence_forget(join);
        join_loss_emit_missing_stats(join);
        *ret_drained = connector->batch.drained;
        return 0;
}

/**
 * join_tick() - do what no event triggers
 * @join:  the join; called some times a second, after a turn that drained the connector
 *
 * Return: 0, or a negative errno.
 */
int join_tick(Join *join) {
        (void)join_recheck_queue(join);
        join_recheck_hidden(join);
        program_reader_try_again(&join->programs, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        join_adoption_tick(join);
        join_adoption_read(join);
        return error_trace(join_loss_tick(join));
}
