/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * How libtaskbroker decodes events: every kind, every field, in pieces of any size.
 */

#include <assert.h>

#include "tests/unit/client_frames.h"

#include "proto/taskstats_fields.h"

static const uint8_t comm_text[] = { 'k', 'w', 0xff, 'x' };

static Taskbroker__V1__Event make_event(uint32_t pid) {
        Taskbroker__V1__Event event = TASKBROKER__V1__EVENT__INIT;

        event.time_ns = UINT64_C(1700000000123456789);
        event.pid = pid;
        event.tid = pid + 1;
        event.ppid = pid + 2;
        event.uid = pid + 3;
        event.comm.data = (uint8_t *)comm_text;
        event.comm.len = sizeof(comm_text);
        event.start_time_ns = UINT64_C(1690000000000000001);
        event.cpu = pid + 4;
        return event;
}

static void check_event(const struct tb_event *event, uint32_t pid) {
        assert(event->time_ns == UINT64_C(1700000000123456789));
        assert(event->realtime_offset_ns == -1000);
        assert(event->pid == pid);
        assert(event->tid == pid + 1);
        assert(event->ppid == pid + 2);
        assert(event->uid == pid + 3);
        assert(memcmp(event->comm, "kw\xffx\0", 5) == 0);
        assert(event->start_time_ns == UINT64_C(1690000000000000001));
        assert(event->cpu == pid + 4);
        assert(!event->task_unknown && !event->synthesised);
}

/* Three batches of all kinds, with a reader's loss in the middle. */
static void add_all_kinds(Bytes *bytes) {
        Taskbroker__V1__Fork fork_ = TASKBROKER__V1__FORK__INIT;
        Taskbroker__V1__Exec exec = { PROTOBUF_C_MESSAGE_INIT(&taskbroker__v1__exec__descriptor), .comm_stale = true };
        Taskbroker__V1__Exit exit_ = TASKBROKER__V1__EXIT__INIT;
        Taskbroker__V1__CommChange comm_change = TASKBROKER__V1__COMM_CHANGE__INIT;
        Taskbroker__V1__IdChange id_change = TASKBROKER__V1__ID_CHANGE__INIT;
        Taskbroker__V1__NewSession new_session = TASKBROKER__V1__NEW_SESSION__INIT;
        Taskbroker__V1__Ptrace ptrace = TASKBROKER__V1__PTRACE__INIT;
        Taskbroker__V1__Coredump coredump = TASKBROKER__V1__COREDUMP__INIT;
        Taskbroker__V1__Loss loss = TASKBROKER__V1__LOSS__INIT;
        Taskbroker__V1__Event events[10], *pointers[10];

        fork_.parent_pid = 71;
        fork_.parent_tid = 72;
        comm_change.old_comm.data = (uint8_t *)"before";
        comm_change.old_comm.len = 6;
        id_change.real_id = 73;
        id_change.effective_id = 74;
        ptrace.tracer_pid = 75;
        ptrace.tracer_tid = 76;
        loss.count = 1000;
        loss.source = TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_READER;
        loss.reason = TASKBROKER__V1__LOSS_REASON__LOSS_REASON_FELL_BEHIND;
        loss.at_least = true;
        loss.cpu_known = true;
        loss.since_time_ns = 99;
        for (uint32_t i = 0; i < 10; ++i) {
                events[i] = make_event(100 + i);
                pointers[i] = &events[i];
        }

#define SET(i, member_, CASE_, value)                                                                                  \
        events[i].kind_case = TASKBROKER__V1__EVENT__KIND_##CASE_;                                                     \
        events[i].member_ = &value;
        SET(0, fork, FORK, fork_)
        SET(1, exec, EXEC, exec)
        SET(2, exit, EXIT, exit_)
        SET(3, comm_change, COMM_CHANGE, comm_change)
        SET(4, uid_change, UID_CHANGE, id_change)
        SET(5, gid_change, GID_CHANGE, id_change)
        SET(6, new_session, NEW_SESSION, new_session)
        SET(7, ptrace, PTRACE, ptrace)
        SET(8, loss, LOSS, loss)
        SET(9, coredump, COREDUMP, coredump)
#undef SET

        bytes_add_batch(bytes, 50, pointers, 4);
        bytes_add_batch(bytes, 54, pointers + 4, 6);
}

