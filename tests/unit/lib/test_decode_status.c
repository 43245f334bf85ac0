/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* A Status, as the library decodes it: each number, texts, and kinds that the library does not know. */

#include "tests/unit/client_frames.h"

#define NUMBERS(N)                                                                                                     \
        N(epoch) N(start_time_ns) N(uptime_ns) N(live_tasks) N(live_processes) N(feeds) N(subscribers) N(connections)  \
        N(feed_bytes) N(reader_lost) N(closed_for_errors) N(closed_for_strict) N(refused_connections)                  \
        N(unmatched_stats) N(synthesised_exits) N(broker_cpu_ns)
#define SOURCE_NUMBERS(N)                                                                                              \
        N(received) N(lost) N(dropped) N(truncated) N(malformed) N(foreign) N(muted) N(repaired)                       \
        N(receive_buffer_bytes)

/* Sends a Status whose numbers count up from 100. */
static void send_status(Pair *pair) {
        Taskbroker__V1__ServerMessage wire = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Status status = TASKBROKER__V1__STATUS__INIT;
        Taskbroker__V1__SourceStatus sources[2];
        Taskbroker__V1__KindCount counts[3], *pointers[3];
        Bytes bytes = bytes_new();
        uint64_t seed = 100;

        status.request_id = 4;
        status.broker_version = (char *)"9.9";
        status.kernel_release = (char *)"6.0";
        status.taskstats_version = 12;
        status.delay_accounting = (Taskbroker__V1__DelayAccounting)77;
#define SET(name) status.name = seed++;
        NUMBERS(SET)
#undef SET
        for (unsigned int i = 0; i < 2; ++i) {
                taskbroker__v1__source_status__init(&sources[i]);
#define SET(name) sources[i].name = seed++;
                SOURCE_NUMBERS(SET)
#undef SET
        }
        status.connector = &sources[0];
        status.taskstats = &sources[1];
        for (unsigned int i = 0; i < 3; ++i) {
                taskbroker__v1__kind_count__init(&counts[i]);
                counts[i].kind = (Taskbroker__V1__EventKind)(i == 0 ? 3 : i == 1 ? 10 : 1000);
                counts[i].count = 30 + i;
                pointers[i] = &counts[i];
        }
        status.events = pointers;
        status.n_events = 3;
        wire.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_STATUS;
        wire.status = &status;
        bytes_add_message(&bytes, &wire);
        pair_send(pair, bytes.data, bytes.n);
        free(bytes.data);
}

static void check_status_numbers(const struct tb_status *got) {
        uint64_t seed = 100;

#define CHECK(name) assert(got->name == seed++);
        NUMBERS(CHECK)
#undef CHECK
#define CHECK(name) assert(got->connector.name == seed++);
        SOURCE_NUMBERS(CHECK)
#undef CHECK
#define CHECK(name) assert(got->taskstats.name == seed++);
        SOURCE_NUMBERS(CHECK)
#undef CHECK
}

static void test_status(void) {
        const struct tb_message *message;
        const struct tb_status *got;
        Pair pair = pair_new_welcomed();

        send_status(&pair);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_STATUS && message->request_id == 4);
        got = message->status;
        check_status_numbers(got);
        assert(strcmp(got->broker_version, "9.9") == 0 && strcmp(got->kernel_release, "6.0") == 0);
        assert(got->taskstats_version == 12);
        assert(got->delay_accounting == TB_DELAY_ACCOUNTING_UNKNOWN);
        assert(got->events[TB_KIND_EXIT] == 30 && got->events[TB_KIND_LOSS] == 31 && got->events[TB_KIND_FORK] == 0);
        assert(got->n_events > TB_KIND_LOSS && got->n_events < 1000);
        pair_free(&pair);
}

int main(void) {
        test_status();
        return 0;
}
