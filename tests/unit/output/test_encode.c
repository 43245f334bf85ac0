/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Events: encoded, unpacked again by protobuf-c, and compared field by field. */

#include <signal.h>

#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "tests/unit/made.h"
#include "tests/unit/pb.h"

/* An event alone in a batch; to be freed with message_free(). */
static PB(ServerMessage) *roundtrip_variant(const Event *event, uint32_t variant, size_t *ret_n) {
        uint8_t frame[ENCODED_BATCH_HEADER_MAX + ENCODED_EVENT_MAX], encoded[ENCODED_EVENT_MAX];
        PB(ServerMessage) *message;
        size_t n, n_event;

        memset(encoded, 0xaa, sizeof(encoded));
        n_event = encode_event(event, variant, encoded);
        assert(n_event > 0 && n_event <= sizeof(encoded));
        n = encode_batch_header(1, -5, n_event, frame);
        assert(n <= ENCODED_BATCH_HEADER_MAX);
        memcpy(frame + n, encoded, n_event);
        message = frame_unpack(frame, n + n_event);
        assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH);
        assert(message->event_batch->n_events == 1);
        assert(message->event_batch->first_number == 1);
        assert(message->event_batch->realtime_offset_ns == -5);
        assert(message->event_batch->events[0]->base.n_unknown_fields == 0);
        if (ret_n)
                *ret_n = n_event;
        return message;
}

static PB(ServerMessage) *roundtrip(const Event *event, size_t *ret_n) {
        return roundtrip_variant(event, 0, ret_n);
}

static Event event_new(EventKind kind) {
        return (Event){
                .kind = kind,
                .cpu = 63,
                .time_ns = 0xfedcba9876543210,
                .pid = 4194303,
                .tid = 4194302,
                .origin = { .pid = 17, .known = true, .start_time_ns = 15 },
                .parent = { .pid = 18, .known = true },
                .uid = UINT32_MAX,
                .start_time_ns = 1763870000123456789,
                .comm = "fifteen \xff-lette",
        };
}

static void check_common(const PB(Event) *m, const Event *event) {
        assert(m->time_ns == event->time_ns);
        assert(m->pid == event->pid && m->tid == event->tid && m->ppid == event->origin.pid && m->uid == event->uid);
        assert(m->comm.len == strnlen(event->comm, COMM_SIZE));
        assert(memcmp(m->comm.data ? m->comm.data : (const uint8_t *)"", event->comm, m->comm.len) == 0);
        assert(m->start_time_ns == event->start_time_ns);
        assert(m->cpu == event->cpu);
        assert(m->task_unknown == event->task_unknown && m->synthesised == event->synthesised);
        assert(!m->left_filter);
}

static void test_fork(void) {
        Event event = event_new(EVENT_FORK);
        PB(ServerMessage) *message;
        const PB(Event) *m;

        event.fork.parent_pid = 12;
        event.fork.parent_tid = 13;
        message = roundtrip(&event, NULL);
        m = message->event_batch->events[0];
        check_common(m, &event);
        assert(m->kind_case == TASKBROKER__V1__EVENT__KIND_FORK);
        assert(m->fork->parent_pid == 12 && m->fork->parent_tid == 13);
        message_free(message);
}

static void test_exec(void) {
        for (int stale = 0; stale < 2; ++stale) {
                Event event = event_new(EVENT_EXEC);
                PB(ServerMessage) *message;
                const PB(Event) *m;

                event.comm_stale = stale;
                event.synthesised = stale;
                event.task_unknown = !stale;
                message = roundtrip(&event, NULL);
                m = message->event_batch->events[0];
                check_common(m, &event);
                assert(m->kind_case == TASKBROKER__V1__EVENT__KIND_EXEC);
                assert(m->exec->comm_stale == stale);
                message_free(message);
        }
}

static void test_comm(void) {
        Event event = event_new(EVENT_COMM);
        PB(ServerMessage) *message;
        const PB(Event) *m;

        memcpy(event.comm_change.old_comm, "old", 4);
        message = roundtrip(&event, NULL);
        m = message->event_batch->events[0];
        check_common(m, &event);
        assert(m->kind_case == TASKBROKER__V1__EVENT__KIND_COMM_CHANGE);
        assert(m->comm_change->old_comm.len == 3 && !memcmp(m->comm_change->old_comm.data, "old", 3));
        message_free(message);
}

