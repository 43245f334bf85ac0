/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The frame around a batch, written by hand, against protobuf-c's own; and the replies. */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "tests/unit/pb.h"

/* One encoded event whose name has @n_comm bytes, longer than any that the broker makes. */
static size_t event_of(uint8_t *data, size_t n_comm) {
        uint8_t prefix[2][FRAME_PREFIX_MAX];
        size_t n[2], i = 0;

        n[0] = frame_prefix(prefix[0], (uint32_t)n_comm);
        n[1] = frame_prefix(prefix[1], (uint32_t)(1 + n[0] + n_comm));
        data[i++] = 3 << 3 | 2;
        memcpy(data + i, prefix[1], n[1]);
        i += n[1];
        data[i++] = 15 << 3 | 2; /* Event.comm */
        memcpy(data + i, prefix[0], n[0]);
        i += n[0];
        memset(data + i, 'x', n_comm);
        return i + n_comm;
}

static void check_batch(uint64_t first_number, int64_t offset_ns, size_t n_comm) {
        uint8_t *frame = malloc(ENCODED_BATCH_HEADER_MAX + n_comm + 32), *packed;
        PB(ServerMessage) *message;
        size_t n, n_events, n_packed;

        assert(frame);
        n_events = event_of(frame + ENCODED_BATCH_HEADER_MAX, n_comm);
        {
                uint8_t header[ENCODED_BATCH_HEADER_MAX];

                n = encode_batch_header(first_number, offset_ns, n_events, header);
                assert(n <= sizeof(header));
                memmove(frame + n, frame + ENCODED_BATCH_HEADER_MAX, n_events);
                memcpy(frame, header, n);
        }
        message = frame_unpack(frame, n + n_events);
        assert(message->event_batch->first_number == first_number);
        assert(message->event_batch->realtime_offset_ns == offset_ns);
        assert(message->event_batch->n_events == 1);
        assert(message->event_batch->events[0]->comm.len == n_comm);

        /* protobuf-c leaves out an offset of 0, and is else the same to the byte */
        if (offset_ns != 0) {
                uint8_t prefix[FRAME_PREFIX_MAX];
                size_t n_prefix;

                n_packed = taskbroker__v1__server_message__get_packed_size(message);
                packed = malloc(n_packed);
                assert(packed);
                assert(taskbroker__v1__server_message__pack(message, packed) == n_packed);
                n_prefix = frame_prefix(prefix, (uint32_t)n_packed);
                assert(n_prefix + n_packed == n + n_events);
                assert(memcmp(frame, prefix, n_prefix) == 0);
                assert(memcmp(frame + n_prefix, packed, n_packed) == 0);
                free(packed);
        }
        message_free(message);
        free(frame);
}

static void test_batch_header(void) {
        static const uint64_t numbers[] = { 1, 127, 128, 16383, 16384, UINT32_MAX, 1ull << 32, 1ull << 63, UINT64_MAX };
        static const int64_t offsets[] = { 0, 1, -1, 1763870000123456789, INT64_MIN, INT64_MAX };
        static const size_t lengths[] = { 1, 50, 95, 4000, 16300, 65000, 900000 };

        for (size_t i = 0; i < ARRAY_SIZE(numbers); ++i)
                for (size_t k = 0; k < ARRAY_SIZE(offsets); ++k)
                        for (size_t l = 0; l < ARRAY_SIZE(lengths); ++l)
                                check_batch(numbers[i], offsets[k], lengths[l]);
        /* through every length where a prefix grows */
        for (size_t n = 60; n < 160; ++n)
                check_batch(1, 5, n);
        for (size_t n = 16330; n < 16400; ++n)
                check_batch(300, 5, n);
}

static const KernelFeatures kernel_features = {
        .release = "6.18.44-test",
        .taskstats_version = 16,
        .delay_accounting = DELAY_ACCOUNTING_ON,
};

static void test_welcome(void) {
        static const char *const features[] = { "snapshot", "resume", "filter", "programs",
                                                "access",   "stats",  "sample", "streams",
                                                "restart",  "ping",   "client", "groups" };
        BrokerStatus status = {
                .epoch = 0xfedcba9876543210,
                .start_time_ns = 1763870000123456789,
                .time_offset_ns = -77,
                .features = &kernel_features,
        };
        uint8_t frame[ENCODED_REPLY_MAX];
        PB(ServerMessage) *message = frame_unpack(frame, encode_welcome(&status, ACCESS_OWN, 1000, frame));
        const PB(Welcome) *welcome = message->welcome;

        assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME);
        assert(welcome->protocol == 1);
        assert(welcome->epoch == status.epoch && welcome->start_time_ns == status.start_time_ns);
        assert(welcome->realtime_offset_ns == -77);
        assert(strcmp(welcome->broker_version, TASKBROKER_VERSION) == 0);
        assert(strcmp(welcome->kernel_release, "6.18.44-test") == 0);
        assert(welcome->taskstats_version == 16);
        assert(welcome->access == TASKBROKER__V1__ACCESS__ACCESS_OWN && welcome->uid == 1000);
        assert(welcome->delay_accounting == TASKBROKER__V1__DELAY_ACCOUNTING__DELAY_ACCOUNTING_ON);
        assert(welcome->max_server_message_bytes == 1048576);
        assert(welcome->max_client_message_bytes == 65536);
        assert(welcome->n_features == ARRAY_SIZE(features));
        for (size_t i = 0; i < ARRAY_SIZE(features); ++i)
                assert(strcmp(welcome->features[i], features[i]) == 0);
        message_free(message);
}

