/* SPDX-License-Identifier: Apache-2.0 */

/* Answers to requests, as frames: the generated structs, filled on the stack and packed into the caller's buffer. */

#include <assert.h>

#include "broker/base/util.h"
#include "broker/output/encode_parts.h"

static size_t message_frame(const PB(ServerMessage) *m, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        size_t n_message = taskbroker__v1__server_message__get_packed_size(m), n;

        assert(n_message > 0 && n_message + FRAME_PREFIX_MAX <= ENCODED_REPLY_MAX);
        n = frame_prefix(buffer, (uint32_t)n_message);
        return n + taskbroker__v1__server_message__pack(m, buffer + n);
}

size_t encode_welcome(const BrokerStatus *status, Access access, uint32_t uid,
                      uint8_t buffer[static ENCODED_REPLY_MAX]) {
        static const char *const features[] = { "snapshot", "resume", "filter", "programs",
                                                "access",   "stats",  "sample", "streams",
                                                "restart",  "ping",   "client", "groups" };
        PB(Welcome) welcome = PB_INIT(WELCOME);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);

        welcome.protocol = 1;
        welcome.epoch = status->epoch;
        welcome.broker_version = (char *)TASKBROKER_VERSION;
        welcome.kernel_release = (char *)status->features->release;
        welcome.taskstats_version = status->features->taskstats_version;
        welcome.delay_accounting = (PB(DelayAccounting))status->features->delay_accounting;
        welcome.realtime_offset_ns = status->time_offset_ns;
        welcome.max_server_message_bytes = FRAME_MAX_FROM_BROKER;
        welcome.max_client_message_bytes = FRAME_MAX_FROM_CLIENT;
        welcome.start_time_ns = status->start_time_ns;
        welcome.boot_epoch_ns = clock_boot_epoch_ns();
        welcome.n_features = ARRAY_SIZE(features);
        welcome.features = (char **)features;
        welcome.access = (PB(Access))access;
        welcome.uid = uid;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME;
        m.welcome = &welcome;
        return message_frame(&m, buffer);
}

typedef struct StartsMessage StartsMessage;

/* A FilterStarts of the wire with its lists. */
struct StartsMessage {
        PB(FilterStarts) message;
        uint64_t pids[FILTER_PIDS_MAX];
        uint64_t subtrees[FILTER_SUBTREES_MAX];
};

/* Return: the message in @m; NULL if the filter has no numbers. */
static PB(FilterStarts) *encode_starts(StartsMessage *m, const Filter *filter, const FilterStarts *starts) {
        taskbroker__v1__filter_starts__init(&m->message);
        for (size_t i = 0; i < filter->n_pids; ++i)
                m->pids[i] = start_by_boot_clock(starts->pids[i]);
        for (size_t i = 0; i < filter->n_subtrees; ++i)
                m->subtrees[i] = start_by_boot_clock(starts->subtrees[i]);
        m->message.pids = m->pids;
        m->message.n_pids = filter->n_pids;
        m->message.subtrees = m->subtrees;
        m->message.n_subtrees = filter->n_subtrees;
        return filter->n_pids + filter->n_subtrees > 0 ? &m->message : NULL;
}

size_t encode_subscribed(uint64_t request_id,
                         uint64_t feed,
                         uint64_t next_number,
                         bool resumed,
                         const Filter *filter,
                         const FilterStarts *starts,
                         uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(Subscribed) subscribed = PB_INIT(SUBSCRIBED);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);
        StartsMessage storage;

        subscribed.request_id = request_id;
        subscribed.feed = feed;
        subscribed.next_number = next_number;
        subscribed.resumed = resumed;
        subscribed.starts = encode_starts(&storage, filter, starts);
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED;
        m.subscribed = &subscribed;
        return message_frame(&m, buffer);
}

