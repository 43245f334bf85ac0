/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loop. The sources wake it; join_turn() reads and completes what they have;
 * before the loop sleeps, the hub closes batches and sends.
 *
 * While things happen, the sources' watchers are off and a timer reads them at the
 * pace that pace.c finds; a pace in which nothing came turns the watchers on again.
 */

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/broker.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/listen_socket.h"
#include "broker/daemon/policy_watch.h"
#include "broker/daemon/poll_interval.h"
#include "broker/daemon/privileges.h"
#include "broker/daemon/quota_limits.h"
#include "broker/daemon/seccomp.h"
#include "broker/daemon/self_test.h"
#include "broker/daemon/service_manager.h"
#include "broker/daemon/sources.h"
#include "broker/daemon/stats_service.h"
#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/policy/limits.h"
#include "broker/server/hub.h"
#include "broker/server/listener.h"
#include "broker/server/request_handler.h"
#include "broker/tasks/join.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/reconcile.h"

typedef struct Broker Broker;

#define TICK_SECONDS 0.5

/* Between two slices of what reads /proc for all tasks: it may take one processor's half at the most. */
#define SLICE_SECONDS 0.002

/* What processes run is read for those who wait for it, and again for what was born or left out meanwhile; no more often. */
#define PROGRAMS_PASSES 4

/* What a subscription can take to be up to date: in a storm it begins a little in the past. */
#define CATCH_UP_TURNS 4

/* Smaller differences between the clocks are our own reading's. */
#define CLOCK_STEP_NS ((int64_t)NSEC_PER_MSEC)

struct Broker {
        struct ev_loop *loop;
        int procfs_fd;
        ServiceManager service;
        Privileges privileges;
        KernelFeatures features;
        Connector connector;
        ExitListener exits;
        Join join;
        Reconcile reconcile;
        Hub hub;
        StatsService live;
        Listener listener;
        PolicyWatch access;

        ev_io connector_io;
        ev_io exits_io;
        PollInterval pace;
        ev_timer pace_timer;
        ev_timer tick;
        ev_timer reconcile_slice;
        ev_timer programs_slice;
        uint32_t n_programs_passes;     /* on end, while somebody waits */
        ev_prepare prepare;
        ev_signal sigterm, sigint;

        uint64_t epoch;
        uint64_t start_time_ns;
        uint64_t start_ns;              /* monotonic */
        bool probing;                   /* every second tick asks, the other recheck_queue for the answer */
        bool muted_logged;
        uint64_t logged_lost, logged_ns; /* of the last line about losses */
        int r;                          /* why the loop ended */
};

static void broker_fail(Broker *broker, int r) {
        if (r < 0 && broker->r == 0)
                broker->r = r;
        ev_break(broker->loop, EVBREAK_ALL);
}

static void broker_on_event(Join *join, const Event *event) {
        Broker *broker = container_of(join, Broker, join);

        hub_publish(&broker->hub, event, join->realtime_offset_ns);
}