static void test_ids(void) {
        for (int group = 0; group < 2; ++group) {
                Event event = event_new(group ? EVENT_GID : EVENT_UID);
                PB(ServerMessage) *message;
                const PB(IdChange) * ids;
                const PB(Event) *m;

                event.credentials.real_id = 1000;
                event.credentials.effective_id = UINT32_MAX;
                message = roundtrip(&event, NULL);
                m = message->event_batch->events[0];
                check_common(m, &event);
                assert(m->kind_case ==
                       (group ? TASKBROKER__V1__EVENT__KIND_GID_CHANGE : TASKBROKER__V1__EVENT__KIND_UID_CHANGE));
                ids = group ? m->gid_change : m->uid_change;
                assert(ids->real_id == 1000 && ids->effective_id == UINT32_MAX);
                message_free(message);
        }
}

static void test_ptrace(void) {
        Event event = event_new(EVENT_PTRACE);
        PB(ServerMessage) *message;
        const PB(Event) *m;

        event.ptrace.tracer_pid = 5;
        event.ptrace.tracer_tid = 6;
        message = roundtrip(&event, NULL);
        m = message->event_batch->events[0];
        check_common(m, &event);
        assert(m->kind_case == TASKBROKER__V1__EVENT__KIND_PTRACE);
        assert(m->ptrace->tracer_pid == 5 && m->ptrace->tracer_tid == 6);
        message_free(message);
}

/* A kind with an empty message is encoded too, because the presence of the message says the kind. */
static void test_session_and_coredump(void) {
        Event event = event_new(EVENT_SID);
        PB(ServerMessage) *message = roundtrip(&event, NULL);

        check_common(message->event_batch->events[0], &event);
        assert(message->event_batch->events[0]->kind_case == TASKBROKER__V1__EVENT__KIND_NEW_SESSION);
        message_free(message);

        event.kind = EVENT_COREDUMP;
        message = roundtrip(&event, NULL);
        check_common(message->event_batch->events[0], &event);
        assert(message->event_batch->events[0]->kind_case == TASKBROKER__V1__EVENT__KIND_COREDUMP);
        message_free(message);
}

static void test_loss(void) {
        Event event = {
                .kind = EVENT_LOSS,
                .time_ns = 9,
                .cpu = 3,
                .loss = { .count = UINT64_MAX, .source = LOSS_READER, .reason = LOSS_FELL_BEHIND, .since_time_ns = 77 },
        };
        PB(ServerMessage) *message = roundtrip(&event, NULL);
        const PB(Event) *m = message->event_batch->events[0];

        check_common(m, &event);
        assert(m->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS);
        assert(m->loss->count == UINT64_MAX);
        assert(m->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_READER);
        assert(m->loss->reason == TASKBROKER__V1__LOSS_REASON__LOSS_REASON_FELL_BEHIND);
        assert(!m->loss->at_least && !m->loss->cpu_known);
        assert(m->loss->since_time_ns == 77);
        message_free(message);

        event.loss.at_least = event.loss.cpu_known = true;
        event.loss.source = LOSS_TASKSTATS;
        event.loss.reason = LOSS_OVERRUN;
        message = roundtrip(&event, NULL);
        m = message->event_batch->events[0];
        assert(m->loss->at_least && m->loss->cpu_known);
        assert(m->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_TASKSTATS);
        assert(m->loss->reason == TASKBROKER__V1__LOSS_REASON__LOSS_REASON_OVERRUN);
        message_free(message);
}

/* Statistics. */

