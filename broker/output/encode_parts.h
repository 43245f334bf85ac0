/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Declarations that the encoder's files share. It includes the generated types: only encode_*.c may include it. */

#include <string.h>

#include "broker/base/clock.h"
#include "broker/output/encode.h"
#include "taskbroker/v1/broker.pb-c.h"

/* The generated names are long; they stay in these files. */
#define PB(name) Taskbroker__V1__##name
#define PB_INIT(name) TASKBROKER__V1__##name##__INIT

typedef struct StatsMessage StatsMessage;

/* A TaskStats message with all that it can point to. */
struct StatsMessage {
        TaskStats restricted;           /* the part of the record that the client may know, where it is not all */
        PB(TaskStats) stats;
        PB(TaskStats__Identity) identity;
        PB(TaskStats__Cpu) cpu;
        PB(TaskStats__Memory) memory;
        PB(TaskStats__MemoryIntegrals) memory_integrals;
        PB(TaskStats__Scheduling) scheduling;
        PB(TaskStats__Io) io;
        PB(TaskStats__Executable) executable;
        PB(TaskStats__ExitStatus) exit_status;
        PB(TaskStats__Delays) delays;
#define DELAY(name, offset, offset_v15, since, at_peak, at_peak_v15, at_time)  \
        PB(TaskStats__Delay) name##_delay;                                    \
        PB(TaskStats__DelayPeak) name##_peak;
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
};

static inline ProtobufCBinaryData bytes_of_comm(const char comm[static COMM_SIZE]) {
        return (ProtobufCBinaryData){ .len = strnlen(comm, COMM_SIZE), .data = (uint8_t *)comm };
}

/* A start by the boot clock; 0: not known. */
static inline uint64_t start_by_boot_clock(uint64_t start_time_ns) {
        return start_time_ns ? start_time_ns - (uint64_t)clock_boot_epoch_ns() : 0;
}

PB(ProcessId) *encode_parts_process(PB(ProcessId) *m, ProcessId process);
PB(Program) *encode_parts_program(PB(Program) *m, const Program *program, size_t n_cmdline_max, uint32_t variant);
PB(TaskStats) *encode_stats_view(StatsMessage *m, const TaskStats *stats, uint32_t variant, uint32_t groups);
PB(Termination) *encode_parts_termination(PB(Termination) *m, uint32_t wait_status, bool unknown, uint32_t variant,
                                          PB(TerminationMissing) *ret_missing);