static void broker_on_report(Hub *hub, BrokerStatus *status) {
        Broker *broker = container_of(hub, Broker, hub);

        (void)exit_listener_poll_drops(&broker->exits);
        status->epoch = broker->epoch;
        status->start_time_ns = broker->start_time_ns;
        status->uptime_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - broker->start_ns;
        status->realtime_offset_ns = broker->join.realtime_offset_ns;
        if (broker->exits.last_version)
                broker->features.taskstats_version = broker->exits.last_version;
        status->features = &broker->features;
        status->connector = broker->connector.counters;
        status->taskstats = broker->exits.counters;
        /* Where the exit was lost too, only the socket has counted its record. */
        status->taskstats.lost = MAX(status->taskstats.lost, status->taskstats.dropped + status->taskstats.truncated);
        status->live_tasks = broker->join.table.n_live_tasks;
        status->live_processes = broker->join.table.n_live_processes;
        status->unmatched_stats = broker->join.records.waiting.pool.n_used;
        status->synthesised_exits = broker->join.n_synthesised;
        status->synthesised_forks = broker->join.n_synthesised_forks;
        status->programs_captured = broker->join.programs.n_captured;
        status->programs_late = broker->join.programs.n_late;
        status->programs_skipped = broker->join.programs.n_skipped;
        status->table_bytes = task_table_bytes(&broker->join.table);
        status->broker_cpu_ns = (uint64_t)clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/*
 * Turns.
 */

static uint64_t broker_received(const Broker *broker) {
        return broker->connector.counters.received + broker->exits.counters.received;
}

static void broker_watch(Broker *broker, bool on) {
        if (on) {
                ev_io_start(broker->loop, &broker->connector_io);
                ev_io_start(broker->loop, &broker->exits_io);
        } else {
                ev_io_stop(broker->loop, &broker->connector_io);
                ev_io_stop(broker->loop, &broker->exits_io);
        }
}

static void broker_turn(Broker *broker, bool *ret_drained) {
        uint64_t before = broker_received(broker), pace = 0, max_delay_ns;
        bool drained = false;
        int r;

        r = join_turn(&broker->join, &drained);
        if (r)
                return broker_fail(broker, error_trace(r));
        *ret_drained = drained;

        poll_interval_measure(&broker->pace, broker_received(broker), (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        ev_timer_stop(broker->loop, &broker->pace_timer);
        if (!drained) {
                /* the clients' turn, and then on at once */
                broker_watch(broker, false);
                ev_timer_set(&broker->pace_timer, 0., 0.);
                ev_timer_start(broker->loop, &broker->pace_timer);
                return;
        }
        max_delay_ns = broker->hub.max_delay_ms * NSEC_PER_MSEC / HUB_POLL_SHARE;
        if (broker_received(broker) != before)
                pace = poll_interval_ns(&broker->pace, max_delay_ns);
        broker_watch(broker, pace == 0);
        if (pace > 0) {
                ev_timer_set(&broker->pace_timer, (double)pace / (double)NSEC_PER_SEC, 0.);
                ev_timer_start(broker->loop, &broker->pace_timer);
        }
}

static void broker_on_catch_up(Hub *hub) {
        Broker *broker = container_of(hub, Broker, hub);
        bool drained = false;

        for (int i = 0; i < CATCH_UP_TURNS && !drained && broker->r == 0; ++i)
                broker_turn(broker, &drained);
}

static void broker_on_room(Hub *hub) {
        listener_resume(&container_of(hub, Broker, hub)->listener);
}

static void broker_on_source(struct ev_loop *loop, ev_io *watcher, int events) {
        Broker *broker = ev_userdata(loop);
        bool drained;

        (void)watcher;
        (void)events;
        broker_turn(broker, &drained);
}

static void broker_on_poll(struct ev_loop *loop, ev_timer *watcher, int events) {
        Broker *broker = container_of(watcher, Broker, pace_timer);
        bool drained;

        (void)loop;
        (void)events;
        broker_turn(broker, &drained);
}

/*
 * Looking after.
 */

static int broker_check_connector(Broker *broker) {
        int r;

        broker->probing = !broker->probing;
        if (broker->probing)
                return error_trace(connector_probe(&broker->connector));

        r = connector_check(&broker->connector);
        if (r < 0)
                return error_trace(r);
        if (r > 0 && !broker->muted_logged) {
                broker->muted_logged = true;
                log_warning("Some process on this machine has silenced the kernel's proc connector for all listeners; "
                            "restoring it.");
        }
        if (r == CONNECTOR_E_REPAIRED) {
                broker->muted_logged = false;
                log_notice("The proc connector is restored.");
                join_note_muted(&broker->join, broker->connector.muted_since_ns);
        }
        return 0;
}

static void broker_check_clock(Broker *broker) {
        int64_t offset = clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC);
        int64_t step = offset - broker->join.realtime_offset_ns;

        if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS) {
                log_notice("The clock was set, or the machine slept: times differ by %lld ms from now on.",
                           (long long)(step / (int64_t)NSEC_PER_MSEC));
                join_set_realtime_offset(&broker->join, offset);
        }
}

static void broker_on_reconcile_slice(struct ev_loop *loop, ev_timer *watcher, int events) {
        Broker *broker = container_of(watcher, Broker, reconcile_slice);
        bool drained = false;
        int r;

        (void)events;
        if (broker->reconcile.n_mismatches == 0)
                reconcile_compare(&broker->reconcile);
        broker_turn(broker, &drained);
        if (!drained)
                return;
        r = reconcile_apply(&broker->reconcile);
        if (r)
                return broker_fail(broker, error_trace(r));
        if (broker->reconcile.phase == RECONCILE_IDLE) {
                ev_timer_stop(loop, watcher);
                log_debug("The task table was compared with /proc: %zu tasks alive.", broker->join.table.n_live_tasks);
        }
}

static void broker_on_programs_slice(struct ev_loop *loop, ev_timer *watcher, int events) {
        Broker *broker = container_of(watcher, Broker, programs_slice);
        int r;

        (void)events;
        r = program_reader_read_slice(&broker->join.programs);
        if (r)
                return broker_fail(broker, error_trace(r));
        if (broker->join.programs.next_tid > 0)
                return;
        if (broker->hub.n_waiting > 0 && !program_reader_is_complete(&broker->join.programs) &&
            ++broker->n_programs_passes < PROGRAMS_PASSES)
                return;
        broker->n_programs_passes = 0;
        ev_timer_stop(loop, watcher);
        request_handler_on_programs(&broker->hub);
}

/* A pass begins when a subscription waits for it; for what is skipped in a storm it comes back now and then. */
static void broker_check_programs(Broker *broker) {
        if (!program_reader_is_complete(&broker->join.programs) && !ev_is_active(&broker->programs_slice))
                ev_timer_again(broker->loop, &broker->programs_slice);
}

static void broker_check_table(Broker *broker) {
        if (!broker->join.wants_reconcile || !join_is_settled(&broker->join))
                return;
        broker->join.wants_reconcile = false;
        reconcile_start(&broker->reconcile);
        ev_timer_start(broker->loop, &broker->reconcile_slice);
}

static void broker_on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events) {
        Broker *broker = container_of(watcher, Broker, prepare);
        int r;

        (void)loop;
        (void)events;
        r = hub_end_turn(&broker->hub);
        if (r)
                broker_fail(broker, error_trace(r));
        if (broker->hub.n_waiting > 0)
                broker_check_programs(broker);
}

