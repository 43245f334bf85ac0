/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Tests messages of the proc connector: every kind, cut at every byte, and malformed ones. */

#include <linux/cn_proc.h>

#include "broker/base/util.h"
#include "broker/kernel/proc_message.h"
#include "tests/unit/fake_kernel.h"

static int parse(const uint8_t *bytes, size_t n, ProcMessage *message) {
        void *data = exact_copy(bytes, n);
        int r = proc_message_parse(data, n, message);

        free(data);
        return r;
}

/* Parses a message with @what and six words of which @a and @b are the task's own. */
static Event parse_event(uint32_t what, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        memset(&message, 0x55, sizeof(message));
        proc_bytes(bytes, 0xfffffff7, what, 3, 0x123456789abcdef0);
        proc_union(bytes, a, b, c, d, e, f);
        assert(parse(bytes, sizeof(bytes), &message) == 0);
        assert(message.seq == 0xfffffff7);
        assert(message.ack == 0);
        assert(message.event.cpu == 3);
        assert(message.monotonic_ns == 0x123456789abcdef0);
        assert(!message.event.task_unknown && !message.event.synthesised && message.event.start_time_ns == 0);
        return message.event;
}

static void test_kinds(void) {
        static const struct {
                uint32_t what;
                EventKind kind;
        } rows[] = {
                { WHAT_UID, EVENT_UID },       { WHAT_GID, EVENT_GID },
                { WHAT_SID, EVENT_SID },       { WHAT_PTRACE, EVENT_PTRACE }, { WHAT_COMM, EVENT_COMM },
                { WHAT_COREDUMP, EVENT_COREDUMP }, { WHAT_EXIT, EVENT_EXIT },
        };
        Event event;

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                event = parse_event(rows[i].what, 11, 10, 0, 0, 0, 0);
                assert(event.kind == rows[i].kind);
                assert(event.tid == 11 && event.pid == 10);
        }

        /* whichever thread called it */
        event = parse_event(WHAT_EXEC, 10, 10, 0, 0, 0, 0);
        assert(event.kind == EVENT_EXEC && event.tid == 10 && event.pid == 10);

        /* the task is the child */
        event = parse_event(WHAT_FORK, 21, 20, 31, 30, 0, 0);
        assert(event.kind == EVENT_FORK);
        assert(event.tid == 31 && event.pid == 30);
        assert(event.fork.parent_tid == 21 && event.fork.parent_pid == 20);

        event = parse_event(WHAT_UID, 11, 10, 1000, 0, 0, 0);
        assert(event.credentials.real_id == 1000 && event.credentials.effective_id == 0);
        event = parse_event(WHAT_GID, 11, 10, 7, UINT32_MAX, 0, 0);
        assert(event.credentials.real_id == 7 && event.credentials.effective_id == UINT32_MAX);

        event = parse_event(WHAT_PTRACE, 11, 10, 41, 40, 0, 0);
        assert(event.ptrace.tracer_tid == 41 && event.ptrace.tracer_pid == 40);
        event = parse_event(WHAT_PTRACE, 11, 10, 0, 0, 0, 0);
        assert(event.ptrace.tracer_tid == 0 && event.ptrace.tracer_pid == 0);
}

static void test_exit(void) {
        Event event = parse_event(WHAT_EXIT, 11, 10, 3 << 8, 17, 6, 5);

        assert(event.exit.wait_status == 3 << 8);
        assert(event.exit.exit_signal == 17);
        assert(event.parent.pid == 5);
        assert(!event.exit.process_ended && !event.exit.stats && !event.exit.process_stats);

        /* a thread: signal -1, and its parent is released */
        event = parse_event(WHAT_EXIT, 11, 10, 9, UINT32_MAX, 0, 0);
        assert(event.exit.wait_status == 9);
        assert(event.exit.exit_signal == 0);
        assert(event.parent.pid == 0);

        assert(parse_event(WHAT_EXIT, 11, 10, 0, 64, 0, 0).exit.exit_signal == 64);
        assert(parse_event(WHAT_EXIT, 11, 10, 0, 65, 0, 0).exit.exit_signal == 0);
}

static void test_comm(void) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        proc_bytes(bytes, 1, WHAT_COMM, 0, 1);
        proc_union(bytes, 11, 10, 0, 0, 0, 0);
        memcpy(bytes + PROC_AT_UNION + 8, "kworker/0:1\n", 12);
        assert(parse(bytes, sizeof(bytes), &message) == 0);
        assert(strcmp(message.event.comm, "kworker/0:1\n") == 0);

        /* never without its end, whatever comes */
        memset(bytes + PROC_AT_UNION + 8, 'y', 16);
        assert(parse(bytes, sizeof(bytes), &message) == 0);
        assert(strlen(message.event.comm) == COMM_SIZE - 1);
}

