/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ExitListener: the taskstats exit messages as a source of records. Owns its
 * socket and its registration with the kernel. Driven by the broker: it has no
 * watcher of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kernel/exit_record.h"
#include "broker/kernel/recv_batch.h"
#include "broker/model/status.h"

typedef struct ExitListener ExitListener;
typedef struct ExitListenerOptions ExitListenerOptions;

enum {
        _EXIT_LISTENER_E_SUCCESS,
        EXIT_LISTENER_E_NO_TASKSTATS,   /* init: the kernel was built without it */
        EXIT_LISTENER_E_NO_PERMISSION,  /* init: needs CAP_NET_ADMIN */
        EXIT_LISTENER_E_NAMESPACE,      /* init: not in the initial pid or user namespace */
        EXIT_LISTENER_E_NONE,           /* next: no further record in this batch */
};

struct ExitListenerOptions {
        int fd;                 /* use this socket, already registered; -1: open and register */
        uint64_t rcvbuf_bytes;
        const char *cpumask;    /* all possible CPUs, as the kernel lists them */
};

struct ExitListener {
        int fd;
        bool opened;
        uint16_t family;
        char cpumask[256];
        RecvBatch batch;
        size_t i_next;          /* the batch's next datagram */
        uint32_t drops;
        uint16_t last_version;  /* version of the last record; 0: none yet */
        bool version_logged;
        SourceCounters counters;
};

#define EXIT_LISTENER_NULL { .fd = -1 }

int exit_listener_init(ExitListener *listener, const ExitListenerOptions *options);
void exit_listener_deinit(ExitListener *listener);

int exit_listener_receive(ExitListener *listener, size_t n_wanted);
int exit_listener_next(ExitListener *listener, ExitRecord *ret_record);
int exit_listener_poll_drops(ExitListener *listener);
