/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A turn of the loop: join_turn() reads and completes what the sources have, then the
 * clients' requests are served. Before the loop sleeps, the hub closes batches and sends.
 *
 * While events come, the watchers of the sources are off and a timer reads them in the
 * interval that poll_interval.c computes. When an interval brought nothing, the watchers
 * are turned on again, so that the next event wakes the loop at once.
 *
 * A tick, twice a second, checks what no event reports: whether the connector still
 * speaks, the clock, the mount of /proc. Work on all tasks runs in slices between turns.
 */

#include <errno.h>
#include <signal.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/loop.h"
#include "broker/tasks/join_adoption.h"
#include "broker/tasks/join_change.h"
#include "broker/tasks/join_recheck.h"

#define TICK_SECONDS 0.5

/* Between two slices of a pass over /proc, so that a pass takes at most half of one processor. */
#define SLICE_SECONDS 0.002

/* The same, while no loss is known: at most a twentieth of one processor. */
#define QUIET_SLICE_SECONDS 0.03

/* Between two slices of what is still to be read in /proc. */
#define RECHECK_SECONDS 0.01

/*
 * Passes over /proc for one waiting subscription. The later ones read what was forked or
 * skipped during the first.
 */
#define PROGRAMS_PASSES 4

/*
 * Turns to read the sources until they are empty, where a request or a sample waits for
 * that. In a storm they are not empty after that, and it is served a little in the past.
 */
#define CATCH_UP_TURNS 4

#define LOSS_LOG_INTERVAL_NS (10 * NSEC_PER_SEC)

static void loop_fail(Loop *loop, int r) {
        if (r < 0 && loop->r == 0)
                loop->r = r;
        ev_break(loop->ev, EVBREAK_ALL);
}

/**
 * loop_n_received() - count the messages of both sources
 * @loop:  the loop
 *
 * Return: The number since the start.
 */
uint64_t loop_n_received(const Loop *loop) {
        return loop->connector->counters.received + loop->exits->counters.received;
}

/**
 * loop_n_lost() - count the messages of both sources that were lost
 * @loop:  the loop
 *
 * Return: The number since the start.
 */
uint64_t loop_n_lost(const Loop *loop) {
        return loop->connector->counters.lost + loop->exits->counters.lost;
}

/*
 * Turns.
 */

static void loop_watch_sources(Loop *loop, bool on) {
        if (on) {
                ev_io_start(loop->ev, &loop->connector_io);
                ev_io_start(loop->ev, &loop->exits_io);
        } else {
                ev_io_stop(loop->ev, &loop->connector_io);
                ev_io_stop(loop->ev, &loop->exits_io);
        }
}

static void loop_poll_after(Loop *loop, uint64_t ns) {
        ev_timer_set(&loop->poll_timer, (double)ns / (double)NSEC_PER_SEC, 0.);
        ev_timer_start(loop->ev, &loop->poll_timer);
}

static void loop_check_recheck(Loop *loop) {
        if (loop->join->table.recheck_queue.n > 0 && !loop->recheck_later && !ev_is_active(&loop->recheck_slice))
                ev_timer_again(loop->ev, &loop->recheck_slice);
}

static void loop_check_adoption(Loop *loop) {
        if (join_adoption_is_due(loop->join) && !ev_is_active(&loop->adoption_slice))
                ev_timer_again(loop->ev, &loop->adoption_slice);
}

