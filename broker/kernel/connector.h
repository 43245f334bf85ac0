/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connector: the proc connector as a source of events. Owns its socket and its
 * loss ledger. Driven by the broker: it has no watcher of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kernel/recv_batch.h"
#include "broker/model/event.h"
#include "broker/model/status.h"

typedef struct Connector Connector;
typedef struct ConnectorOptions ConnectorOptions;

enum {
        _CONNECTOR_E_SUCCESS,
        CONNECTOR_E_NO_CONNECTOR,       /* open: the kernel has no connector, or not here (namespace) */
        CONNECTOR_E_NO_PERMISSION,      /* open: needs CAP_NET_ADMIN */
        CONNECTOR_E_MUTED,              /* check: silenced, and not repaired yet */
        CONNECTOR_E_REPAIRED,           /* check: was silenced since muted_since_ns, works again */
};

struct ConnectorOptions {
        int fd;                 /* use this socket, already listening, instead of opening one; -1: open */
        uint64_t rcvbuf_bytes;
        bool keepalive;         /* LISTEN may be repeated: Linux 6.6 and later */
};

struct Connector {
        int fd;
        bool opened;            /* by us, so that we hand it back */
        bool keepalive;
        RecvBatch batch;
        SourceCounters counters;
        int64_t time_offset_ns;     /* set by the owner: the time scale of clock.h minus CLOCK_MONOTONIC */

        Event *events;          /* events of the last read, with losses in their places */
        size_t n_events;
        bool empty;             /* so was the queue behind them */

        uint32_t *cpu_seqs;     /* per CPU: the number that its next message must have */
        bool *cpu_known;        /* per CPU: a message was seen */
        size_t n_cpus;

        uint64_t n_unpolled;    /* messages read since the drops were accounted for */
        uint32_t drops;         /* the socket's counter when last read */
        uint64_t n_gaps;        /* messages missing by their numbers */
        uint64_t n_ahead;       /* reported by the drop counter, not yet met as gaps */

        uint32_t n_foreign_acks; /* acknowledgements of requests that are not ours */
        uint32_t first_cookie;  /* sent with the first request since the last probe */
        uint32_t cookie;        /* sent with the last LISTEN; random, so that nobody can forge its acknowledgement */
        bool awaiting;          /* its acknowledgement */
        uint32_t awaiting_drops;
        bool muted;
        uint64_t alive_ns;      /* monotonic: when the kernel last said anything */
        uint64_t muted_since_ns;
};

#define CONNECTOR_NULL { .fd = -1 }

int connector_init(Connector *connector, const ConnectorOptions *options);
void connector_deinit(Connector *connector);

bool connector_is_idle(Connector *connector);
int connector_read(Connector *connector, size_t n_wanted);
int connector_probe(Connector *connector);
int connector_check(Connector *connector);