static void check_all_kinds(Pair *pair) {
        const struct tb_event *event;

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_FORK && event->number == 50);
        check_event(event, 100);
        assert(event->fork.parent_pid == 71 && event->fork.parent_tid == 72);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_EXEC && event->number == 51 && event->exec.comm_stale);
        check_event(event, 101);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_EXIT && event->number == 52);
        check_event(event, 102);
        assert(!event->exit.termination.known && !event->exit.process_ended && !event->exit.stats);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_COMM && event->number == 53);
        check_event(event, 103);
        assert(strcmp(event->comm_change.old_comm, "before") == 0);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_UID && event->number == 54);
        check_event(event, 104);
        assert(event->credentials.real_id == 73 && event->credentials.effective_id == 74);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_GID && event->number == 55);
        check_event(event, 105);
        assert(event->credentials.real_id == 73 && event->credentials.effective_id == 74);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_SID && event->number == 56);
        check_event(event, 106);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_PTRACE && event->number == 57);
        check_event(event, 107);
        assert(event->ptrace.tracer_pid == 75 && event->ptrace.tracer_tid == 76);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_LOSS && event->number == 58);
        check_event(event, 108);
        assert(event->loss.count == 1000);
        assert(event->loss.source == TB_LOSS_SOURCE_READER);
        assert(event->loss.reason == TB_LOSS_REASON_FELL_BEHIND);
        assert(event->loss.at_least && event->loss.cpu_known && event->loss.since_time_ns == 99);

        event = pair_next_event(pair);
        assert(event->kind == TB_KIND_COREDUMP && event->number == 1058);
        check_event(event, 109);
}

static void test_all_kinds(void) {
        const struct tb_message *message;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new();

        add_all_kinds(&bytes);
        pair_send(&pair, bytes.data, bytes.n);
        assert(tb_process(pair.client) == 0);
        check_all_kinds(&pair);
        assert(tb_next(pair.client, &message) == 0);

        free(bytes.data);
        pair_free(&pair);
}

/* Cut in two at every place, then byte by byte. */
static void test_all_splits(void) {
        const struct tb_message *message;
        Bytes bytes = bytes_new();
        Pair pair;

        add_all_kinds(&bytes);
        for (size_t cut = 0; cut <= bytes.n; ++cut) {
                unsigned int n_early = 0;

                pair = pair_new_welcomed();
                pair_send(&pair, bytes.data, cut);
                if (cut == bytes.n) {
                        check_all_kinds(&pair);
                        pair_free(&pair);
                        break;
                }
                assert(tb_process(pair.client) == 0);
                while (tb_next(pair.client, &message) > 0)
                        ++n_early;
                assert(n_early == 0 || n_early == 4);
                pair_send(&pair, bytes.data + cut, bytes.n - cut);
                assert(tb_process(pair.client) == 0);
                while (tb_next(pair.client, &message) > 0) {
                        assert(message->event->pid == 100 + n_early);
                        ++n_early;
                }
                assert(n_early == 10);
                pair_free(&pair);
        }

        pair = pair_new_welcomed();
        for (size_t i = 0, n = 0; i < bytes.n; ++i) {
                pair_send(&pair, bytes.data + i, 1);
                assert(tb_process(pair.client) == 0);
                while (tb_next(pair.client, &message) > 0)
                        assert(message->event->pid == 100 + n++);
                assert(i + 1 < bytes.n || n == 10);
        }
        pair_free(&pair);
        free(bytes.data);
}

/* An event as bytes, in a batch by hand. */
static const struct tb_event *take_raw(Pair *pair, const Bytes *event) {
        Bytes bytes = bytes_new(), message = bytes_new(), batch = bytes_new();

        /* The events stand before the number of the first, as protobuf allows. */
        bytes_add_field(&batch, 3, event->data, event->n);
        bytes_add(&batch, "\x08\x2a", 2);
        bytes_add_field(&batch, 90, "from the future", 15);
        bytes_add_field(&message, 2, batch.data, batch.n);
        bytes_add_frame(&bytes, message.data, message.n);
        pair_send(pair, bytes.data, bytes.n);
        free(batch.data);
        free(message.data);
        free(bytes.data);
        return pair_next_event(pair);
}