/* One line an episode, however long it is: every ten seconds at the most. */
static void broker_log_losses(Broker *broker) {
        uint64_t lost = broker->connector.counters.lost + broker->exits.counters.lost;
        uint64_t now = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        if (lost == broker->logged_lost || now - broker->logged_ns < 10 * NSEC_PER_SEC)
                return;
        log_warning("%llu kernel messages were lost since the last such line. Subscribers were told. A larger "
                    "--rcvbuf-mib helps against storms.",
                    (unsigned long long)(lost - broker->logged_lost));
        broker->logged_lost = lost;
        broker->logged_ns = now;
}

static void broker_check_policy(Broker *broker) {
        broker->reconcile.blind = broker->access.blind;
        if (!policy_watch_update(&broker->access))
                return;
        log_notice(broker->access.policy.hides
                           ? "/proc is mounted with hidepid: from now on users are told of their own tasks only."
                           : "/proc hides nothing any more: users are told what is public of all tasks.");
        hub_set_policy(&broker->hub, &broker->access.policy);
}

static void broker_on_tick(struct ev_loop *loop, ev_timer *watcher, int events) {
        Broker *broker = container_of(watcher, Broker, tick);
        bool drained = false;
        int r = 0;

        (void)loop;
        (void)events;
        broker_turn(broker, &drained);
        /* With unread messages in the queue, silence proves nothing. */
        if (drained) {
                r = broker_check_connector(broker);
                if (!r)
                        r = join_tick(&broker->join);
        }
        if (r)
                return broker_fail(broker, error_trace(r));
        broker_check_table(broker);
        broker_check_programs(broker);
        broker_log_losses(broker);
        broker_check_clock(broker);
        broker_check_policy(broker);
        kernel_features_update(&broker->features, broker->procfs_fd);
        service_manager_alive(&broker->service, (uint64_t)clock_read_ns(CLOCK_MONOTONIC),
                      "%zu clients, %zu tasks alive, %llu kernel messages lost", broker->hub.n_clients,
                      broker->join.table.n_live_tasks,
                      (unsigned long long)(broker->connector.counters.lost + broker->exits.counters.lost));
}