size_t encode_snapshot_end(uint64_t number,
                           uint64_t tasks,
                           uint64_t time_ns,
                           uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(SnapshotEnd) end = PB_INIT(SNAPSHOT_END);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);

        end.number = number;
        end.task_count = tasks;
        end.time_ns = time_ns;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END;
        m.snapshot_end = &end;
        return message_frame(&m, buffer);
}

size_t encode_sampling(uint64_t request_id,
                       uint64_t next_number,
                       const Filter *filter,
                       const FilterStarts *starts,
                       uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(SubscribedSamples) sampling = PB_INIT(SUBSCRIBED_SAMPLES);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);
        StartsMessage storage;

        sampling.request_id = request_id;
        sampling.next_number = next_number;
        sampling.starts = encode_starts(&storage, filter, starts);
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED_SAMPLES;
        m.subscribed_samples = &sampling;
        return message_frame(&m, buffer);
}

size_t encode_named(const Filter *filter, const FilterStarts *starts, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(Named) named = PB_INIT(NAMED);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);
        StartsMessage storage;

        named.starts = encode_starts(&storage, filter, starts);
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_NAMED;
        m.named = &named;
        return message_frame(&m, buffer);
}

size_t encode_unsubscribed(uint64_t request_id, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(Unsubscribed) unsubscribed = PB_INIT(UNSUBSCRIBED);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);

        unsubscribed.request_id = request_id;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_UNSUBSCRIBED;
        m.unsubscribed = &unsubscribed;
        return message_frame(&m, buffer);
}

size_t encode_restarted(uint64_t request_id,
                        uint64_t feed,
                        uint64_t next_number,
                        uint64_t unsent,
                        const Filter *filter,
                        const FilterStarts *starts,
                        uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(Restarted) restarted = PB_INIT(RESTARTED);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);
        StartsMessage storage;

        restarted.request_id = request_id;
        restarted.feed = feed;
        restarted.next_number = next_number;
        restarted.unsent = unsent;
        restarted.starts = encode_starts(&storage, filter, starts);
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_RESTARTED;
        m.restarted = &restarted;
        return message_frame(&m, buffer);
}

size_t encode_sample_loss(uint64_t count, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(SampleLoss) loss = PB_INIT(SAMPLE_LOSS);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);

        loss.count = count;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_LOSS;
        m.sample_loss = &loss;
        return message_frame(&m, buffer);
}

size_t encode_pong(uint64_t request_id, uint64_t time_ns, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(Pong) pong = PB_INIT(PONG);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);

        pong.request_id = request_id;
        pong.time_ns = time_ns;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_PONG;
        m.pong = &pong;
        return message_frame(&m, buffer);
}

size_t encode_error(const EncodedError *error, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(Error) e = PB_INIT(ERROR);
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);

        e.request_id = error->request_id;
        e.code = (PB(ErrorCode))error->code;
        e.message = (char *)error->message;
        if (error->field)
                e.field = (char *)error->field;
        e.closing = error->closing;
        e.lost = error->lost;
        m.stream = error->stream;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        m.error = &e;
        return message_frame(&m, buffer);
}

typedef struct ClientsMessage ClientsMessage;

/* The list of programs of a BrokerStatus. */
struct ClientsMessage {
        PB(ClientCount) clients[STATUS_CLIENTS_MAX];
        PB(ClientCount) *pointers[STATUS_CLIENTS_MAX];
};

static void clients_fill(PB(BrokerStatus) * s, ClientsMessage *m, const BrokerStatus *status) {
        for (size_t i = 0; i < status->n_clients; ++i) {
                const ClientCount *count = &status->clients[i];

                taskbroker__v1__client_count__init(&m->clients[i]);
                m->clients[i].uid = count->uid;
                m->clients[i].name = (char *)count->info.name;
                m->clients[i].version = (char *)count->info.version;
                m->clients[i].connections = count->connections;
                m->clients[i].streams = count->streams;
                m->pointers[i] = &m->clients[i];
        }
        s->n_clients = status->n_clients;
        s->clients = m->pointers;
}