static void test_unknown_parts(void) {
        const struct tb_message *message;
        const struct tb_event *event;
        Taskbroker__V1__Event known = make_event(5), *pointer = &known;
        Taskbroker__V1__Loss loss = TASKBROKER__V1__LOSS__INIT;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new(), raw = bytes_new();

        /* pid 7, an exec, and fields of all wire types that nobody knows */
        bytes_add(&raw, "\x60\x07\x12\x00", 4);
        bytes_add_field(&raw, 1000, "abc", 3);
        bytes_add(&raw, "\xc0\x3e\x07", 3);
        bytes_add(&raw, "\xc1\x3e\1\2\3\4\5\6\7\x08", 10);
        bytes_add(&raw, "\xc5\x3e\1\2\3\4", 6);
        event = take_raw(&pair, &raw);
        assert(event->kind == TB_KIND_EXEC && event->pid == 7 && event->number == 42);

        /* An event of a kind from the future is passed over; its number counts. */
        raw.n = 0;
        bytes_add(&raw, "\x60\x07", 2);
        bytes_add_field(&raw, 27, "", 0);
        {
                Bytes batch = bytes_new(), body = bytes_new();

                bytes_add(&batch, "\x08\x0a", 2);
                bytes_add_field(&batch, 3, raw.data, raw.n);
                bytes_add_field(&batch, 3, "\x60\x08\x12\x00", 4);
                bytes_add_field(&body, 2, batch.data, batch.n);
                bytes_add_frame(&bytes, body.data, body.n);
                pair_send(&pair, bytes.data, bytes.n);
                free(body.data);
                free(batch.data);
        }
        event = pair_next_event(&pair);
        assert(event->pid == 8 && event->number == 11);
        assert(tb_next(pair.client, &message) == 0);

        /* Numbers of enums that nobody knows are handed on. */
        loss.source = (Taskbroker__V1__LossSource)9;
        loss.reason = (Taskbroker__V1__LossReason)8;
        known.kind_case = TASKBROKER__V1__EVENT__KIND_LOSS;
        known.loss = &loss;
        bytes.n = 0;
        bytes_add_batch(&bytes, 1, &pointer, 1);
        pair_send(&pair, bytes.data, bytes.n);
        event = pair_next_event(&pair);
        assert((int)event->loss.source == 9 && (int)event->loss.reason == 8);
        assert(strcmp(tb_loss_source_name(event->loss.source), "unknown") == 0);

        free(raw.data);
        free(bytes.data);
        pair_free(&pair);
}

static void test_long_comm(void) {
        static const uint8_t long_comm[100] = "0123456789012345678901234567890123456789";
        Taskbroker__V1__Event wire = make_event(5), *pointer = &wire;
        Taskbroker__V1__Exec exec = TASKBROKER__V1__EXEC__INIT;
        const struct tb_event *event;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new();

        wire.kind_case = TASKBROKER__V1__EVENT__KIND_EXEC;
        wire.exec = &exec;
        for (size_t n = 0; n <= sizeof(long_comm); ++n) {
                wire.comm.data = (uint8_t *)long_comm;
                wire.comm.len = n;
                wire.task_unknown = n & 1;
                wire.synthesised = !(n & 1);
                bytes.n = 0;
                bytes_add_batch(&bytes, 1, &pointer, 1);
                pair_send(&pair, bytes.data, bytes.n);
                event = pair_next_event(&pair);
                assert(event->task_unknown == (n & 1) && event->synthesised == !(n & 1));
                assert(strncmp(event->comm, (const char *)long_comm, n < 31 ? n : 31) == 0);
                assert(strlen(event->comm) == (n < 31 ? n : 31));
        }

        free(bytes.data);
        pair_free(&pair);
}

typedef struct Stats Stats;

/* A TaskStats with every field set, and the pieces that it points to. */
struct Stats {
        Taskbroker__V1__TaskStats stats;
        Taskbroker__V1__TaskStats__Identity identity;
        Taskbroker__V1__TaskStats__Cpu cpu;
        Taskbroker__V1__TaskStats__Memory memory;
        Taskbroker__V1__TaskStats__MemoryIntegrals memory_integrals;
        Taskbroker__V1__TaskStats__Scheduling scheduling;
        Taskbroker__V1__TaskStats__Io io;
        Taskbroker__V1__TaskStats__Executable executable;
        Taskbroker__V1__TaskStats__ExitStatus exit_status;
        Taskbroker__V1__TaskStats__Delays delays;
        Taskbroker__V1__TaskStats__Delay delay[8];
        Taskbroker__V1__TaskStats__DelayPeak peak[8];
};