static void loop_turn(Loop *loop, bool *ret_drained) {
        uint64_t before = loop_n_received(loop), interval_ns = 0;
        bool drained = false;
        int r;

        clock_watch_check_suspension(loop->join);
        r = join_turn(loop->join, &drained);
        if (r)
                return loop_fail(loop, error_trace(r));
        *ret_drained = drained;

        poll_interval_measure(&loop->poll_interval, loop_n_received(loop), (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        ev_timer_stop(loop->ev, &loop->poll_timer);
        if (!drained) {
                /* Clients are served first; the next turn follows at once. */
                loop_watch_sources(loop, false);
                return loop_poll_after(loop, 0);
        }
        loop_check_recheck(loop);
        loop_check_adoption(loop);
        if (loop_n_received(loop) != before)
                interval_ns = poll_interval_ns(&loop->poll_interval, hub_poll_interval_ns(loop->hub));
        loop_watch_sources(loop, interval_ns == 0);
        if (interval_ns > 0)
                loop_poll_after(loop, interval_ns);
}

/* Reads what the sources have by now. */
static void loop_catch_up(Loop *loop) {
        bool drained = false;

        for (int i = 0; i < CATCH_UP_TURNS && !drained && loop->r == 0; ++i)
                loop_turn(loop, &drained);
        if (drained)
                join_adoption_read(loop->join);
}

static void loop_on_source(struct ev_loop *ev, ev_io *watcher, int events) {
        Loop *loop = ev_userdata(ev);
        bool drained;

        (void)watcher;
        (void)events;
        loop_turn(loop, &drained);
}

static void loop_on_poll(struct ev_loop *ev, ev_timer *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, poll_timer);
        bool drained;

        (void)ev;
        (void)events;
        loop_turn(loop, &drained);
}

/*
 * Passes over all tasks, in slices.
 */

static void loop_on_reconcile_slice(struct ev_loop *ev, ev_timer *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, reconcile_slice);
        bool drained = false;
        int r = 0;

        (void)events;
        if (!reconcile_has_slice(loop->reconcile))
                reconcile_scan(loop->reconcile);
        loop_turn(loop, &drained);
        if (!drained)
                return;
        if (loop->reconcile->quiet)
                reconcile_quiet_apply(loop->reconcile);
        else
                r = reconcile_apply(loop->reconcile);
        if (r)
                return loop_fail(loop, error_trace(r));
        if (loop->reconcile->phase == RECONCILE_IDLE) {
                ev_timer_stop(ev, watcher);
                loop->join->reconciling = false;
                log_debug("The task table was compared with /proc: %zu tasks alive.", loop->join->table.n_live_tasks);
        }
}

static void loop_on_programs_slice(struct ev_loop *ev, ev_timer *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, programs_slice);
        int r;

        (void)events;
        r = join_change_read_programs(loop->join);
        if (r)
                return loop_fail(loop, error_trace(r));
        if (loop->join->programs.next_tid > 0)
                return;
        if (hub_needs_programs(loop->hub) && !program_reader_is_complete(&loop->join->programs) &&
            ++loop->n_programs_passes < PROGRAMS_PASSES)
                return;
        loop->n_programs_passes = 0;
        ev_timer_stop(ev, watcher);
        hub_on_programs(loop->hub);
}

/* Reads stale tasks in /proc, when the kernel's queue is empty. */
static void loop_on_recheck_slice(struct ev_loop *ev, ev_timer *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, recheck_slice);
        bool drained = false;

        (void)events;
        loop_turn(loop, &drained);
        if (!drained)
                return;
        loop->recheck_later = join_recheck_queue(loop->join) == JOIN_RECHECK_E_LATER;
        if (loop->recheck_later || loop->join->table.recheck_queue.n == 0)
                ev_timer_stop(ev, watcher);
}

/* Reads the parents of orphans, when the kernel's queue is empty. */
static void loop_on_adoption_slice(struct ev_loop *ev, ev_timer *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, adoption_slice);
        bool drained = false;

        (void)events;
        loop_turn(loop, &drained);
        if (!drained)
                return;
        join_adoption_read(loop->join);
        if (!join_adoption_is_due(loop->join))
                ev_timer_stop(ev, watcher);
}

/* A pass begins when a subscription waits for programs. The tick repeats it for those that were skipped in a storm. */
static void loop_check_programs(Loop *loop) {
        if (!program_reader_is_complete(&loop->join->programs) && !ev_is_active(&loop->programs_slice))
                ev_timer_again(loop->ev, &loop->programs_slice);
}