static void test_subscribed(void) {
        for (int resumed = 0; resumed < 2; ++resumed) {
                uint8_t frame[ENCODED_REPLY_MAX];
                Filter filter = { .n_pids = resumed ? 2 : 0 };
                FilterStarts starts = { .pids = { 0, 70 + (uint64_t)clock_boot_epoch_ns() } };
                PB(ServerMessage) *message =
                        frame_unpack(frame, encode_subscribed(5, UINT64_MAX, 7, resumed, &filter, &starts, frame));

                assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED);
                assert(message->subscribed->request_id == 5);
                assert(message->subscribed->feed == UINT64_MAX);
                assert(message->subscribed->next_number == 7);
                assert(message->subscribed->resumed == resumed);
                assert(!message->subscribed->starts == !resumed);
                assert(!resumed || message->subscribed->starts->n_pids == 2);
                assert(!resumed || message->subscribed->starts->pids[0] == 0);
                assert(!resumed || message->subscribed->starts->pids[1] == 70);
                message_free(message);
        }
}

static void test_error(void) {
        uint8_t frame[ENCODED_REPLY_MAX];
        PB(ServerMessage) *message;

        message = frame_unpack(frame, encode_error(&(EncodedError){ .request_id = 9,
                                                                    .code = ERROR_BAD_VALUE,
                                                                    .message = "No.",
                                                                    .field = "subscribe.kinds" },
                                                   frame));
        assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR);
        assert(message->error->request_id == 9);
        assert(message->error->code == TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE);
        assert(strcmp(message->error->message, "No.") == 0);
        assert(strcmp(message->error->field, "subscribe.kinds") == 0);
        assert(!message->error->closing && message->error->lost == 0);
        message_free(message);

        message = frame_unpack(
                frame,
                encode_error(
                        &(EncodedError){
                                .code = ERROR_FELL_BEHIND,
                                .message = "",
                                .closing = true,
                                .lost = 1ull << 40,
                        },
                        frame));
        assert(message->error->code == TASKBROKER__V1__ERROR_CODE__ERROR_CODE_FELL_BEHIND);
        assert(message->error->field[0] == 0);
        assert(message->error->closing && message->error->lost == 1ull << 40);
        message_free(message);
}

