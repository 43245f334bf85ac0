/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A join between two sources that the test plays, and the events that came out of
 * it. Times are monotonic. The join is made to have begun ten seconds ago, and the
 * kernel to speak two seconds later, when nothing is excused any more for being of
 * before the start.
 *
 * Include it behind #undef NDEBUG.
 */

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/tasks/join.h"
#include "tests/unit/fake_kernel.h"

#define RIG_EVENTS_MAX 2048
/* CLOCK_REALTIME minus CLOCK_MONOTONIC, here. */
#define RIG_OFFSET_NS 1700000000000000000ll
#define MS NSEC_PER_MSEC

typedef struct RigEvent RigEvent;
typedef struct Rig Rig;

/* An event, and copies of what it pointed to. */
struct RigEvent {
        Event event;
        TaskStats stats, process_stats;
        Program *program;
};

struct Rig {
        Connector connector;
        ExitListener listener;
        KernelFeatures features;
        Join join;
        Tree procfs;
        int connector_kernel, listener_kernel;
        uint32_t seq;                   /* number of the connector's next message, for processor 0 */
        uint64_t now;                   /* monotonic: time of the next message */
        RigEvent *events;
        size_t n_events, i_event;
};

/* One record. A member that is 0 stays 0 in the record. */
typedef struct RigRecord RigRecord;

struct RigRecord {
        uint32_t tid, pid;
        uint64_t etime_us;
        uint32_t exitcode;
        uint8_t flags;
        const char *comm;
        uint32_t uid, gid, ppid;
        uint64_t nvcsw, run_ns, blkio_count, rss_kib, vm_kib;
        uint64_t exe;                   /* inode of the executable, on device 1; 0: none */
        bool has_sums;                  /* the record has sums of the process: */
        uint64_t sum_nvcsw, sum_run_ns;
        uint16_t version;               /* 0: 16 */
};

#define RECORD(...) RECORD_OF(__VA_ARGS__, )
#define RECORD_OF(tid_, pid_, etime_us_, exitcode_, flags_, comm_, ...)                                                \
        &(RigRecord) {                                                                                                 \
                .tid = tid_, .pid = pid_, .etime_us = etime_us_, .exitcode = exitcode_, .flags = flags_,               \
                .comm = comm_, __VA_ARGS__                                                                             \
        }

/* Whether the rig has the execs that only feeds get that select by name. */
static bool rig_has_late_execs;

static inline void rig_on_event(Join *join, const Event *event) {
        Rig *rig = container_of(join, Rig, join);
        RigEvent *copy;

        if (event->kind == EVENT_EXEC && event->only_for_sets && !rig_has_late_execs)
                return;
        copy = &rig->events[rig->n_events++];
        assert(rig->n_events <= RIG_EVENTS_MAX);
        copy->event = *event;
        if (event->program)
                copy->program = exact_copy(event->program, program_size(event->program));
        copy->event.program = copy->program;
        if (event->kind != EVENT_EXIT)
                return;
        if (event->exit.stats)
                copy->stats = *event->exit.stats;
        if (event->exit.process_stats)
                copy->process_stats = *event->exit.process_stats;
        copy->event.exit.stats = event->exit.stats ? &copy->stats : NULL;
        copy->event.exit.process_stats = event->exit.process_stats ? &copy->process_stats : NULL;
}