static TaskStats stats_new(uint16_t version, uint32_t groups, uint64_t seed) {
        TaskStats stats = { .version = version, .groups = groups, .unsupported = 1u << 9, .uncounted = 1u << 7 };

        memcpy(stats.ac_comm, "stats' own name", 15);
#define FIELD(group, name, type, offset, offset_v15, since, total)                                                     \
        stats.name = (TASKSTATS_TYPE_##type)(seed += 1000003);
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
        stats.ac_flag = 0x3b;
        stats.ac_sched = 5;
        stats.ac_nice = -20;
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        stats.name##_delay = (Delay){ seed + 1, seed + 2, seed + 3, seed + 4, seed + 5 }; \
        seed += 6;
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
        return stats;
}

static void check_delay(const PB(TaskStats__Delay) *m, const Delay *delay, bool there, bool peaks) {
        assert(!!m == there);
        if (!m)
                return;
        assert(m->count == delay->count && m->total_ns == delay->total_ns);
        assert(!!m->peak == (peaks && delay->count > 0));
        if (m->peak)
                assert(m->peak->max_ns == delay->max_ns && m->peak->min_ns == delay->min_ns &&
                       m->peak->max_time_ns == delay->max_time_ns);
}

static void check_stats(const PB(TaskStats) *m, const TaskStats *stats) {
        bool cpu_delay = stats->groups & STATS_CPU_DELAY, delays = stats->groups & STATS_DELAYS;

#define GROUP(group, GROUP, number) assert(!!m->group == !!(stats->groups & (1u << (number))));
        TASKSTATS_PLAIN_GROUPS(GROUP)
#undef GROUP
#define FIELD(group, name, type, offset, offset_v15, since, total) assert(!m->group || m->group->name == stats->name);
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
        if (m->identity) {
                assert(m->identity->ac_comm.len == strnlen(stats->ac_comm, COMM_SIZE));
                assert(m->identity->ac_comm.len == 0 ||
                       memcmp(m->identity->ac_comm.data, stats->ac_comm, m->identity->ac_comm.len) == 0);
        }
        assert(!!m->delays == (cpu_delay || delays));
        if (m->delays) {
                bool peaks = stats->groups & STATS_DELAY_PEAKS;

                check_delay(m->delays->cpu, &stats->cpu_delay, cpu_delay, peaks);
                check_delay(m->delays->blkio, &stats->blkio_delay, delays, peaks);
                check_delay(m->delays->swapin, &stats->swapin_delay, delays, peaks);
                check_delay(m->delays->freepages, &stats->freepages_delay, delays, peaks);
                check_delay(m->delays->thrashing, &stats->thrashing_delay, delays && stats->version >= 9, peaks);
                check_delay(m->delays->compact, &stats->compact_delay, delays && stats->version >= 11, peaks);
                check_delay(m->delays->wpcopy, &stats->wpcopy_delay, delays && stats->version >= 13, peaks);
                check_delay(m->delays->irq, &stats->irq_delay, delays && stats->version >= 14, peaks);
        }
        assert(m->taskstats_version == stats->version);
        assert(m->unsupported_groups == stats->unsupported);
        assert(m->uncounted_groups == stats->uncounted);
        assert(m->withheld_groups == stats->withheld);
        assert(m->task_count == stats->tasks && m->tasks_missing == stats->tasks_missing);
        assert(m->tasks_unseen == stats->tasks_unseen);
}

static void check_exit_stats(const TaskStats *stats, const TaskStats *process_stats) {
        Event event = event_new(EVENT_EXIT);
        PB(ServerMessage) *message;
        const PB(Event) *m;

        event.exit.stats = stats;
        event.exit.process_stats = process_stats;
        message = roundtrip(&event, NULL);
        m = message->event_batch->events[0];
        check_common(m, &event);
        assert(m->kind_case == TASKBROKER__V1__EVENT__KIND_EXIT);
        assert(!!m->exit->stats == !!stats && !!m->exit->process_stats == !!process_stats);
        if (stats)
                check_stats(m->exit->stats, stats);
        if (process_stats)
                check_stats(m->exit->process_stats, process_stats);
        message_free(message);
}

/* Every set of groups, at every version where the set of delays changes. */
static void test_stats_groups(void) {
        static const uint16_t versions[] = { 8, 9, 11, 13, 14, 15, 16, 17, 18 };

        check_exit_stats(NULL, NULL);
        for (uint32_t groups = 0; groups < 1u << 13; groups += 2) {
                TaskStats stats = stats_new(versions[groups / 2 % ARRAY_SIZE(versions)], groups, groups);

                check_exit_stats(&stats, NULL);
        }
}

static void test_totals(void) {
        TaskStats stats = stats_new(17, 0x1ffe, 100), totals = stats_new(17, 0x1ffe, 1ull << 60);

        totals.tasks = 3;
        totals.tasks_missing = 2;
        totals.tasks_unseen = true;
        check_exit_stats(&stats, &totals);
        check_exit_stats(NULL, &totals);
}

/* Zeros of a group that is there are measured zeros: the group's message is there. */
static void test_zeros(void) {
        TaskStats stats = { .version = 17, .groups = 0x1ffe };

        check_exit_stats(&stats, NULL);
}

static void test_exit(void) {
        static const struct {
                uint32_t wait_status, process_wait_status;
                bool ended, sent;
        } rows[] = {
                { 0, 0, false, false },
                { 3 << 8, 3 << 8, true, false },
                { 3 << 8, 0, false, false },
                { 3 << 8, 0, true, true },
                { 0, 4 << 8, true, true },
                { SIGKILL, SIGSEGV | 0x80, true, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Event event = event_new(EVENT_EXIT);
                PB(ServerMessage) *message;
                const PB(Exit) *exit;

                event.exit.wait_status = rows[i].wait_status;
                event.exit.process_wait_status = rows[i].process_wait_status;
                event.exit.process_ended = rows[i].ended;
                event.exit.exit_signal = 17;
                event.exit.stats_missing = STATS_MISSING_LOST;
                message = roundtrip(&event, NULL);
                exit = message->event_batch->events[0]->exit;
                assert(exit->termination->exit_code == (rows[i].wait_status >> 8 & 0xff));
                assert(exit->termination->term_signal == (rows[i].wait_status & 0x7f));
                assert(exit->process_ended == rows[i].ended);
                assert(exit->exit_signal == 17);
                assert(exit->stats_missing == TASKBROKER__V1__STATS_MISSING__STATS_MISSING_LOST);
                assert(!!exit->process_termination == rows[i].sent);
                if (rows[i].sent) {
                        assert(exit->process_termination->exit_code == (rows[i].process_wait_status >> 8 & 0xff));
                        assert(exit->process_termination->term_signal == (rows[i].process_wait_status & 0x7f));
                        assert(exit->process_termination->core_dumped == !!(rows[i].process_wait_status & 0x80));
                }
                message_free(message);
        }
}

/* A cause that is not known, or withheld, is absent, and the reason is there. */
static void test_exit_unknown(void) {
        enum { PRESENT, WITHHELD, UNKNOWN };
        static const struct {
                bool unknown, process_unknown;
                uint32_t variant;
                int missing, process_missing;
                bool process_present;
        } rows[] = {
                { false, false, 0, PRESENT, PRESENT, true },
                { true, false, 0, UNKNOWN, PRESENT, true },
                { false, true, 0, PRESENT, UNKNOWN, false },
                /* the same reason as the task's */
                { true, true, 0, UNKNOWN, PRESENT, false },
                { false, false, ENCODE_PUBLIC, WITHHELD, PRESENT, false },
                { true, false, ENCODE_PUBLIC, WITHHELD, PRESENT, false },
                { false, true, ENCODE_PUBLIC, WITHHELD, PRESENT, false },
                { true, true, ENCODE_PUBLIC, WITHHELD, PRESENT, false },
                { true, true, ENCODE_PUBLIC | ENCODE_STATUS, UNKNOWN, PRESENT, false },
                { false, true, ENCODE_PUBLIC | ENCODE_STATUS, PRESENT, UNKNOWN, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Event event = event_new(EVENT_EXIT);
                PB(ServerMessage) *message;
                const PB(Exit) *exit;

                event.exit.process_ended = true;
                event.exit.status_unknown = rows[i].unknown;
                event.exit.process_status_unknown = rows[i].process_unknown;
                event.exit.wait_status = rows[i].unknown ? 0 : 3 << 8;
                event.exit.process_wait_status = rows[i].process_unknown ? 0 : 4 << 8;
                message = roundtrip_variant(&event, rows[i].variant, NULL);
                exit = message->event_batch->events[0]->exit;
                assert((int)exit->termination_missing == rows[i].missing);
                assert((int)exit->process_termination_missing == rows[i].process_missing);
                assert(!!exit->termination == (rows[i].missing == PRESENT));
                assert(!!exit->process_termination == rows[i].process_present);
                message_free(message);
        }
}

/* A name that fills its room has no end in it. */
#define STATS_PUBLIC (STATS_IDENTITY | STATS_CPU | STATS_MEMORY | STATS_SCHEDULING | STATS_CPU_DELAY)
#define STATS_WITHHELD                                                                                                 \
        (STATS_IO | STATS_DELAYS | STATS_DELAY_PEAKS | STATS_DELAY_PEAK_TIMES | STATS_EXECUTABLE |                     \
         STATS_MEMORY_INTEGRALS)

/* A withheld field is absent, and the mask of withheld fields does not depend on the values that there were. */
static void check_restricted(const PB(TaskStats) *m, const TaskStats *stats, bool status) {
        TaskStats expected = *stats;

        expected.groups &= STATS_PUBLIC | (status ? STATS_EXIT_STATUS : 0);
        expected.unsupported &= STATS_PUBLIC | (status ? STATS_EXIT_STATUS : 0);
        expected.uncounted &= STATS_PUBLIC | (status ? STATS_EXIT_STATUS : 0);
        if (!status)
                expected.ac_flag &= ~(uint32_t)(AC_FLAG_CORE | AC_FLAG_XSIG);
        expected.withheld = STATS_WITHHELD | (status ? 0 : STATS_EXIT_STATUS);
        check_stats(m, &expected);
        assert(m->withheld_groups == (STATS_WITHHELD | (status ? 0 : STATS_EXIT_STATUS)));
}

static void test_restricted(void) {
        static const uint32_t groups[] = { 0, STATS_PUBLIC, STATS_WITHHELD, UINT32_MAX };

        for (size_t i = 0; i < ARRAY_SIZE(groups); ++i) {
                for (int status = 0; status < 2; ++status) {
                        uint32_t variant = ENCODE_PUBLIC | (status ? ENCODE_STATUS : 0);
                        TaskStats stats = stats_new(17, groups[i], 5), totals = stats_new(17, ~groups[i], 6);
                        Event event = event_new(EVENT_EXIT);
                        PB(ServerMessage) *message;
                        const PB(Event) *m;

                        stats.ac_flag = 0x3f;
                        event.exit.wait_status = 0x8b;
                        event.exit.process_wait_status = 0x100;
                        event.exit.process_ended = true;
                        event.exit.exit_signal = 17;
                        event.exit.stats = &stats;
                        event.exit.process_stats = &totals;
                        message = roundtrip_variant(&event, variant, NULL);
                        m = message->event_batch->events[0];
                        check_common(m, &event);
                        assert(m->restricted && m->exit->process_ended && m->exit->exit_signal == 17);
                        assert(!!m->exit->termination == status && !!m->exit->process_termination == status);
                        check_restricted(m->exit->stats, &stats, status);
                        check_restricted(m->exit->process_stats, &totals, status);
                        message_free(message);

                        message = roundtrip_variant(&event, 0, NULL);
                        m = message->event_batch->events[0];
                        assert(!m->restricted && m->exit->termination && m->exit->process_termination);
                        assert(m->exit->stats->withheld_groups == 0);
                        message_free(message);
                }
        }
}

/* A client from which tasks are hidden receives the loss without the number of lost events. */
static void test_restricted_loss(void) {
        Event event = event_new(EVENT_LOSS);
        PB(ServerMessage) *message;
        const PB(Event) *m;

        event.loss.count = 77;
        event.loss.source = LOSS_CONNECTOR;
        event.loss.reason = LOSS_OVERRUN;
        event.loss.cpu_known = true;
        message = roundtrip_variant(&event, ENCODE_PUBLIC, NULL);
        m = message->event_batch->events[0];
        assert(!m->restricted && m->loss->count == 0 && m->loss->at_least);
        assert((int)m->loss->source == LOSS_CONNECTOR && (int)m->loss->reason == LOSS_OVERRUN);
        message_free(message);
}

static void test_full_names(void) {
        Event event = event_new(EVENT_COMM);
        PB(ServerMessage) *message;

        memset(event.comm, 'a', COMM_SIZE);
        memset(event.comm_change.old_comm, 'b', COMM_SIZE);
        message = roundtrip(&event, NULL);
        assert(message->event_batch->events[0]->comm.len == COMM_SIZE);
        assert(message->event_batch->events[0]->comm_change->old_comm.len == COMM_SIZE);
        message_free(message);
}

static void check_program(const PB(Program) *m, const Program *program, bool withheld) {
        assert((int)m->state == (program ? (int)program->state : 0));
        assert(m->truncated == (program && program->truncated));
        assert(m->cmdline.len == (program ? program->n_cmdline : 0));
        assert(m->exe_withheld == withheld);
        assert(m->exe.len == (program && !withheld ? program->n_exe : 0));
        assert(m->cgroup.len == (program ? program->n_cgroup : 0));
        assert(m->cmdline.len == 0 || memcmp(m->cmdline.data, program_cmdline(program), m->cmdline.len) == 0);
        assert(m->exe.len == 0 || memcmp(m->exe.data, program_exe(program), m->exe.len) == 0);
        assert(m->cgroup.len == 0 || memcmp(m->cgroup.data, program_cgroup(program), m->cgroup.len) == 0);
}

static void check_program_of(EventKind kind, uint32_t variant, const Program *program) {
        bool there = variant & ENCODE_PROGRAM;
        Event event = event_new(kind);
        PB(ServerMessage) *message;
        const PB(Event) *m;

        if (kind == EVENT_LOSS)
                event.loss.source = LOSS_READER;
        event.program = program;
        message = roundtrip_variant(&event, variant, NULL);
        m = message->event_batch->events[0];
        assert(m->left_filter == !!(variant & ENCODE_LEFT));
        if (kind == EVENT_EXEC) {
                assert(!!m->exec->program == there);
                if (there)
                        check_program(m->exec->program, program, variant & ENCODE_PUBLIC);
        }
        if (kind == EVENT_EXIT) {
                assert(!!m->exit->program == there);
                if (there)
                        check_program(m->exit->program, program, variant & ENCODE_PUBLIC);
        }
        message_free(message);
}

/* The program of a process comes with exec and exit on request only; it then comes even if it is unknown. */
static void test_program(void) {
        Program *program = made_program_sized(PROGRAM_CAPTURED, "sh\0-c\0\0", 7, "/bin/sh", 7, "/a.slice/b", 10);

        for (EventKind kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                for (uint32_t variant = 0; variant < _ENCODE_VARIANTS; ++variant) {
                        check_program_of(kind, variant, NULL);
                        check_program_of(kind, variant, program);
                }
        }
        free(program);
}

/* A long command line is sent once by the kernel's exec, and not with each exit of a child or a thread. */
static void test_exit_command_line(void) {
        static char cmdline[PROGRAM_CMDLINE_MAX];
        Program *program;

        memset(cmdline, 'a', sizeof(cmdline));
        program = made_program_sized(PROGRAM_CAPTURED, cmdline, sizeof(cmdline), "/x", 2, "/y", 2);
        for (int i = 0; i < 8; ++i) {
                Event event = event_new(i & 4 ? EVENT_EXEC : EVENT_EXIT);
                bool whole = (i & 4) || (i & 1 && !(i & 2));
                PB(ServerMessage) *message;
                const PB(Event) *m;
                const PB(Program) *got;

                event.program = program;
                event.program_inherited = i & 2;
                if (event.kind == EVENT_EXIT)
                        event.exit.process_ended = i & 1;
                message = roundtrip_variant(&event, ENCODE_PROGRAM, NULL);
                m = message->event_batch->events[0];
                got = event.kind == EVENT_EXEC ? m->exec->program : m->exit->program;
                assert(got->cmdline.len == (whole ? PROGRAM_CMDLINE_MAX : PROGRAM_CMDLINE_DEFAULT));
                assert(got->truncated == !whole && got->exe.len == 2 && got->cgroup.len == 2);
                message_free(message);
        }
        free(program);
}

/* The numbers of program states are equal in the broker and on the wire. */
static void test_program_states(void) {
#define STATE(name) assert((int)PROGRAM_##name == (int)TASKBROKER__V1__PROGRAM_STATE__PROGRAM_STATE_##name)
        STATE(CAPTURED);
        STATE(LATE);
        STATE(SKIPPED);
#undef STATE
}

static void test_largest(void) {
        static char text[PROGRAM_CMDLINE_MAX];
        TaskStats stats = {
                .version = UINT16_MAX,
                .groups = UINT32_MAX,
                .unsupported = UINT32_MAX,
                .uncounted = UINT32_MAX,
        };
        PB(ServerMessage) *message;
        Program *program;
        Event event;
        size_t n;

        stats.tasks = stats.tasks_missing = UINT32_MAX;
        stats.tasks_unseen = true;
        memset(stats.ac_comm, 0xff, sizeof(stats.ac_comm));
#define FIELD(group, name, type, offset, offset_v15, since, total) stats.name = (TASKSTATS_TYPE_##type)UINT64_MAX;
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
        stats.ac_nice = INT32_MIN;
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        stats.name##_delay = (Delay){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
        TASKSTATS_DELAYS(DELAY)
#undef DELAY

        memset(text, 'x', sizeof(text));
        program = made_program_sized(PROGRAM_SKIPPED, text, PROGRAM_CMDLINE_MAX, text, PROGRAM_PATH_MAX, text,
                                     PROGRAM_PATH_MAX);
        program->truncated = true;
        memset(&event, 0xff, sizeof(event));
        event.kind = EVENT_EXIT;
        event.task_unknown = event.comm_stale = event.synthesised = event.exit.process_ended = true;
        event.origin.known = event.maker.known = event.parent.known = true;
        event.exit.status_unknown = event.exit.process_status_unknown = false;
        event.exit.exit_signal_unknown = true;
        event.exit.wait_status = UINT32_MAX;
        event.exit.process_wait_status = UINT32_MAX - 1;
        event.exit.stats_missing = STATS_MISSING_NOT_WITNESSED;
        event.exit.stats = event.exit.process_stats = &stats;
        event.program = program;
        event.program_inherited = false;
        message = roundtrip_variant(&event, ENCODE_PROGRAM | ENCODE_LEFT, &n);
        assert(n <= ENCODED_EVENT_MAX && n > PROGRAM_CMDLINE_MAX + 2 * PROGRAM_PATH_MAX + 1500);
        check_stats(message->event_batch->events[0]->exit->stats, &stats);
        check_stats(message->event_batch->events[0]->exit->process_stats, &stats);
        check_program(message->event_batch->events[0]->exit->program, program, false);
        message_free(message);
        free(program);
}

/* The prefix of an event grows from one byte to two: every length around it. */
static void test_event_prefix(void) {
        size_t smallest = SIZE_MAX, largest = 0;

        for (int bits = 0; bits <= 64; ++bits) {
                for (size_t n_comm = 0; n_comm <= COMM_SIZE; ++n_comm) {
                        uint64_t value = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
                        Event event = { .kind = EVENT_COMM };
                        PB(ServerMessage) *message;
                        size_t n;

                        event.pid = event.tid = event.origin.pid = event.uid = event.cpu = (uint32_t)value;
                        event.time_ns = event.start_time_ns = value;
                        memset(event.comm, 'c', n_comm);
                        memset(event.comm_change.old_comm, 'o', n_comm);
                        message = roundtrip(&event, &n);
                        check_common(message->event_batch->events[0], &event);
                        message_free(message);
                        smallest = MIN(smallest, n);
                        largest = MAX(largest, n);
                }
        }
        assert(smallest < 10 && largest > 80);

        /* statistics grow by a byte at a time, through 127, 128 and 129 */
        for (size_t i = 0; i < 200; ++i) {
                TaskStats stats = { .version = 17, .groups = STATS_CPU };
                Event event = { .kind = EVENT_EXIT, .exit.stats = &stats };
                uint64_t *fields[] = { &stats.cpu_run_virtual_total_ns,
                                      &stats.cpu_run_real_total_ns,
                                      &stats.ac_utime_us,
                                      &stats.ac_stime_us,
                                      &stats.ac_utimescaled_us,
                                      &stats.ac_stimescaled_us,
                                      &stats.cpu_scaled_run_real_total_ns };

                for (size_t k = 0; k < ARRAY_SIZE(fields); ++k)
                        *fields[k] = i > k * 10 ? UINT64_MAX >> (64 - MIN((i - k * 10) * 7, (size_t)64)) : 0;
                event.uid = i > 70 ? (uint32_t)(UINT64_MAX >> (64 - MIN((i - 70) * 7, (size_t)32))) : 0;
                memset(event.comm, 'c', i > 75 ? MIN(i - 75, (size_t)COMM_SIZE) : 0);
                event.time_ns = i > 92 ? 1 : 0;
                event.start_time_ns = i > 93 ? 1 : 0;
                for (uint32_t pid = 0; pid < (i > 94 ? 2u : 1u); ++pid) {
                        PB(ServerMessage) *message;

                        event.pid = event.tid = event.origin.pid = pid * UINT32_MAX;
                        message = roundtrip(&event, NULL);
                        check_common(message->event_batch->events[0], &event);
                        check_stats(message->event_batch->events[0]->exit->stats, &stats);
                        message_free(message);
                }
        }
}

int main(void) {
        test_fork();
        test_exec();
        test_comm();
        test_ids();
        test_ptrace();
        test_session_and_coredump();
        test_loss();
        test_stats_groups();
        test_totals();
        test_zeros();
        test_exit();
        test_exit_unknown();
        test_restricted();
        test_restricted_loss();
        test_full_names();
        test_program();
        test_exit_command_line();
        test_program_states();
        test_largest();
        test_event_prefix();
        return 0;
}