static void test_acknowledgement(void) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        proc_bytes(bytes, 77, WHAT_NONE, 1, 5);
        put_u32(bytes, PROC_AT_ACK, 0xcafe);
        assert(parse(bytes, sizeof(bytes), &message) == PROC_MESSAGE_E_ACK);
        assert(message.seq == 77 && message.ack == 0xcafe && message.event.cpu == 1);
}

static void check_unknown(uint32_t what) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        proc_bytes(bytes, 78, what, 2, 5);
        proc_union(bytes, 11, 10, 0, 0, 0, 0);
        assert(parse(bytes, sizeof(bytes), &message) == PROC_MESSAGE_E_UNKNOWN);
        /* counted with the others of its processor all the same */
        assert(message.seq == 78 && message.event.cpu == 2);
}

/* Each kind of the kernel is one bit: each bit without a row, and several bits at once. */
static void test_unknown_kinds(void) {
#define BIT_OF(NAME, name, number, kernel, ...) | (uint32_t)(kernel)
        uint32_t known = 0 EVENT_KINDS(BIT_OF);
#undef BIT_OF

        for (uint32_t what = 1; what != 0; what <<= 1)
                if (!(what & known))
                        check_unknown(what);
        check_unknown(0x3);
        check_unknown(0xc0000000);
        check_unknown(UINT32_MAX);
}

static void test_numbers_of_tasks(void) {
        static const struct {
                uint32_t tid, pid;
                bool valid;
        } rows[] = {
                { 1, 1, true },
                { PROC_PID_LIMIT - 1, PROC_PID_LIMIT - 1, true },
                { 0, 1, false },
                { 1, 0, false },
                { PROC_PID_LIMIT, 1, false },
                { 1, PROC_PID_LIMIT, false },
                { UINT32_MAX, 1, false },
                { 1, UINT32_MAX, false },
                { 0x80000000, 0x80000000, false },
        };
        static const uint32_t whats[] = { WHAT_FORK, WHAT_EXEC,   WHAT_UID,  WHAT_GID,      WHAT_SID,
                                          WHAT_PTRACE, WHAT_COMM, WHAT_COREDUMP, WHAT_EXIT };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                for (size_t k = 0; k < ARRAY_SIZE(whats); ++k) {
                        uint8_t bytes[PROC_BYTES];
                        ProcMessage message;

                        proc_bytes(bytes, 1, whats[k], 6, 1);
                        if (whats[k] == WHAT_FORK)
                                proc_union(bytes, 1, 1, rows[i].tid, rows[i].pid, 0, 0);
                        else
                                proc_union(bytes, rows[i].tid, rows[i].pid, 0, 0, 0, 0);
                        assert(parse(bytes, sizeof(bytes), &message) ==
                               (rows[i].valid ? 0 : PROC_MESSAGE_E_NO_TASK));
                }
        }
}

/* The kernel makes the caller the leader first. An exec of any other thread names no valid task. */
static void test_exec_of_a_thread(void) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        proc_bytes(bytes, 1, WHAT_EXEC, 0, 1);
        proc_union(bytes, 11, 10, 0, 0, 0, 0);
        assert(parse(bytes, sizeof(bytes), &message) == PROC_MESSAGE_E_NO_TASK);
}

static void test_processors(void) {
        static const struct {
                uint32_t cpu;
                bool valid;
        } rows[] = { { 0, true }, { PROC_CPU_LIMIT - 1, true }, { PROC_CPU_LIMIT, false }, { UINT32_MAX, false } };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                uint8_t bytes[PROC_BYTES];
                ProcMessage message;

                proc_bytes(bytes, 1, WHAT_SID, rows[i].cpu, 1);
                proc_union(bytes, 11, 10, 0, 0, 0, 0);
                assert(parse(bytes, sizeof(bytes), &message) == (rows[i].valid ? 0 : PROC_MESSAGE_E_MALFORMED));
        }
}

static void test_truncated(void) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        proc_bytes(bytes, 1, WHAT_EXIT, 0, 1);
        proc_union(bytes, 11, 10, 0, 17, 5, 5);
        for (size_t n = 0; n < sizeof(bytes); ++n) {
                assert(parse(bytes, n, &message) == PROC_MESSAGE_E_MALFORMED);
                if (n >= 4) {
                        uint8_t cut[PROC_BYTES];

                        memcpy(cut, bytes, sizeof(cut));
                        put_u32(cut, 0, (uint32_t)n);
                        assert(parse(cut, n, &message) == PROC_MESSAGE_E_MALFORMED);
                        /* the header may not claim less than the message has */
                        assert(parse(cut, sizeof(cut), &message) == PROC_MESSAGE_E_MALFORMED);
                }
        }
}