static void broker_on_signal(struct ev_loop *loop, ev_signal *watcher, int events) {
        (void)watcher;
        (void)events;
        ev_break(loop, EVBREAK_ALL);
}

/*
 * Start.
 */

static void report_to_log(bool good, const char *sentence) {
        if (good)
                log_info("%s", sentence);
        else
                log_error("%s", sentence);
}

static int broker_init(Broker *broker, const Options *options) {
        QuotaLimits limits;
        uint64_t buffer;
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        r = privileges_plan(&broker->privileges, options);
        if (r)
                return BROKER_E_FAILED;
        limits = quota_limits_find(options);
        if (getrandom(&broker->epoch, sizeof(broker->epoch), 0) < 0)
                return error_origin(-errno);
        broker->start_time_ns = (uint64_t)clock_read_ns(CLOCK_REALTIME);
        broker->start_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        /* not the default one, which would wait for children, of which there are none */
        broker->loop = ev_loop_new(EVFLAG_AUTO);
        if (!broker->loop)
                return error_origin(-ENOMEM);
        ev_set_userdata(broker->loop, broker);
        hub_init(&broker->hub, broker->loop, broker->epoch, &broker->join.table, &broker->join.programs, options->feed_bytes,
                 &limits, broker_on_report);
        broker->hub.catch_up = broker_on_catch_up;
        broker->hub.room = broker_on_room;

        r = policy_watch_init(&broker->access, options, broker->procfs_fd);
        if (r)
                return BROKER_E_FAILED;
        hub_set_policy(&broker->hub, &broker->access.policy);
        /* Before the kernel is asked for anything: is there another broker? */
        r = listen_socket_open(&broker->listener, &broker->hub, options);
        if (r)
                return r < 0 ? error_trace(r) : BROKER_E_FAILED;

        r = sources_open(&broker->connector, &broker->exits, &broker->features, options, report_to_log);
        if (r)
                return r < 0 ? error_trace(r) : BROKER_E_FAILED;
        r = stats_service_init(&broker->live, &broker->hub, &broker->join, &broker->features, broker->procfs_fd, options);
        if (r)
                return r < 0 ? error_trace(r) : BROKER_E_FAILED;
        if (options->connector_fd < 0)
                self_test_report_features(&broker->connector, &broker->exits, &broker->features, report_to_log);

        join_init(&broker->join, &broker->connector, &broker->exits, &broker->features, broker->procfs_fd, broker_on_event);
        reconcile_init(&broker->reconcile, &broker->join, broker->procfs_fd);
        r = reconcile_seed(&broker->reconcile);
        if (r)
                return error_trace(r);

        buffer = MIN(broker->connector.counters.receive_buffer_bytes, broker->exits.counters.receive_buffer_bytes);
        poll_interval_init(&broker->pace, buffer);
        ev_io_init(&broker->connector_io, broker_on_source, broker->connector.fd, EV_READ);
        ev_io_init(&broker->exits_io, broker_on_source, broker->exits.fd, EV_READ);
        ev_timer_init(&broker->pace_timer, broker_on_poll, 0., 0.);
        ev_timer_init(&broker->tick, broker_on_tick, TICK_SECONDS, TICK_SECONDS);
        ev_timer_init(&broker->reconcile_slice, broker_on_reconcile_slice, SLICE_SECONDS, SLICE_SECONDS);
        ev_timer_init(&broker->programs_slice, broker_on_programs_slice, SLICE_SECONDS, SLICE_SECONDS);
        ev_prepare_init(&broker->prepare, broker_on_prepare);
        ev_signal_init(&broker->sigterm, broker_on_signal, SIGTERM);
        ev_signal_init(&broker->sigint, broker_on_signal, SIGINT);
        /* The sources before the clients: what is asked for now is answered with what was there. */
        ev_set_priority(&broker->connector_io, 1);
        ev_set_priority(&broker->exits_io, 1);
        broker_watch(broker, true);
        ev_timer_start(broker->loop, &broker->tick);
        ev_prepare_start(broker->loop, &broker->prepare);
        ev_signal_start(broker->loop, &broker->sigterm);
        ev_signal_start(broker->loop, &broker->sigint);

        /* From here on clients are heard. */
        r = privileges_drop(&broker->privileges);
        if (r)
                return BROKER_E_FAILED;
        if (!options->seccomp)
                return 0;
        r = seccomp_confine(broker->listener.path[0]);
        if (r == SECCOMP_E_ABSENT)
                log_info("System calls are not filtered: taskbrokerd was built without it.");
        return r < 0 ? error_trace(r) : 0;
}

