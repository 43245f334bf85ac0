/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the broker knows of itself, gathered by the root for the encoder. See Status in broker.proto. */

#include <stdint.h>

#include "broker/model/event.h"

typedef struct BrokerStatus BrokerStatus;
typedef struct KernelFeatures KernelFeatures;
typedef struct SourceCounters SourceCounters;

/* Numbers of the wire. */
typedef enum DelayAccounting {
        DELAY_ACCOUNTING_UNKNOWN = 0,
        DELAY_ACCOUNTING_OFF = 1,
        DELAY_ACCOUNTING_ON = 2,
        DELAY_ACCOUNTING_UNSUPPORTED = 3,
} DelayAccounting;

/* What this kernel is and can; found at start, delay accounting watched since. */
struct KernelFeatures {
        char release[65];
        uint16_t taskstats_version;     /* 0: no record seen yet */
        DelayAccounting delay_accounting;
        uint64_t delays_since_ns;       /* monotonic: tasks born before may not be counted, though it is on; 0: since ever */
        uint32_t unsupported;           /* STATS_* that it was built without */
};

struct SourceCounters {
        uint64_t received;
        uint64_t lost;
        uint64_t dropped;
        uint64_t truncated;
        uint64_t malformed;
        uint64_t foreign;
        uint64_t muted;
        uint64_t repaired;
        uint64_t receive_buffer_bytes;
};

struct BrokerStatus {
        uint64_t epoch;
        uint64_t start_time_ns;
        uint64_t uptime_ns;
        int64_t realtime_offset_ns;
        const KernelFeatures *features;
        SourceCounters connector;
        SourceCounters taskstats;
        uint64_t events[_EVENT_KIND_N];
        uint64_t live_tasks;
        uint64_t live_processes;
        uint64_t feeds;
        uint64_t subscribers;
        uint64_t connections;
        uint64_t feed_bytes;
        uint64_t reader_lost;
        uint64_t closed_for_errors;
        uint64_t closed_for_strict;
        uint64_t refused_connections;
        uint64_t unmatched_stats;
        uint64_t synthesised_exits;
        uint64_t broker_cpu_ns;
        uint64_t synthesised_forks;
        uint64_t programs_captured;
        uint64_t programs_late;
        uint64_t programs_skipped;
        uint64_t snapshots;
        uint64_t snapshot_subscribers;
        uint64_t resumed;
        uint64_t table_bytes;
        uint64_t refused_namespace;
        bool withheld;                  /* what is not for this client is 0 */
        uint64_t sweeps;
        uint64_t sweep_tasks;
        uint64_t sweep_gone;
        uint64_t sweep_lost;
        uint64_t sweep_cpu_ns;
        uint64_t sample_subscribers;
        uint64_t sample_lost;
        uint64_t refused_quota;
        uint64_t client_bytes;
};