/* A BrokerStatus of the wire, with all that it can point to. */
typedef struct StatusMessage {
        PB(BrokerStatus) status;
        PB(MachineStatus) machine;
        PB(ServiceStatus) service;
        PB(SourceLosses) connector_losses, taskstats_losses;
        PB(SourceStatus) connector, taskstats;
        PB(KindCount) kinds[_EVENT_KIND_N], *kind_pointers[_EVENT_KIND_N];
        ClientsMessage clients;
} StatusMessage;

/* The part that has a counter, by its row's access; for sources, the two parts of one source. */
#define PART_ALL service
#define PART_MACHINE machine
#define PART_ANY status

/* A FLAG is not on the wire: a part that is withheld is absent. */
#define COPY_COUNT(to, from, name) (to).name = (from)->name;
#define COPY_BYTES(to, from, name) COPY_COUNT(to, from, name)
#define COPY_TIME(to, from, name) COPY_COUNT(to, from, name)
#define COPY_FLAG(to, from, name)

static void source_fill(PB(SourceLosses) * ret_losses, PB(SourceStatus) * ret_status, const SourceCounters *counters) {
        taskbroker__v1__source_losses__init(ret_losses);
        taskbroker__v1__source_status__init(ret_status);
#define SOURCE_ALL (*ret_status)
#define SOURCE_MACHINE (*ret_losses)
#define COPY(name, unit, access, ...) COPY_##unit(SOURCE_##access, counters, name)
        STATUS_SOURCE_COUNTERS(COPY)
#undef COPY
}

static void kinds_fill(StatusMessage *m, const BrokerStatus *status) {
        m->service.events = m->kind_pointers;
        for (int kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                PB(KindCount) *count = &m->kinds[m->service.n_events];

                if (status->events[kind] == 0)
                        continue;
                taskbroker__v1__kind_count__init(count);
                count->kind = (PB(EventKind))kind;
                count->count = status->events[kind];
                m->kind_pointers[m->service.n_events++] = count;
        }
}

/* Fills all parts, and leaves out those that are withheld. */
static void status_fill(StatusMessage *m, const BrokerStatus *status) {
        taskbroker__v1__broker_status__init(&m->status);
        taskbroker__v1__machine_status__init(&m->machine);
        taskbroker__v1__service_status__init(&m->service);
        source_fill(&m->connector_losses, &m->connector, &status->connector);
        source_fill(&m->taskstats_losses, &m->taskstats, &status->taskstats);
        kinds_fill(m, status);
        clients_fill(&m->status, &m->clients, status);
        m->machine.connector = &m->connector_losses;
        m->machine.taskstats = &m->taskstats_losses;
        m->service.connector = &m->connector;
        m->service.taskstats = &m->taskstats;
#define COPY(name, unit, access, ...) COPY_##unit(m->PART_##access, status, name)
        STATUS_COUNTERS(COPY)
#undef COPY
        m->status.machine = status->machine_withheld ? NULL : &m->machine;
        m->status.service = status->withheld ? NULL : &m->service;
}

size_t encode_status(uint64_t request_id, const BrokerStatus *status, uint8_t buffer[static ENCODED_REPLY_MAX]) {
        PB(ServerMessage) m = PB_INIT(SERVER_MESSAGE);
        StatusMessage message;
        PB(BrokerStatus) *s = &message.status;

        status_fill(&message, status);
        s->request_id = request_id;
        s->broker_version = (char *)TASKBROKER_VERSION;
        s->epoch = status->epoch;
        s->start_time_ns = status->start_time_ns;
        s->uptime_ns = status->uptime_ns;
        s->kernel_release = (char *)status->features->release;
        s->taskstats_version = status->features->taskstats_version;
        s->delay_accounting = (PB(DelayAccounting))status->features->delay_accounting;
        m.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS;
        m.broker_status = s;
        return message_frame(&m, buffer);
}