static inline Rig *rig_new(void) {
        Rig *rig = calloc(1, sizeof(*rig));
        int fds[2];

        assert(rig);
        rig->events = calloc(RIG_EVENTS_MAX, sizeof(*rig->events));
        assert(rig->events);
        rig->procfs = tree_new();
        packet_pair(fds);
        rig->connector_kernel = fds[1];
        assert(connector_init(&rig->connector, &(ConnectorOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) == 0);
        packet_pair(fds);
        rig->listener_kernel = fds[1];
        assert(exit_listener_init(&rig->listener, &(ExitListenerOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) ==
               0);
        rig->features.delay_accounting = DELAY_ACCOUNTING_ON;
        join_init(&rig->join, &rig->connector, &rig->listener, &rig->features, rig->procfs.fd, rig_on_event);
        join_set_time_offset(&rig->join, RIG_OFFSET_NS);
        rig->join.start_ns -= 10 * NSEC_PER_SEC;
        rig->join.start_grace_ns -= 10 * NSEC_PER_SEC;
        rig->now = rig->join.start_ns + 2 * NSEC_PER_SEC;
        return rig;
}

static inline void rig_free(Rig *rig) {
        /* the test checked every reported event */
        assert(rig->i_event == rig->n_events);
        join_deinit(&rig->join);
        connector_deinit(&rig->connector);
        exit_listener_deinit(&rig->listener);
        close(rig->connector_kernel);
        close(rig->listener_kernel);
        tree_free(&rig->procfs);
        for (size_t i = 0; i < rig->n_events; ++i)
                free(rig->events[i].program);
        free(rig->events);
        free(rig);
}

static inline uint64_t rig_wall(uint64_t monotonic_ns) {
        return monotonic_ns + (uint64_t)RIG_OFFSET_NS;
}

/* A task that was there before. */
static inline Task *rig_seed(Rig *rig, uint32_t pid, uint32_t tid, const char *comm) {
        Task *task = task_table_add(&rig->join.table, pid, tid);

        assert(task);
        snprintf(task->comm, sizeof(task->comm), "%s", comm);
        task->flags = TASK_SEEDED;
        task->process->seeded = true;
        task->start_time_ns = rig_wall(rig->join.start_ns) - 60 * NSEC_PER_SEC;
        task->ruid = task->euid = 1000;
        task->rgid = task->egid = 2000;
        return task;
}

/* Messages of the connector: each a millisecond after the one before. */
static inline uint64_t rig_say(Rig *rig, uint32_t what, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e,
                               uint32_t f) {
        uint8_t bytes[PROC_BYTES];
        uint64_t time_ns = rig->now;

        proc_bytes(bytes, rig->seq++, what, 0, time_ns);
        proc_union(bytes, a, b, c, d, e, f);
        packet_send(rig->connector_kernel, bytes, sizeof(bytes));
        rig->now += MS;
        return time_ns;
}

static inline uint64_t rig_fork(Rig *rig, uint32_t ppid, uint32_t pid, uint32_t tid) {
        return rig_say(rig, WHAT_FORK, ppid, ppid, tid, pid, 0, 0);
}

static inline uint64_t rig_exec(Rig *rig, uint32_t pid) {
        return rig_say(rig, WHAT_EXEC, pid, pid, 0, 0, 0, 0);
}

static inline uint64_t rig_exit(Rig *rig, uint32_t pid, uint32_t tid, uint32_t status) {
        return rig_say(rig, WHAT_EXIT, tid, pid, status, pid == tid ? 17 : UINT32_MAX, 0, 0);
}

/* Messages that the kernel had no room for. */
static inline void rig_lose(Rig *rig, uint32_t n) {
        rig->seq += n;
}

static inline void rig_record_fill(uint8_t stats[static STATS_BYTES], const RigRecord *record) {
        memset(stats, 0, STATS_BYTES);
        put_u16(stats, 0, record->version ? record->version : 16);
        put_u32(stats, STATS_AT_EXITCODE, record->exitcode);
        put_u8(stats, STATS_AT_FLAG, record->flags);
        put_u64(stats, STATS_AT_BLKIO_COUNT, record->blkio_count);
        put_u64(stats, STATS_AT_RUN_VIRTUAL, record->run_ns);
        if (record->comm)
                memcpy(stats + STATS_AT_COMM, record->comm, strlen(record->comm));
        put_u32(stats, STATS_AT_UID, record->uid);
        put_u32(stats, STATS_AT_UID + 4, record->gid);
        put_u32(stats, STATS_AT_PID, record->tid);
        put_u32(stats, STATS_AT_PPID, record->ppid);
        put_u64(stats, STATS_AT_ETIME, record->etime_us);
        put_u64(stats, STATS_AT_RSS, record->rss_kib);
        put_u64(stats, STATS_AT_RSS + 8, record->vm_kib);
        put_u64(stats, STATS_AT_NVCSW, record->nvcsw);
        put_u64(stats, STATS_AT_EXE_DEV, record->exe > 0);
        put_u64(stats, STATS_AT_EXE_INODE, record->exe);
        if (!record->version || record->version >= 12)
                put_u32(stats, STATS_AT_TGID, record->pid);
}

static inline void rig_record(Rig *rig, const RigRecord *record) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES];

        rig_record_fill(stats, record);
        exit_message_aggregate(&message, ATTR_AGGR_PID, record->tid, stats, STATS_BYTES_V16, false);
        if (record->has_sums) {
                rig_record_fill(stats, &(RigRecord){ .nvcsw = record->sum_nvcsw, .run_ns = record->sum_run_ns });
                exit_message_aggregate(&message, ATTR_AGGR_TGID, record->pid, stats, STATS_BYTES_V16, false);
        }
        packet_send(rig->listener_kernel, message.data, message.n);
}

static inline void rig_turn(Rig *rig) {
        bool drained = false;

        assert(join_turn(&rig->join, &drained) == 0);
        assert(drained);
}

/* The next event that came out. */
static inline const Event *rig_next(Rig *rig) {
        assert(rig->i_event < rig->n_events);
        return &rig->events[rig->i_event++].event;
}

static inline const Event *rig_expect(Rig *rig, EventKind kind, uint32_t pid, uint32_t tid) {
        const Event *event = rig_next(rig);

        assert(event->kind == kind && event->pid == pid && event->tid == tid);
        return event;
}

static inline const Event *rig_expect_loss(Rig *rig, LossSource source, LossReason reason, uint64_t count) {
        const Event *event = rig_expect(rig, EVENT_LOSS, 0, 0);

        assert(event->loss.source == source && event->loss.reason == reason && event->loss.count == count);
        return event;
}

static inline void rig_expect_nothing(const Rig *rig) {
        assert(rig->i_event == rig->n_events);
}

static inline void rig_skip(Rig *rig) {
        rig->i_event = rig->n_events;
}

static inline void rig_expect_live(const Rig *rig, size_t n_tasks, size_t n_processes) {
        assert(rig->join.table.n_live_tasks == n_tasks && rig->join.table.n_live_processes == n_processes);
}

/* No record waits, and no totals are left of who has ended. */
static inline void rig_expect_clean(Rig *rig) {
        assert(!pending_records_oldest(&rig->join.records.pending));
        assert(rig->join.records.pending.pool.n_used == 0);
        assert(rig->join.table.totals.n_used <= rig->join.table.n_live_processes);
        assert(rig->join.table.processes.n_used == rig->join.table.n_live_processes);
}

/* Makes what was received, and found lost, older than it is. */
static inline void rig_age(Rig *rig, uint64_t ns) {
        rig->join.lossy_ns -= ns;
        rig->join.lossy_since_ns -= ns;
        list_for_each(link, safe, &rig->join.records.pending.by_age)
                container_of(link, PendingRecord, age_link)->arrived_ns -= ns;
}

/* Turns time by: half a second, in which the connector said nothing new. */
static inline void rig_tick_later(Rig *rig) {
        rig_age(rig, 500 * MS);
        assert(join_tick(&rig->join) == 0);
}
