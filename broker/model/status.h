/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* BrokerStatus: counters and limits of the broker, which the daemon gathers for the encoder. See Status in
 * broker.proto. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/client_info.h"
#include "broker/model/event.h"
#include "proto/status_counters.h"

typedef struct BrokerStatus BrokerStatus;
typedef struct ClientCount ClientCount;
typedef struct KernelFeatures KernelFeatures;
typedef struct SourceCounters SourceCounters;

/* Numbers of the wire. */
typedef enum DelayAccounting {
        DELAY_ACCOUNTING_UNKNOWN = 0,
        DELAY_ACCOUNTING_OFF = 1,
        DELAY_ACCOUNTING_ON = 2,
        DELAY_ACCOUNTING_UNSUPPORTED = 3,
} DelayAccounting;

/* Version and features of this kernel, found at the start; delay accounting is watched since. */
struct KernelFeatures {
        char release[65];
        uint16_t taskstats_version;     /* 0: no record seen yet */
        DelayAccounting delay_accounting;
        bool delays_constant;           /* the kernel has no switch: its delay accounting never changed */
        uint64_t delays_since_ns;       /* monotonic: tasks forked before may lack their delays; 0: none does */
        uint32_t unsupported;           /* STATS_* that it was built without */
};

/* The rows of proto/status_counters.h. */
struct SourceCounters {
#define COUNTER(name, ...) uint64_t name;
        STATUS_SOURCE_COUNTERS(COUNTER)
#undef COUNTER
};

/* The programs in a status, at most. */
#define STATUS_CLIENTS_MAX 32u

/* The connections of one program and one user. See ClientCount in broker.proto. */
struct ClientCount {
        uint32_t uid;
        ClientInfo info;
        uint32_t connections;
        uint32_t streams;
};

struct BrokerStatus {
        uint64_t epoch;
        uint64_t start_time_ns;
        uint64_t uptime_ns;
        int64_t time_offset_ns;
        const KernelFeatures *features;
        SourceCounters connector;
        SourceCounters taskstats;
        bool machine_withheld;          /* the rows of the access MACHINE are withheld too */
        uint64_t events[_EVENT_KIND_N];
        size_t n_clients;
        ClientCount clients[STATUS_CLIENTS_MAX];
        /* withheld, a FLAG: counters that are not for this client are 0 */
#define TYPE_COUNT uint64_t
#define TYPE_BYTES uint64_t
#define TYPE_TIME uint64_t
#define TYPE_FLAG bool
#define COUNTER(name, unit, ...) TYPE_##unit name;
        STATUS_COUNTERS(COUNTER)
#undef COUNTER
#undef TYPE_FLAG
#undef TYPE_TIME
#undef TYPE_BYTES
#undef TYPE_COUNT
};
