/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* A BrokerStatus, as the library decodes it: each number, texts, and kinds that the library does not know. */

#include "tests/unit/client_frames.h"

#define NUMBERS(N) N(epoch) N(start_time_ns) N(uptime_ns) N(subscribers) N(connections)
#define MACHINE_NUMBERS(N) N(live_tasks) N(live_processes) N(foreign_acks)
#define SERVICE_NUMBERS(N)                                                                                             \
        N(feeds)                                                                                                       \
        N(feed_bytes)                                                                                                  \
        N(reader_lost) N(closed_for_errors) N(closed_for_strict) N(refused_connections) N(unmatched_stats)             \
                N(synthesised_exits) N(broker_cpu_ns)
#define LOSS_NUMBERS(N) N(lost) N(muted) N(repaired)
#define SOURCE_NUMBERS(N) N(received) N(dropped) N(truncated) N(malformed) N(foreign) N(receive_buffer_bytes)

typedef struct Parts {
        Taskbroker__V1__MachineStatus machine;
        Taskbroker__V1__ServiceStatus service;
        Taskbroker__V1__SourceLosses losses[2];
        Taskbroker__V1__SourceStatus sources[2];
        Taskbroker__V1__KindCount counts[3], *pointers[3];
} Parts;

/* Fills the parts with numbers that count up. */
static void fill_parts(Parts *parts, uint64_t *seed) {
        taskbroker__v1__machine_status__init(&parts->machine);
        taskbroker__v1__service_status__init(&parts->service);
#define SET(name) parts->machine.name = (*seed)++;
        MACHINE_NUMBERS(SET)
#undef SET
#define SET(name) parts->service.name = (*seed)++;
        SERVICE_NUMBERS(SET)
#undef SET
        for (unsigned int i = 0; i < 2; ++i) {
                taskbroker__v1__source_losses__init(&parts->losses[i]);
                taskbroker__v1__source_status__init(&parts->sources[i]);
#define SET(name) parts->losses[i].name = (*seed)++;
                LOSS_NUMBERS(SET)
#undef SET
#define SET(name) parts->sources[i].name = (*seed)++;
                SOURCE_NUMBERS(SET)
#undef SET
        }
        parts->machine.connector = &parts->losses[0];
        parts->machine.taskstats = &parts->losses[1];
        parts->service.connector = &parts->sources[0];
        parts->service.taskstats = &parts->sources[1];
        for (unsigned int i = 0; i < 3; ++i) {
                taskbroker__v1__kind_count__init(&parts->counts[i]);
                parts->counts[i].kind = (Taskbroker__V1__EventKind)(i == 0 ? 3 : i == 1 ? 10 : 1000);
                parts->counts[i].count = 30 + i;
                parts->pointers[i] = &parts->counts[i];
        }
        parts->service.events = parts->pointers;
        parts->service.n_events = 3;
}

/* Sends a BrokerStatus whose numbers count up from 100. */
static void send_status(Pair *pair, bool machine, bool service) {
        Taskbroker__V1__ServerMessage wire = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__BrokerStatus status = TASKBROKER__V1__BROKER_STATUS__INIT;
        Bytes bytes = bytes_new();
        uint64_t seed = 100;
        Parts parts;

        status.request_id = 4;
        status.broker_version = (char *)"9.9";
        status.kernel_release = (char *)"6.0";
        status.taskstats_version = 12;
        status.delay_accounting = (Taskbroker__V1__DelayAccounting)77;
#define SET(name) status.name = seed++;
        NUMBERS(SET)
#undef SET
        fill_parts(&parts, &seed);
        status.machine = machine ? &parts.machine : NULL;
        status.service = service ? &parts.service : NULL;
        wire.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS;
        wire.broker_status = &status;
        bytes_add_message(&bytes, &wire);
        pair_send(pair, bytes.data, bytes.n);
        free(bytes.data);
}

/* A counter of a part that is absent is 0. */
static void check_status_numbers(const struct tb_status *got, bool machine, bool service) {
        uint64_t seed = 100;

#define CHECK(name) assert(got->name == seed++);
        NUMBERS(CHECK)
#undef CHECK
#define CHECK_PART(value, present)                                                                                     \
        assert((value) == ((present) ? seed : 0));                                                                     \
        ++seed;
#define CHECK(name) CHECK_PART(got->name, machine)
        MACHINE_NUMBERS(CHECK)
#undef CHECK
#define CHECK(name) CHECK_PART(got->name, service)
        SERVICE_NUMBERS(CHECK)
#undef CHECK
        for (unsigned int i = 0; i < 2; ++i) {
                const struct tb_source_status *source = i ? &got->taskstats : &got->connector;

#define CHECK(name) CHECK_PART(source->name, machine)
                LOSS_NUMBERS(CHECK)
#undef CHECK
#define CHECK(name) CHECK_PART(source->name, service)
                SOURCE_NUMBERS(CHECK)
#undef CHECK
        }
        assert(got->withheld == !service && got->machine_withheld == !machine);
}

static void test_status(bool machine, bool service) {
        const struct tb_message *message;
        const struct tb_status *got;
        Pair pair = pair_new_welcomed();

        send_status(&pair, machine, service);
        assert(tb_process(pair.client) == 0);
        assert(tb_next(pair.client, &message) == 1);
        assert(message->type == TB_MESSAGE_STATUS && message->request_id == 4);
        got = message->status;
        check_status_numbers(got, machine, service);
        assert(strcmp(got->broker_version, "9.9") == 0 && strcmp(got->kernel_release, "6.0") == 0);
        assert(got->taskstats_version == 12);
        assert(got->delay_accounting == TB_DELAY_ACCOUNTING_UNKNOWN);
        assert(got->events[TB_KIND_EXIT] == (service ? 30 : 0) && got->events[TB_KIND_LOSS] == (service ? 31 : 0));
        assert(got->events[TB_KIND_FORK] == 0);
        assert(got->n_events > TB_KIND_LOSS && got->n_events < 1000);
        pair_free(&pair);
}

int main(void) {
        for (int parts = 0; parts < 4; ++parts)
                test_status(parts & 1, parts & 2);
        return 0;
}