static void broker_deinit(Broker *broker) {
        listener_deinit(&broker->listener);
        policy_watch_deinit(&broker->access);
        connector_deinit(&broker->connector);
        exit_listener_deinit(&broker->exits);
        if (broker->join.emit) {
                reconcile_deinit(&broker->reconcile);
                join_deinit(&broker->join);
        }
        if (broker->loop) {
                hub_deinit(&broker->hub);
                stats_service_deinit(&broker->live);
                ev_loop_destroy(broker->loop);
        }
}

/**
 * broker_run() - be the broker until a signal ends it
 * @options:  how
 *
 * Return: 0; BROKER_E_FAILED; a negative errno.
 */
int broker_run(const Options *options) {
        Broker broker = {
                .procfs_fd = -1,
                .connector = CONNECTOR_NULL,
                .exits = EXIT_LISTENER_NULL,
                .live = STATS_SERVICE_NULL,
                .listener = LISTENER_NULL,
                .access = POLICY_WATCH_NULL,
        };
        int r;

        broker.procfs_fd = open(options->procfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (broker.procfs_fd < 0) {
                log_error("%s cannot be read: %s. Mount it: mount -t proc proc /proc.", options->procfs, strerror(errno));
                return BROKER_E_FAILED;
        }
        kernel_features_read(&broker.features, broker.procfs_fd, options->connector_fd < 0);

        r = broker_init(&broker, options);
        if (!r) {
                log_notice("Listening on %s, epoch %016llx, %zu tasks alive.",
                           broker.listener.path[0] ? broker.listener.path : "the socket handed in",
                           (unsigned long long)broker.epoch, broker.join.table.n_live_tasks);
                service_manager_ready(&broker.service);
                ev_run(broker.loop, 0);
                service_manager_stopping(&broker.service);
                r = error_trace(broker.r);
                hub_stop(&broker.hub);
                log_notice("Stopping: %llu kernel messages received, %llu lost.",
                           (unsigned long long)broker_received(&broker),
                           (unsigned long long)(broker.connector.counters.lost + broker.exits.counters.lost));
        }
        broker_deinit(&broker);
        close(broker.procfs_fd);
        return r;
}
