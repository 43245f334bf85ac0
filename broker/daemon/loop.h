/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Loop: when each part of the daemon runs. It owns the event loop and its watchers; the
 * Daemon owns the objects that it drives. It decides nothing about events or clients.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/daemon/clock_watch.h"
#include "broker/daemon/policy_watch.h"
#include "broker/daemon/poll_interval.h"
#include "broker/daemon/service_manager.h"
#include "broker/kernel/connector.h"
#include "broker/kernel/exit_listener.h"
#include "broker/server/hub.h"
#include "broker/server/listener.h"
#include "broker/tasks/join.h"
#include "broker/tasks/reconcile.h"

typedef struct Loop Loop;

struct Loop {
        struct ev_loop *ev;

        /* The objects that it drives: not owned, set before loop_start(). */
        Connector *connector;
        ExitListener *exits;
        Join *join;
        Reconcile *reconcile;
        Hub *hub;
        Listener *listener;
        PolicyWatch *policy_watch;
        KernelFeatures *features;
        ServiceManager *service_manager;
        int procfs_fd;

        ev_io connector_io;
        ev_io exits_io;
        PollInterval poll_interval;
        ClockWatch clock_watch;
        ev_timer poll_timer;
        ev_timer tick;
        ev_timer reconcile_slice;
        ev_timer programs_slice;
        ev_timer adoption_slice;
        uint32_t n_programs_passes;     /* over /proc, while a subscription waits for programs */
        ev_timer recheck_slice;
        bool recheck_later;             /* no stale task could be read: the next tick tries again */
        ev_prepare prepare;
        ev_signal sigterm, sigint;

        uint32_t answer_ticks; /* ticks until an answer is missing: 1, the kernel answers at once; a test's is slower */
        uint32_t n_answer_ticks;        /* since the probe was sent */
        bool probing;                   /* each second tick sends a probe, the next one reads its answer */
        bool muted_logged;
        uint64_t logged_lost, logged_ns; /* count and time (monotonic) in the last line about losses */
        int r;                          /* the fatal errno that ended the loop */
};

int loop_init(Loop *loop);
void loop_deinit(Loop *loop);
void loop_start(Loop *loop);
int loop_run(Loop *loop);
uint64_t loop_n_received(const Loop *loop);
uint64_t loop_n_lost(const Loop *loop);