static void stats_init(Stats *s, uint64_t seed) {
        unsigned int i = 0;

        taskbroker__v1__task_stats__init(&s->stats);
        taskbroker__v1__task_stats__identity__init(&s->identity);
        taskbroker__v1__task_stats__cpu__init(&s->cpu);
        taskbroker__v1__task_stats__memory__init(&s->memory);
        taskbroker__v1__task_stats__memory_integrals__init(&s->memory_integrals);
        taskbroker__v1__task_stats__scheduling__init(&s->scheduling);
        taskbroker__v1__task_stats__io__init(&s->io);
        taskbroker__v1__task_stats__executable__init(&s->executable);
        taskbroker__v1__task_stats__exit_status__init(&s->exit_status);
        taskbroker__v1__task_stats__delays__init(&s->delays);

        s->stats.taskstats_version = 17;
        s->stats.unsupported_groups = 2;
        s->stats.uncounted_groups = 4;
        s->stats.withheld_groups = 8;
        s->stats.task_count = 3;
        s->stats.tasks_missing = 1;
        s->stats.tasks_unseen = true;
#define VALUE_U8 (seed++ & 0x7f)
#define VALUE_S8 (-(int)(seed++ & 0x7f))
#define VALUE_U32 (UINT32_C(0xf0000000) + (uint32_t)seed++)
#define VALUE_U64 (UINT64_C(0xf000000000000000) + seed++)
#define SET(group, name, type, ...) s->group.name = VALUE_##type;
        TASKSTATS_FIELDS(SET)
#undef SET
#define POINT(group, ...) s->stats.group = &s->group;
        TASKSTATS_PLAIN_GROUPS(POINT)
#undef POINT
        s->identity.ac_comm.data = (uint8_t *)"stat\xc3\xa9";
        s->identity.ac_comm.len = 6;

        s->stats.delays = &s->delays;
#define DELAY(name, ...)                                                                                               \
        taskbroker__v1__task_stats__delay__init(&s->delay[i]);                                                         \
        taskbroker__v1__task_stats__delay_peak__init(&s->peak[i]);                                                     \
        s->delay[i].count = seed++;                                                                                    \
        s->delay[i].total_ns = seed++;                                                                                 \
        s->peak[i].max_ns = seed++;                                                                                    \
        s->peak[i].min_ns = seed++;                                                                                    \
        s->peak[i].max_time_ns = seed++;                                                                               \
        s->delay[i].peak = &s->peak[i];                                                                                \
        s->delays.name = &s->delay[i++];
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
        assert(i == 8);
}

static void stats_check(const struct tb_task_stats *stats, uint64_t seed) {
        assert(stats->groups == 0x1ffe);
        assert(stats->taskstats_version == 17);
        assert(stats->unsupported_groups == 2);
        assert(stats->uncounted_groups == 4);
        assert(stats->withheld_groups == 8);
        assert(stats->tasks == 3 && stats->tasks_missing == 1 && stats->tasks_unseen);
#define CHECK(group, name, type, ...) assert(stats->group.name == VALUE_##type);
        TASKSTATS_FIELDS(CHECK)
#undef CHECK
        assert(strcmp(stats->identity.ac_comm, "stat\xc3\xa9") == 0);
#define DELAY(name, ...)                                                                                               \
        assert(stats->delays.name.known && stats->delays.name.peak_known);                                             \
        assert(stats->delays.name.count == seed++);                                                                    \
        assert(stats->delays.name.total_ns == seed++);                                                                 \
        assert(stats->delays.name.max_ns == seed++);                                                                   \
        assert(stats->delays.name.min_ns == seed++);                                                                   \
        assert(stats->delays.name.max_time_ns == seed++);
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}