/* The numbers of errors are equal in the broker and on the wire. */
static void test_error_codes(void) {
        static const struct {
                ErrorCode ours;
                PB(ErrorCode) wire;
        } rows[] = {
#define CODE(name) { ERROR_##name, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_##name }
                CODE(BAD_FRAME),     CODE(TOO_LARGE), CODE(BAD_MESSAGE), CODE(UNKNOWN_FIELD), CODE(BAD_VALUE),
                CODE(LIMIT),         CODE(FELL_BEHIND), CODE(TIMEOUT),   CODE(STOPPING),
                CODE(UNREAD_REPLIES), CODE(RESUME_IMPOSSIBLE),
#undef CODE
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert((int)rows[i].ours == (int)rows[i].wire);
                /* A kind has the number of its member, too. */
#define KIND(NAME, name, number, kernel, task_at, parse, member, wire, WIRE, ...)                                      \
        assert((int)EVENT_##NAME == (int)TASKBROKER__V1__EVENT_KIND__EVENT_KIND_##WIRE);                               \
        assert((int)EVENT_##NAME == (int)TASKBROKER__V1__EVENT__KIND_##WIRE);
        EVENT_KINDS(KIND)
#undef KIND
#define GROUP(group, GROUP, number) assert((number) == TASKBROKER__V1__STATS_GROUP__STATS_GROUP_##GROUP);
        TASKSTATS_GROUPS(GROUP)
#undef GROUP
}

static void check_source(const PB(SourceLosses) * losses, const PB(SourceStatus) * m, uint64_t base) {
        assert(m->received == base + 1 && losses->lost == base + 2 && m->dropped == base + 3);
        assert(m->truncated == base + 4 && m->malformed == base + 5 && m->foreign == base + 6);
        assert(losses->muted == base + 7 && losses->repaired == base + 8 && m->receive_buffer_bytes == base + 9);
}

static const BrokerStatus some_status = {
        .epoch = 11,
        .start_time_ns = 12,
        .uptime_ns = 13,
        .features = &kernel_features,
        .connector = { 101, 102, 103, 104, 105, 106, 107, 108, 109 },
        .taskstats = { 201, 202, 203, 204, 205, 206, 207, 208, 209 },
        .live_tasks = 21,
        .live_processes = 22,
        .feeds = 23,
        .subscribers = 24,
        .connections = 25,
        .feed_bytes = 26,
        .reader_lost = 27,
        .closed_for_errors = 28,
        .closed_for_strict = 29,
        .refused_connections = 30,
        .unmatched_stats = 31,
        .synthesised_exits = 32,
        .broker_cpu_ns = 33,
        .synthesised_forks = 34,
        .programs_captured = 35,
        .programs_late = 36,
        .programs_skipped = 37,
        .snapshots = 38,
        .snapshot_subscribers = 39,
        .resumed = 40,
        .table_bytes = 41,
};

/* Kinds without an event are left out. */
static void check_status_events(const PB(ServiceStatus) * s) {
        assert(s->n_events == _EVENT_KIND_N - 1 - (_EVENT_KIND_N - 1) / 3);
        for (size_t i = 0, kind = 1; kind < _EVENT_KIND_N; ++kind) {
                if (kind % 3 == 0)
                        continue;
                assert(s->events[i]->kind == (PB(EventKind))kind && s->events[i]->count == 1000 + kind);
                ++i;
        }
}

static void test_status(void) {
        BrokerStatus status = some_status;
        uint8_t frame[ENCODED_REPLY_MAX];
        PB(ServerMessage) *message;
        const PB(BrokerStatus) * s;

        message = frame_unpack(frame, encode_status(1, &status, frame));
        assert(message->broker_status->service->n_events == 0);
        message_free(message);

        for (int kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind)
                status.events[kind] = kind % 3 == 0 ? 0 : 1000 + (uint64_t)kind;
        message = frame_unpack(frame, encode_status(5, &status, frame));
        s = message->broker_status;
        assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS);
        assert(s->request_id == 5);
        assert(strcmp(s->broker_version, TASKBROKER_VERSION) == 0 && strcmp(s->kernel_release, "6.18.44-test") == 0);
        assert(s->epoch == 11 && s->start_time_ns == 12 && s->uptime_ns == 13);
        assert(s->taskstats_version == 16);
        assert(s->delay_accounting == TASKBROKER__V1__DELAY_ACCOUNTING__DELAY_ACCOUNTING_ON);
        check_source(s->machine->connector, s->service->connector, 100);
        check_source(s->machine->taskstats, s->service->taskstats, 200);
        check_status_events(s->service);
        assert(s->machine->live_tasks == 21 && s->machine->live_processes == 22 && s->service->feeds == 23 &&
               s->subscribers == 24);
        assert(s->connections == 25 && s->service->feed_bytes == 26 && s->service->reader_lost == 27 &&
               s->service->closed_for_errors == 28);
        assert(s->service->closed_for_strict == 29 && s->service->refused_connections == 30 &&
               s->service->unmatched_stats == 31);
        assert(s->service->synthesised_exits == 32 && s->service->broker_cpu_ns == 33 &&
               s->service->synthesised_forks == 34);
        assert(s->service->programs_captured == 35 && s->service->programs_late == 36 &&
               s->service->programs_skipped == 37);
        assert(s->service->snapshots == 38 && s->service->snapshot_subscribers == 39 && s->service->resumed == 40 &&
               s->service->table_bytes == 41);
        message_free(message);
}

/* A part that is withheld is absent, whatever the counters are. */
static void test_status_withheld(void) {
        uint8_t frame[ENCODED_REPLY_MAX];

        for (int parts = 0; parts < 4; ++parts) {
                BrokerStatus status = some_status;
                PB(ServerMessage) * message;

                status.withheld = parts & 1;
                status.machine_withheld = parts & 2;
                message = frame_unpack(frame, encode_status(1, &status, frame));
                assert(!message->broker_status->service == !!(parts & 1));
                assert(!message->broker_status->machine == !!(parts & 2));
                assert(message->broker_status->subscribers == 24 && message->broker_status->connections == 25);
                message_free(message);
        }
}

/* The largest status, and a release as long as there is room for one. */
static void test_largest_replies(void) {
        KernelFeatures large_features = { .taskstats_version = UINT16_MAX };
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;

        memset(large_features.release, 'r', sizeof(large_features.release) - 1);
        memset(&status, 0xff, sizeof(status));
        status.withheld = status.machine_withheld = false;
        status.features = &large_features;
        status.n_clients = STATUS_CLIENTS_MAX;
        for (size_t i = 0; i < STATUS_CLIENTS_MAX; ++i) {
                status.clients[i].info.name[CLIENT_INFO_TEXT - 1] = 0;
                status.clients[i].info.version[CLIENT_INFO_TEXT - 1] = 0;
        }
        message_free(frame_unpack(frame, encode_status(UINT64_MAX, &status, frame)));
        message_free(frame_unpack(frame, encode_welcome(&status, ACCESS_ALL, UINT32_MAX, frame)));
}

int main(void) {
        test_batch_header();
        test_welcome();
        test_subscribed();
        test_error();
        test_error_codes();
        test_status();
        test_status_withheld();
        test_largest_replies();
        return 0;
}
