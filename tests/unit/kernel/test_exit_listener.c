/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The taskstats listener as a source, played over a pair of sockets. */

#include "broker/base/log.h"
#include "broker/kernel/exit_listener.h"
#include "tests/unit/fake_kernel.h"

typedef struct Rig Rig;

struct Rig {
        ExitListener listener;
        int kernel;
};

static Rig rig_new(void) {
        Rig rig;
        int fds[2];

        packet_pair(fds);
        rig.kernel = fds[1];
        assert(exit_listener_init(&rig.listener, &(ExitListenerOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) == 0);
        assert(rig.listener.counters.receive_buffer_bytes > 0);
        return rig;
}

static void rig_free(Rig *rig) {
        exit_listener_deinit(&rig->listener);
        assert(rig->listener.fd == -1);
        exit_listener_deinit(&rig->listener);
        close(rig->kernel);
}

static void rig_send(const Rig *rig, uint32_t tid, uint16_t version) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES] = {};

        put_u16(stats, 0, version);
        put_u32(stats, STATS_AT_PID, tid);
        exit_message_aggregate(&message, ATTR_AGGR_PID, tid, stats, version == 16 ? STATS_BYTES_V16 : STATS_BYTES,
                               false);
        packet_send(rig->kernel, message.data, message.n);
}

static void test_nothing(void) {
        Rig rig = rig_new();
        ExitRecord record;

        assert(exit_listener_next(&rig.listener, &record) == EXIT_LISTENER_E_NONE);
        assert(exit_listener_receive(&rig.listener, 128) == 0);
        assert(rig.listener.batch.drained);
        assert(exit_listener_next(&rig.listener, &record) == EXIT_LISTENER_E_NONE);
        assert(rig.listener.last_version == 0);
        assert(exit_listener_poll_drops(&rig.listener) == 0);
        assert(rig.listener.counters.dropped == 0);
        rig_free(&rig);
}

static void test_records(void) {
        Rig rig = rig_new();
        ExitRecord record;

        for (uint32_t tid = 1; tid <= 10; ++tid)
                rig_send(&rig, tid, tid == 10 ? 17 : 16);
        assert(exit_listener_receive(&rig.listener, 4) == 0);
        assert(!rig.listener.batch.drained);
        for (uint32_t tid = 1; tid <= 4; ++tid) {
                assert(exit_listener_next(&rig.listener, &record) == 0);
                assert(record.tid == tid && record.stats.version == 16);
        }
        assert(exit_listener_next(&rig.listener, &record) == EXIT_LISTENER_E_NONE);
        assert(exit_listener_receive(&rig.listener, 100) == 0);
        assert(rig.listener.batch.drained);
        for (uint32_t tid = 5; tid <= 10; ++tid)
                assert(exit_listener_next(&rig.listener, &record) == 0 && record.tid == tid);
        assert(exit_listener_next(&rig.listener, &record) == EXIT_LISTENER_E_NONE);
        assert(rig.listener.last_version == 17);
        assert(rig.listener.counters.received == 10 && rig.listener.counters.malformed == 0);
        rig_free(&rig);
}

/* A message that is no record is counted and skipped. The next record is found. */
static void test_rubbish_between(void) {
        uint8_t large[5000] = {};
        ExitMessage command = exit_message_new();
        Rig rig = rig_new();
        ExitRecord record;

        rig_send(&rig, 1, 16);
        packet_send(rig.kernel, "x", 1);
        packet_send(rig.kernel, command.data, command.n);
        packet_send(rig.kernel, large, sizeof(large));
        rig_send(&rig, 2, 16);
        rig_send(&rig, 0, 16);
        assert(exit_listener_receive(&rig.listener, 128) == 0);
        assert(exit_listener_next(&rig.listener, &record) == 0 && record.tid == 1);
        assert(exit_listener_next(&rig.listener, &record) == 0 && record.tid == 2);
        assert(exit_listener_next(&rig.listener, &record) == EXIT_LISTENER_E_NONE);
        assert(rig.listener.counters.received == 6);
        assert(rig.listener.counters.malformed == 3);
        assert(rig.listener.counters.truncated == 1);
        rig_free(&rig);
}

static void test_old_kernel(void) {
        Rig rig = rig_new();
        ExitRecord record;

        for (uint32_t tid = 1; tid <= 3; ++tid)
                rig_send(&rig, tid, 7);
        assert(exit_listener_receive(&rig.listener, 128) == 0);
        assert(!rig.listener.version_logged);
        assert(exit_listener_next(&rig.listener, &record) == EXIT_LISTENER_E_NONE);
        assert(rig.listener.version_logged);
        assert(rig.listener.counters.malformed == 3);
        assert(rig.listener.last_version == 0);
        rig_free(&rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR - 1);
        test_nothing();
        test_records();
        test_rubbish_between();
        test_old_kernel();
        return 0;
}