static const struct tb_event *take_exit(Pair *pair, Taskbroker__V1__Exit *exit_) {
        Taskbroker__V1__Event wire = make_event(5), *pointer = &wire;
        Bytes bytes = bytes_new();

        wire.kind_case = TASKBROKER__V1__EVENT__KIND_EXIT;
        wire.exit = exit_;
        bytes_add_batch(&bytes, 1, &pointer, 1);
        pair_send(pair, bytes.data, bytes.n);
        free(bytes.data);
        return pair_next_event(pair);
}

static void test_exit(void) {
        Taskbroker__V1__Termination termination = TASKBROKER__V1__TERMINATION__INIT;
        Taskbroker__V1__Termination process_termination = TASKBROKER__V1__TERMINATION__INIT;
        Taskbroker__V1__Exit exit_ = TASKBROKER__V1__EXIT__INIT;
        const struct tb_event *event;
        static Stats stats, process_stats;
        Pair pair = pair_new_welcomed();

        termination.exit_code = 3;
        process_termination.term_signal = 11;
        process_termination.core_dumped = true;
        stats_init(&stats, 1000);
        stats_init(&process_stats, 5000);

        /* A thread's end. Totals would make no sense: they are not handed on. */
        exit_.termination = &termination;
        exit_.stats = &stats.stats;
        exit_.process_stats = &process_stats.stats;
        exit_.process_termination = &process_termination;
        event = take_exit(&pair, &exit_);
        assert(!event->exit.process_ended && !event->exit.process_stats && !event->exit.process_termination.known);
        assert(event->exit.termination.known && event->exit.termination.exit_code == 3);
        assert(event->exit.stats_missing == TB_STATS_MISSING_NO);
        stats_check(event->exit.stats, 1000);

        /* The process' end, with totals and a termination of its own. */
        exit_.process_ended = true;
        exit_.exit_signal = 17;
        event = take_exit(&pair, &exit_);
        assert(event->exit.process_ended && event->exit.exit_signal == 17);
        assert(event->exit.termination.exit_code == 3 && !event->exit.termination.core_dumped);
        assert(event->exit.process_termination.known && event->exit.process_termination.term_signal == 11);
        assert(event->exit.process_termination.core_dumped);
        stats_check(event->exit.stats, 1000);
        stats_check(event->exit.process_stats, 5000);

        /* The wire carries each fact once for a process of one task. */
        exit_.process_stats = NULL;
        exit_.process_termination = NULL;
        event = take_exit(&pair, &exit_);
        assert(event->exit.process_termination.known && event->exit.process_termination.exit_code == 3);
        assert(event->exit.process_stats && event->exit.process_stats == event->exit.stats);

        /* Everything withheld or lost. */
        exit_.termination = NULL;
        exit_.stats = NULL;
        exit_.stats_missing = TASKBROKER__V1__STATS_MISSING__STATS_MISSING_LOST;
        event = take_exit(&pair, &exit_);
        assert(!event->exit.termination.known && !event->exit.process_termination.known);
        assert(!event->exit.stats && !event->exit.process_stats);
        assert(event->exit.stats_missing == TB_STATS_MISSING_LOST);

        /* The last task's are lost, the totals of the others are there. */
        exit_.process_stats = &process_stats.stats;
        event = take_exit(&pair, &exit_);
        assert(!event->exit.stats);
        stats_check(event->exit.process_stats, 5000);

        pair_free(&pair);
}