static void test_lengths_that_lie(void) {
        uint8_t good[PROC_BYTES], bad[PROC_BYTES + 4];
        ProcMessage message;

        proc_bytes(good, 1, WHAT_SID, 0, 1);
        proc_union(good, 11, 10, 0, 0, 0, 0);

        for (uint64_t n = PROC_BYTES + 1; n <= UINT32_MAX; n = n * 2 - 70) {
                memcpy(bad, good, sizeof(good));
                put_u32(bad, 0, (uint32_t)n);
                assert(parse(bad, PROC_BYTES, &message) == PROC_MESSAGE_E_MALFORMED);
        }
        put_u32(bad, 0, UINT32_MAX);
        assert(parse(bad, PROC_BYTES, &message) == PROC_MESSAGE_E_MALFORMED);
        put_u32(bad, 0, 0x80000000u | PROC_BYTES);
        assert(parse(bad, 40, &message) == PROC_MESSAGE_E_MALFORMED);

        /* the connector's own length */
        for (uint16_t n = 0; n < 40; ++n) {
                memcpy(bad, good, sizeof(good));
                put_u16(bad, PROC_AT_LEN, n);
                assert(parse(bad, PROC_BYTES, &message) == PROC_MESSAGE_E_MALFORMED);
        }

        for (uint32_t n = 41; n <= UINT16_MAX; n = n * 2 - 30) {
                memcpy(bad, good, sizeof(good));
                put_u16(bad, PROC_AT_LEN, (uint16_t)n);
                assert(parse(bad, PROC_BYTES, &message) == PROC_MESSAGE_E_MALFORMED);
        }

        /* a longer event than today's is read as far as it is known */
        memset(bad, 0, sizeof(bad));
        memcpy(bad, good, sizeof(good));
        put_u32(bad, 0, sizeof(bad));
        put_u16(bad, PROC_AT_LEN, 44);
        assert(parse(bad, sizeof(bad), &message) == 0);
}

static void test_not_the_connector(void) {
        uint8_t bytes[PROC_BYTES];
        ProcMessage message;

        for (uint32_t idx = 0; idx < 12; ++idx) {
                for (uint32_t val = 0; val < 3; ++val) {
                        proc_bytes(bytes, 1, WHAT_SID, 0, 1);
                        proc_union(bytes, 11, 10, 0, 0, 0, 0);
                        put_u32(bytes, PROC_AT_CN, idx);
                        put_u32(bytes, PROC_AT_CN + 4, val);
                        assert(parse(bytes, sizeof(bytes), &message) ==
                               (idx == 1 && val == 1 ? 0 : PROC_MESSAGE_E_MALFORMED));
                }
        }
}

static void test_noise(void) {
        uint64_t state = 0x2545f4914f6cdd1du;

        for (int i = 0; i < 20000; ++i) {
                uint8_t bytes[PROC_BYTES];
                size_t n = random_below(&state, PROC_BYTES + 1);
                ProcMessage message;

                proc_bytes(bytes, 1, (uint32_t)random_next(&state), 0, 1);
                for (uint64_t k = random_below(&state, 6); k > 0; --k)
                        bytes[random_below(&state, PROC_BYTES)] = (uint8_t)random_next(&state);
                (void)parse(bytes, n, &message);
        }
}

static void test_request(void) {
        static const struct {
                ProcRequest request;
                uint32_t op;
        } rows[] = { { PROC_REQUEST_LISTEN, 1 }, { PROC_REQUEST_IGNORE, 2 } };
        uint8_t buffer[PROC_REQUEST_SIZE], expected[PROC_REQUEST_SIZE];
        uint32_t op;

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                memset(expected, 0, sizeof(expected));
                put_u32(expected, 0, 40);
                put_u16(expected, 4, 3);
                put_u32(expected, 16, 1);
                put_u32(expected, 20, 1);
                put_u32(expected, 28, 0xdeadbeef);
                put_u16(expected, 32, 4); /* no event mask: a filter would swallow the answer */
                put_u32(expected, 36, rows[i].op);
                assert(proc_request_build(buffer, rows[i].request, 0xdeadbeef) == sizeof(expected));
                assert(memcmp(buffer, expected, sizeof(expected)) == 0);
        }

        assert(proc_request_build(buffer, PROC_REQUEST_INVALID, 1) == sizeof(buffer));
        memcpy(&op, buffer + 36, sizeof(op));
        assert(op != 1 && op != 2);
}

int main(void) {
        test_kinds();
        test_exit();
        test_comm();
        test_acknowledgement();
        test_unknown_kinds();
        test_numbers_of_tasks();
        test_exec_of_a_thread();
        test_processors();
        test_truncated();
        test_lengths_that_lie();
        test_not_the_connector();
        test_noise();
        test_request();
        return 0;
}
