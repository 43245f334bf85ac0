/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The daemon from its start to its end. The steps that need root come first: the listening
 * socket, the kernel's sources, the task table. Then privileges are dropped, and only
 * then the loop reads from clients. The callbacks, by which lower layers call upwards,
 * are here too.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/daemon.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/listen_socket.h"
#include "broker/daemon/loop.h"
#include "broker/daemon/priority.h"
#include "broker/daemon/privileges.h"
#include "broker/daemon/quota_limits.h"
#include "broker/daemon/seccomp.h"
#include "broker/daemon/self_test.h"
#include "broker/daemon/sources.h"
#include "broker/daemon/start_file.h"
#include "broker/daemon/stats_service.h"
#include "broker/tasks/task_start.h"
#include "broker/server/listener.h"

typedef struct Daemon Daemon;

struct Daemon {
        int procfs_fd;
        ServiceManager service_manager;
        Privileges privileges;
        KernelFeatures features;
        Connector connector;
        ExitListener exits;
        Join join;
        Reconcile reconcile;
        Hub hub;
        StatsService stats_service;
        Listener listener;
        PolicyWatch policy_watch;
        Loop loop;

        uint64_t epoch;
        StartStore starts;
        uint64_t start_time_ns;
        uint64_t start_ns;              /* monotonic */
};

/*
 * Callbacks of lower layers.
 */

static void daemon_on_event(Join *join, const Event *event) {
        Daemon *daemon = container_of(join, Daemon, join);

        hub_publish(&daemon->hub, event);
}