/* Each group alone: its bit, its fields, and nothing of the last event's. */
static void test_groups(void) {
        Taskbroker__V1__Exit exit_ = TASKBROKER__V1__EXIT__INIT;
        const struct tb_event *event;
        const struct tb_task_stats *got;
        struct tb_task_stats empty = { 0 };
        static Stats full;
        Taskbroker__V1__TaskStats some;
        Pair pair = pair_new_welcomed();

        stats_init(&full, 1000);
        exit_.stats = &full.stats;
        take_exit(&pair, &exit_);

        exit_.stats = &some;
        taskbroker__v1__task_stats__init(&some);
        event = take_exit(&pair, &exit_);
        assert(memcmp(event->exit.stats, &empty, sizeof(empty)) == 0);

#define ALONE(group, GROUP, number)                                                                                    \
        taskbroker__v1__task_stats__init(&some);                                                                       \
        some.group = &full.group;                                                                                      \
        assert(take_exit(&pair, &exit_)->exit.stats->groups == TB_STATS_BIT(TB_STATS_##GROUP));
        TASKSTATS_PLAIN_GROUPS(ALONE)
#undef ALONE

        taskbroker__v1__task_stats__init(&some);
        some.delays = &full.delays;
        full.delay[0].peak = NULL;
        full.delays.blkio = full.delays.swapin = full.delays.freepages = full.delays.thrashing = NULL;
        full.delays.compact = full.delays.wpcopy = full.delays.irq = NULL;
        got = take_exit(&pair, &exit_)->exit.stats;
        assert(got->groups == TB_STATS_BIT(TB_STATS_CPU_DELAY));
        assert(got->delays.cpu.known && !got->delays.cpu.peak_known && !got->delays.irq.known);

        full.delays.cpu = NULL;
        full.delays.irq = &full.delay[7];
        full.peak[7].max_time_ns = 0;
        got = take_exit(&pair, &exit_)->exit.stats;
        assert(got->groups == (TB_STATS_BIT(TB_STATS_DELAYS) | TB_STATS_BIT(TB_STATS_DELAY_PEAKS)));
        assert(!got->delays.cpu.known && got->delays.irq.known && got->delays.irq.peak_known);

        pair_free(&pair);
}

/* Bytes that would make protobuf-c allocate without measure cost an error, not memory. */
static void test_costly(void) {
        const struct tb_message *message;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new(), body = bytes_new(), batch = bytes_new(), event = bytes_new();
        int r;

        for (unsigned int i = 0; i < 60000; ++i)
                bytes_add(&event, "\xc2\x02\x00", 3);
        bytes_add_field(&batch, 3, "\x12\x00", 2);
        bytes_add_field(&batch, 3, event.data, event.n);
        bytes_add_field(&body, 2, batch.data, batch.n);
        bytes_add_frame(&bytes, body.data, body.n);
        pair_send(&pair, bytes.data, bytes.n);
        pair_next_event(&pair);
        r = tb_next(pair.client, &message);
        assert(r == -EPROTO);
        assert(strstr(tb_error_text(pair.client), "memory"));

        free(event.data);
        free(batch.data);
        free(body.data);
        free(bytes.data);
        pair_free(&pair);
}

/* Damaged streams: any outcome but a crash or an endless loop. Run it under valgrind or a sanitizer. */
static void test_damage(void) {
        const struct tb_message *message;
        static Stats stats;
        Taskbroker__V1__Exit exit_ = TASKBROKER__V1__EXIT__INIT;
        Taskbroker__V1__Event wire = make_event(5), *pointer = &wire;
        Bytes bytes = bytes_new(), damaged = bytes_new();
        unsigned int random = 1, n_refused = 0;

        stats_init(&stats, 1);
        exit_.stats = exit_.process_stats = &stats.stats;
        exit_.process_ended = true;
        wire.kind_case = TASKBROKER__V1__EVENT__KIND_EXIT;
        wire.exit = &exit_;
        bytes_add_welcome(&bytes, 1);
        bytes_add_batch(&bytes, 1, &pointer, 1);
        add_all_kinds(&bytes);
        bytes_add_error(&bytes, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT, "text", true);

        for (unsigned int round = 0; round < 3000; ++round) {
                Pair pair = pair_new();
                int r;

                damaged.n = 0;
                bytes_add(&damaged, bytes.data, bytes.n);
                for (unsigned int i = 0; i < 1 + round % 4; ++i) {
                        random = random * 1103515245u + 12345u;
                        damaged.data[(random >> 8) % bytes.n] ^= (uint8_t)(1u << (random >> 4) % 8);
                }
                pair_send(&pair, damaged.data, damaged.n);
                close(pair.broker);
                pair.broker = -1;
                do {
                        r = tb_process(pair.client);
                        while (tb_next(pair.client, &message) > 0)
                                ;
                } while (r == 0);
                assert(tb_error_text(pair.client)[0]);
                n_refused += tb_process(pair.client) == -EPROTO;
                pair_free(&pair);
        }
        assert(n_refused > 300 && n_refused < 3000);

        free(damaged.data);
        free(bytes.data);
}

int main(void) {
        test_all_kinds();
        test_all_splits();
        test_unknown_parts();
        test_long_comm();
        test_exit();
        test_groups();
        test_costly();
        test_damage();
        return 0;
}