static void loop_pace_reconcile(Loop *loop, double seconds) {
        loop->reconcile_slice.repeat = seconds;
        ev_timer_again(loop->ev, &loop->reconcile_slice);
}

static void loop_check_silence(Loop *loop) {
        if (!loop->join->can_be_silenced || !reconcile_quiet_is_due(loop->reconcile))
                return;
        reconcile_quiet_start(loop->reconcile);
        loop_pace_reconcile(loop, QUIET_SLICE_SECONDS);
}

static void loop_check_table(Loop *loop) {
        if (!join_loss_is_settled(loop->join))
                return;
        if (!loop->join->wants_reconcile)
                return loop_check_silence(loop);
        loop->join->wants_reconcile = false;
        loop->join->reconciling = true;
        reconcile_start(loop->reconcile);
        loop_pace_reconcile(loop, SLICE_SECONDS);
}

static void loop_on_prepare(struct ev_loop *ev, ev_prepare *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, prepare);
        int r;

        (void)ev;
        (void)events;
        if (hub_needs_drain(loop->hub))
                loop_catch_up(loop);
        r = hub_end_turn(loop->hub);
        if (r)
                loop_fail(loop, error_trace(r));
        if (loop->hub->has_room)
                listener_resume(loop->listener);
        if (hub_needs_programs(loop->hub))
                loop_check_programs(loop);
}

/*
 * The tick.
 */

static int loop_check_connector(Loop *loop) {
        int r;

        loop->probing = !loop->probing;
        if (loop->probing) {
                loop->n_answer_ticks = 0;
                return error_trace(connector_probe(loop->connector));
        }
        if (loop->connector->awaiting && ++loop->n_answer_ticks < loop->answer_ticks) {
                loop->probing = true;
                return 0;
        }

        r = connector_check(loop->connector);
        if (r < 0)
                return error_trace(r);
        if (r > 0 && !loop->muted_logged) {
                loop->muted_logged = true;
                log_warning("Some process on this machine has silenced the kernel's proc connector for all listeners; "
                            "restoring it.");
        }
        if (r == CONNECTOR_E_REPAIRED) {
                loop->muted_logged = false;
                log_notice("The proc connector is restored.");
                join_loss_note_muted(loop->join, loop->connector->muted_since_ns);
        }
        return 0;
}

/* One line for all losses of the last ten seconds, so that a storm does not fill the log. */
static void loop_log_losses(Loop *loop) {
        uint64_t lost = loop_n_lost(loop), now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        if (lost == loop->logged_lost || now - loop->logged_ns < LOSS_LOG_INTERVAL_NS)
                return;
        log_warning("%llu kernel messages were lost since the last such line. Subscribers were notified. A larger "
                    "--rcvbuf-mib helps against storms.",
                    (unsigned long long)(lost - loop->logged_lost));
        loop->logged_lost = lost;
        loop->logged_ns = now;
}

static void loop_check_policy(Loop *loop) {
        loop->reconcile->blind = loop->policy_watch->blind;
        if (!policy_watch_update(loop->policy_watch))
                return;
        log_notice(loop->policy_watch->policy.hides
                           ? "/proc is mounted with hidepid: from now on users see their own tasks only."
                           : "/proc no longer hides tasks: from now on users see what is public of all tasks.");
        hub_set_policy(loop->hub, &loop->policy_watch->policy);
}