static void daemon_on_status(StatusReport *report, BrokerStatus *status) {
        Daemon *daemon = container_of(report, Daemon, hub.status);

        (void)exit_listener_poll_drops(&daemon->exits);
        status->epoch = daemon->epoch;
        status->start_time_ns = daemon->start_time_ns;
        status->uptime_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - daemon->start_ns;
        status->time_offset_ns = daemon->join.time_offset_ns;
        if (daemon->exits.last_version)
                daemon->features.taskstats_version = daemon->exits.last_version;
        status->features = &daemon->features;
        status->connector = daemon->connector.counters;
        status->taskstats = daemon->exits.counters;
        /* Where the exit was lost too, only the socket has counted its record. */
        status->taskstats.lost = MAX(status->taskstats.lost, status->taskstats.dropped + status->taskstats.truncated);
        status->live_tasks = daemon->join.table.n_live_tasks;
        status->live_processes = daemon->join.table.n_live_processes;
        status->unmatched_stats = daemon->join.records.pending.pool.n_used;
        status->synthesised_exits = daemon->join.n_synthesised;
        status->synthesised_forks = daemon->join.n_synthesised_forks;
        status->programs_captured = daemon->join.programs.n_captured;
        status->programs_late = daemon->join.programs.n_late;
        status->programs_skipped = daemon->join.programs.n_skipped;
        status->programs_refused = daemon->join.programs.n_refused;
        status->program_bytes = daemon->join.table.n_program_bytes;
        status->foreign_acks = daemon->connector.n_foreign_acks;
        status->rechecks_pending = daemon->join.table.recheck_queue.n;
        status->rechecks_done = daemon->join.table.recheck_queue.n_read;
        status->rechecks_ended = daemon->join.table.recheck_queue.n_ended;
        status->log_lines_dropped = log_n_dropped();
        status->table_bytes = task_table_bytes(&daemon->join.table);
        status->broker_cpu_ns = (uint64_t)clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/*
 * Start.
 */

/* The clients' side, as far as the listening socket: if another broker has that, nothing is asked of the kernel. */
static int daemon_init_server(Daemon *daemon, const Options *options) {
        QuotaLimits limits = quota_limits_find(options);
        int r;

        r = loop_init(&daemon->loop);
        if (r)
                return error_trace(r);
        hub_init(&daemon->hub, daemon->loop.ev, daemon->epoch, &daemon->join.table, &daemon->join.programs,
                 options->feed_bytes, &limits, daemon_on_status);
        daemon->loop.answer_ticks = (uint32_t)options->answer_ticks;
        daemon->hub.connections.owner.request_seconds = (uint32_t)options->request_seconds;
        daemon->hub.connections.owner.unread_seconds = (uint32_t)options->unread_seconds;
        daemon->hub.feeds.resume_seconds = (uint32_t)options->resume_seconds;

        r = policy_watch_init(&daemon->policy_watch, options, daemon->procfs_fd);
        if (r)
                return DAEMON_E_FAILED;
        hub_set_policy(&daemon->hub, &daemon->policy_watch.policy);
        daemon->hub.quota.subuids = &daemon->policy_watch.subuids;
        r = listen_socket_open(&daemon->listener, &daemon->hub, options);
        return r > 0 ? DAEMON_E_FAILED : error_trace(r);
}

/* The kernel's side, as far as the task table. */
static int daemon_init_tasks(Daemon *daemon, const Options *options) {
        int r;

        r = sources_open(&daemon->connector, &daemon->exits, &daemon->features, options, false);
        if (r)
                return r > 0 ? DAEMON_E_FAILED : error_trace(r);
        r = stats_service_init(&daemon->stats_service, &daemon->hub, &daemon->join, &daemon->features,
                               daemon->procfs_fd, options);
        if (r)
                return r > 0 ? DAEMON_E_FAILED : error_trace(r);
        if (options->connector_fd < 0)
                self_test_report_features(&daemon->connector, &daemon->exits, &daemon->features, false);

        join_init(&daemon->join, &daemon->connector, &daemon->exits, &daemon->features, daemon->procfs_fd,
                  daemon_on_event);
        daemon->join.table.starts = &daemon->starts;
        daemon->join.programs.cmdline_max = options->max_args;
        daemon->join.programs.quota = &daemon->hub.quota;
        /* A test that plays the kernel is not asked at each exec. */
        if (daemon->connector.opened) {
                daemon->join.exe_reader.source = &daemon->stats_service.query.source;
                daemon->join.can_be_silenced = daemon->connector.keepalive;
        }
        reconcile_init(&daemon->reconcile, &daemon->join, daemon->procfs_fd);
        r = reconcile_seed(&daemon->reconcile);
        if (r)
                return error_trace(r);
        task_start_prune(&daemon->join.table);
        return 0;
}

static void daemon_start_loop(Daemon *daemon) {
        daemon->loop.connector = &daemon->connector;
        daemon->loop.exits = &daemon->exits;
        daemon->loop.join = &daemon->join;
        daemon->loop.reconcile = &daemon->reconcile;
        daemon->loop.hub = &daemon->hub;
        daemon->loop.listener = &daemon->listener;
        daemon->loop.policy_watch = &daemon->policy_watch;
        daemon->loop.features = &daemon->features;
        daemon->loop.service_manager = &daemon->service_manager;
        daemon->loop.procfs_fd = daemon->procfs_fd;
        loop_start(&daemon->loop);
}

/* Gives up what only the start needed; clients are read from afterwards. */
static int daemon_confine(Daemon *daemon, const Options *options) {
        int r;

        priority_raise((int)options->priority_boost);
        r = privileges_drop(&daemon->privileges);
        if (r)
                return DAEMON_E_FAILED;
        r = program_reader_start_threads(&daemon->join.programs, &daemon->policy_watch.subuids);
        if (r)
                log_warning("No threads could be made: %s. A process can make the broker wait while its command line "
                            "is read.",
                            strerror(-r));
        if (!options->seccomp)
                return 0;
        r = seccomp_confine(daemon->listener.path[0], daemon->join.programs.threads.n > 0);
        if (r == SECCOMP_E_THREADS) {
                program_reader_deinit(&daemon->join.programs);
                log_warning("Threads are not used, because seccomp(2) is forbidden: allow it in the unit. A process "
                            "can make the broker wait while its command line is read.");
                r = seccomp_confine(daemon->listener.path[0], false);
        }
        if (r == SECCOMP_E_ABSENT)
                log_info("System calls are not filtered: taskbrokerd was built without it.");
        return r < 0 ? error_trace(r) : 0;
}

static int daemon_init(Daemon *daemon, const Options *options) {
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        kernel_features_read(&daemon->features, daemon->procfs_fd, options->connector_fd < 0);
        r = privileges_plan(&daemon->privileges, options);
        if (r)
                return DAEMON_E_FAILED;
        privileges_join(&daemon->privileges);
        if (getrandom(&daemon->epoch, sizeof(daemon->epoch), 0) < 0)
                return error_origin(-errno);
        start_file_open(&daemon->starts, options);
        daemon->start_time_ns = clock_time_ns();
        daemon->start_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        r = daemon_init_server(daemon, options);
        if (!r)
                r = daemon_init_tasks(daemon, options);
        if (r)
                return r;
        daemon_start_loop(daemon);
        return daemon_confine(daemon, options);
}

static void daemon_deinit(Daemon *daemon) {
        listener_deinit(&daemon->listener);
        policy_watch_deinit(&daemon->policy_watch);
        connector_deinit(&daemon->connector);
        exit_listener_deinit(&daemon->exits);
        if (daemon->join.emit) {
                reconcile_deinit(&daemon->reconcile);
                join_deinit(&daemon->join);
        }
        if (daemon->loop.ev) {
                hub_deinit(&daemon->hub);
                stats_service_deinit(&daemon->stats_service);
        }
        loop_deinit(&daemon->loop);
        start_store_close(&daemon->starts);
}

static int daemon_serve(Daemon *daemon) {
        int r;

        log_notice("Listening on %s, epoch %016llx, %zu tasks alive.",
                   daemon->listener.path[0] ? daemon->listener.path : "the socket handed in",
                   (unsigned long long)daemon->epoch, daemon->join.table.n_live_tasks);
        service_manager_ready(&daemon->service_manager);
        r = loop_run(&daemon->loop);
        service_manager_stopping(&daemon->service_manager);
        hub_stop(&daemon->hub);
        log_notice("Stopping: %llu kernel messages received, %llu lost.",
                   (unsigned long long)loop_n_received(&daemon->loop), (unsigned long long)loop_n_lost(&daemon->loop));
        return error_trace(r);
}

/**
 * daemon_run() - be the broker until a signal ends it
 * @options:  how
 *
 * Return: 0; DAEMON_E_FAILED; a negative errno.
 */
int daemon_run(const Options *options) {
        Daemon daemon = {
                .procfs_fd = -1,
                .connector = CONNECTOR_NULL,
                .exits = EXIT_LISTENER_NULL,
                .stats_service = STATS_SERVICE_NULL,
                .listener = LISTENER_NULL,
                .starts = START_STORE_NULL,
                .policy_watch = POLICY_WATCH_NULL,
        };
        int r;

        daemon.procfs_fd = open(options->procfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (daemon.procfs_fd < 0) {
                log_error("%s cannot be read: %s. Mount it: mount -t proc proc /proc.", options->procfs,
                          strerror(errno));
                return DAEMON_E_FAILED;
        }
        r = daemon_init(&daemon, options);
        if (!r)
                r = daemon_serve(&daemon);
        daemon_deinit(&daemon);
        close(daemon.procfs_fd);
        return r;
}