static void loop_on_tick(struct ev_loop *ev, ev_timer *watcher, int events) {
        Loop *loop = container_of(watcher, Loop, tick);
        bool drained = false;
        int r = 0;

        (void)ev;
        (void)events;
        loop_turn(loop, &drained);
        /* With unread messages in the queue, a missing answer proves nothing. */
        if (drained) {
                r = loop_check_connector(loop);
                if (!r)
                        r = join_tick(loop->join);
        }
        if (r)
                return loop_fail(loop, error_trace(r));
        loop->recheck_later = false;
        loop_check_table(loop);
        loop_check_programs(loop);
        loop_log_losses(loop);
        clock_watch_check_wall_clock(&loop->clock_watch);
        loop_check_policy(loop);
        (void)log_report_dropped();
        kernel_features_update(loop->features, loop->procfs_fd);
        service_manager_alive(loop->service_manager, (uint64_t)clock_read_ns(CLOCK_MONOTONIC),
                              "%zu clients, %zu tasks alive, %llu kernel messages lost", loop->hub->connections.n_open,
                              loop->join->table.n_live_tasks, (unsigned long long)loop_n_lost(loop));
}

static void loop_on_signal(struct ev_loop *ev, ev_signal *watcher, int events) {
        (void)watcher;
        (void)events;
        ev_break(ev, EVBREAK_ALL);
}

/**
 * loop_init() - make the event loop, so that others can add their watchers
 * @loop:  output
 *
 * Return: 0; a negative errno.
 */
int loop_init(Loop *loop) {
        *loop = (Loop){ .procfs_fd = -1 };
        /* Not the default loop: that one would handle SIGCHLD, and the daemon has no children then. */
        loop->ev = ev_loop_new(EVFLAG_AUTO);
        if (!loop->ev)
                return error_origin(-ENOMEM);
        ev_set_userdata(loop->ev, loop);
        return 0;
}

/**
 * loop_deinit() - free the event loop, after everything that has watchers in it
 * @loop:  the loop, which may be zeroed
 */
void loop_deinit(Loop *loop) {
        if (loop->ev)
                ev_loop_destroy(loop->ev);
}

/**
 * loop_start() - start the watchers, when all that the loop drives is there
 * @loop:  the loop
 */
void loop_start(Loop *loop) {
        poll_interval_init(&loop->poll_interval, MIN(loop->connector->counters.receive_buffer_bytes,
                                                     loop->exits->counters.receive_buffer_bytes));
        ev_io_init(&loop->connector_io, loop_on_source, loop->connector->fd, EV_READ);
        ev_io_init(&loop->exits_io, loop_on_source, loop->exits->fd, EV_READ);
        ev_timer_init(&loop->poll_timer, loop_on_poll, 0., 0.);
        ev_timer_init(&loop->tick, loop_on_tick, TICK_SECONDS, TICK_SECONDS);
        ev_timer_init(&loop->reconcile_slice, loop_on_reconcile_slice, SLICE_SECONDS, SLICE_SECONDS);
        ev_timer_init(&loop->programs_slice, loop_on_programs_slice, SLICE_SECONDS, SLICE_SECONDS);
        ev_timer_init(&loop->recheck_slice, loop_on_recheck_slice, RECHECK_SECONDS, RECHECK_SECONDS);
        ev_timer_init(&loop->adoption_slice, loop_on_adoption_slice, SLICE_SECONDS, SLICE_SECONDS);
        ev_prepare_init(&loop->prepare, loop_on_prepare);
        ev_signal_init(&loop->sigterm, loop_on_signal, SIGTERM);
        ev_signal_init(&loop->sigint, loop_on_signal, SIGINT);
        /* The sources before the clients: an answer then covers what the sources had when it was asked for. */
        ev_set_priority(&loop->connector_io, 1);
        ev_set_priority(&loop->exits_io, 1);
        loop_watch_sources(loop, true);
        ev_timer_start(loop->ev, &loop->tick);
        ev_prepare_start(loop->ev, &loop->prepare);
        ev_signal_start(loop->ev, &loop->sigterm);
        ev_signal_start(loop->ev, &loop->sigint);
}

/**
 * loop_run() - run until a signal or a fatal error ends it
 * @loop:  the loop
 *
 * Return: 0; a negative errno.
 */
int loop_run(Loop *loop) {
        ev_run(loop->ev, 0);
        return error_trace(loop->r);
}
