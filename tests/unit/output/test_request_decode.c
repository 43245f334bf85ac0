/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Requests: what is understood, and everything that is refused, with its code and its field. */

#include "tests/unit/request_rig.h"

static void test_status(void) {
        EncodedError error;
        Request request;

        wrap(77, 3);
        assert(decode(&request, &error) == 0);
        assert(request.id == 77 && request.type == REQUEST_STATUS);

        wrap(0, 3);
        assert(decode(&request, &error) == 0);
        assert(request.id == 0 && request.type == REQUEST_STATUS);

        wrap(UINT64_MAX, 3);
        assert(decode(&request, &error) == 0);
        assert(request.id == UINT64_MAX);
}

static void test_ping(void) {
        EncodedError error;
        Request request;

        wrap(9, 9);
        assert(decode(&request, &error) == 0);
        assert(request.id == 9 && request.type == REQUEST_PING && !request.has_client);

        add_number(1, 1);
        wrap(9, 9);
        check_refused(9, ERROR_UNKNOWN_FIELD, true, "ping");
}

/* Adds a member `client` behind a request. */
static void add_client(const char *name, size_t n_name, const char *version) {
        uint8_t body[256];
        size_t n = bytes.n, n_body;

        add_bytes(1, name, n_name);
        if (version)
                add_bytes(2, version, strlen(version));
        n_body = bytes.n - n;
        memcpy(body, bytes.data + n, n_body);
        bytes.n = n;
        add_bytes(15, body, n_body);
}

static void test_client(void) {
        char text[] = "0123456789012345678901234567890123456789012345678901234567890123";
        EncodedError error;
        Request request;

        /* with any request */
        wrap(1, 3);
        add_client("htop", 4, "3.2.2");
        assert(decode(&request, &error) == 0);
        assert(request.type == REQUEST_STATUS && request.has_client);
        assert(!strcmp(request.client.name, "htop") && !strcmp(request.client.version, "3.2.2"));
        wrap(1, 2);
        add_client(text, 63, NULL);
        assert(decode(&request, &error) == 0);
        assert(request.type == REQUEST_SUBSCRIBE && strlen(request.client.name) == 63 && !*request.client.version);

        wrap(2, 3);
        add_client(text, 64, NULL);
        check_refused(2, ERROR_BAD_VALUE, false, "client.name");
        wrap(2, 3);
        add_client("\xff", 1, NULL);
        check_refused(2, ERROR_BAD_VALUE, false, "client.name");
        wrap(2, 3);
        add_client("a", 1, "\x1b[31m");
        check_refused(2, ERROR_BAD_VALUE, false, "client.version");
        wrap(2, 3);
        add_client("a", 1, text);
        check_refused(2, ERROR_BAD_VALUE, false, "client.version");

        /* a field of the future; a name without a request */
        wrap(3, 3);
        add_bytes(15, (uint8_t[]){ 3 << 3, 1 }, 2);
        check_refused(3, ERROR_UNKNOWN_FIELD, true, "client");
        add_number(1, 4);
        add_client("a", 1, NULL);
        check_refused(4, ERROR_BAD_MESSAGE, true, NULL);
}

static void test_subscribe_defaults(void) {
        Subscription subscription;

        wrap(1, 2);
        subscription = check_subscribe(1);
        assert(subscription.key.kinds ==
               (EVENT_BIT(EVENT_FORK) | EVENT_BIT(EVENT_EXEC) | EVENT_BIT(EVENT_EXIT) | ALWAYS));
        assert(!subscription.key.threads && !subscription.strict && subscription.max_delay_ms == 0);
        assert(!subscription.key.programs && !subscription.snapshot && !subscription.has_resume);
        assert(filter_matches_all(&subscription.key.filter));
}

/* All groups, some, or by the bit of no group none. */
static void test_subscribe_groups(void) {
        const struct {
                uint32_t wire, left_out;
        } rows[] = {
                { 0, 0 },
                { STATS_CPU | STATS_IO, STATS_ALL_GROUPS & ~(uint32_t)(STATS_CPU | STATS_IO) },
                { STATS_CPU | STATS_NO_GROUP, STATS_ALL_GROUPS & ~(uint32_t)STATS_CPU },
                { STATS_ALL_GROUPS, 0 },
                { STATS_NO_GROUP, STATS_ALL_GROUPS },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                if (rows[i].wire)
                        add_number(10, rows[i].wire);
                wrap(1, 2);
                assert(check_subscribe(1).key.left_out == rows[i].left_out);
        }
        add_number(10, STATS_CPU | 1u << 30);
        wrap(1, 2);
        check_refused(1, ERROR_BAD_VALUE, false, "subscribe.groups");
}

/* Packed by protobuf-c, as other libraries would. */
static void test_subscribe_all(void) {
        PB(EventKind) kinds[] = { TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COREDUMP,
                                  TASKBROKER__V1__EVENT_KIND__EVENT_KIND_FORK };
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Subscription subscription;

        subscribe.kinds = kinds;
        subscribe.n_kinds = 2;
        subscribe.threads = true;
        subscribe.strict = true;
        subscribe.max_delay_ms = 60000;
        subscribe.snapshot = true;
        subscribe.programs = true;
        message.request_id = 5;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        bytes.n = taskbroker__v1__client_message__pack(&message, bytes.data);
        subscription = check_subscribe(5);
        assert(subscription.key.kinds == (EVENT_BIT(EVENT_COREDUMP) | EVENT_BIT(EVENT_FORK) | ALWAYS));
        assert(subscription.key.threads && subscription.strict && subscription.max_delay_ms == 60000);
        assert(subscription.key.programs && subscription.snapshot && !subscription.has_resume);
        assert(filter_matches_all(&subscription.key.filter));
}

static void test_every_kind(void) {
        uint32_t all = 0;

        for (uint32_t kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                /* one alone, as a field of its own */
                add_number(1, kind);
                wrap(kind, 2);
                assert(check_subscribe(kind).key.kinds == (EVENT_BIT(kind) | ALWAYS));
                /* the kinds can also be packed, and the same kind can be named three times */
                add_bytes(1, (uint8_t[]){ (uint8_t)kind, (uint8_t)kind, (uint8_t)kind }, 3);
                wrap(kind, 2);
                assert(check_subscribe(kind).key.kinds == (EVENT_BIT(kind) | ALWAYS));
                all |= EVENT_BIT(kind);
        }
        for (uint32_t kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind)
                add_number(1, kind);
        wrap(1, 2);
        assert(check_subscribe(1).key.kinds == all);
}

static void test_bad_values(void) {
        static const uint64_t kinds[] = {0,   EVENT_KINDS_N, 31,         32,         33,
                                         127, 1u << 31,      UINT32_MAX, UINT64_MAX, UINT64_MAX - 5};
        static const uint64_t delays[] = { 60001, 1u << 31, UINT32_MAX };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); ++i) {
                add_number(1, EVENT_FORK);
                add_number(1, kinds[i]);
                wrap(9, 2);
                check_refused(9, ERROR_BAD_VALUE, false, "subscribe.kinds");
        }
        for (size_t i = 0; i < ARRAY_SIZE(delays); ++i) {
                add_number(3, delays[i]);
                wrap(9, 2);
                check_refused(9, ERROR_BAD_VALUE, false, "subscribe.max_delay_ms");
        }
        add_number(3, 60000);
        wrap(9, 2);
        assert(check_subscribe(9).max_delay_ms == 60000);
}

static Request check_decoded(uint64_t id, RequestType type) {
        EncodedError error;
        Request request;

        assert(decode(&request, &error) == 0);
        assert(request.id == id && request.type == type);
        return request;
}

static void test_sample(void) {
        static const uint64_t intervals[] = { 0, 1, 99, 60001, UINT32_MAX };
        static const uint64_t groups[] = { 1, 1u << 31, STATS_CPU | 1u << 30 };
        Request request;

        add_number(1, 100);
        wrap(5, 5);
        request = check_decoded(5, REQUEST_SAMPLE);
        assert(request.sampling.interval_ms == 100 && !request.subscription.key.threads);
        assert(filter_matches_all(&request.subscription.key.filter));
        /* all that there are */
        assert(request.sampling.groups & STATS_CPU && request.sampling.groups & STATS_DELAYS &&
               !(request.sampling.groups & 1));

        add_number(1, 60000);
        add_number(2, 2);
        add_bytes(3, (uint8_t[]){ 1 << 3, 7 }, 2);
        add_number(4, STATS_CPU | STATS_IO);
        wrap(5, 5);
        request = check_decoded(5, REQUEST_SAMPLE);
        assert(request.sampling.interval_ms == 60000 && request.sampling.groups == (STATS_CPU | STATS_IO));
        assert(request.subscription.key.threads && !filter_matches_all(&request.subscription.key.filter));

        for (size_t i = 0; i < ARRAY_SIZE(intervals); ++i) {
                add_number(1, intervals[i]);
                wrap(5, 5);
                check_refused(5, ERROR_BAD_VALUE, false, "subscribe_samples.interval_ms");
        }
        for (size_t i = 0; i < ARRAY_SIZE(groups); ++i) {
                add_number(1, 100);
                add_number(4, groups[i]);
                wrap(5, 5);
                check_refused(5, ERROR_BAD_VALUE, false, "subscribe_samples.groups");
        }
        for (uint64_t scope = 3; scope < UINT32_MAX; scope *= 3) {
                add_number(1, 100);
                add_number(2, scope);
                wrap(5, 5);
                check_refused(5, ERROR_BAD_VALUE, false, "subscribe_samples.scope");
        }
        /* the kernel reports the processor of events alone */
        add_number(1, 100);
        add_bytes(3, (uint8_t[]){ 6 << 3 | 2, 1, '0' }, 3);
        wrap(5, 5);
        check_refused(5, ERROR_BAD_VALUE, false, "subscribe_samples.filter.cpus");
        add_number(1, 100);
        add_number(9, 1);
        wrap(5, 5);
        check_refused(5, ERROR_UNKNOWN_FIELD, true, "subscribe_samples");
}

static void test_stats(void) {
        Request request;

        for (uint8_t i = 1; i <= 100; ++i)
                add_number(1, i);
        for (uint8_t i = 1; i <= 28; ++i)
                add_number(2, 200u + i);
        wrap(5, 4);
        request = check_decoded(5, REQUEST_STATS);
        assert(request.stats.n_pids == 100 && request.stats.n_tids == 28);
        for (uint32_t i = 0; i < 100; ++i)
                assert(request.stats.pids[i] == i + 1);
        for (uint32_t i = 0; i < 28; ++i)
                assert(request.stats.tids[i] == 201 + i);

        wrap(5, 4);
        check_refused(5, ERROR_BAD_VALUE, false, "get_task_stats.pids");
        for (uint8_t i = 0; i < 129; ++i)
                add_number(1, 1);
        wrap(5, 4);
        check_refused(5, ERROR_BAD_VALUE, false, "get_task_stats.pids");
        for (uint8_t i = 0; i < 128; ++i)
                add_number(1, 1);
        add_number(2, 1);
        wrap(5, 4);
        check_refused(5, ERROR_BAD_VALUE, false, "get_task_stats.tids");
        add_number(1, 1);
        add_number(9, 1);
        wrap(5, 4);
        check_refused(5, ERROR_UNKNOWN_FIELD, true, "get_task_stats");
}

/* On every level, of every wire type. */
static void test_unknown_fields(void) {
        static const uint32_t numbers[] = { 14, 16, 17, 1000, 536870911 };

        for (size_t i = 0; i < ARRAY_SIZE(numbers); ++i) {
                for (uint32_t wire_type = 0; wire_type <= 5; ++wire_type) {
                        for (int level = 0; level < 3; ++level) {
                                if (wire_type == 3 || wire_type == 4)
                                        continue; /* groups: no protobuf-c reads them */
                                if (level == 0)
                                        wrap(7, 3);
                                add_field(numbers[i], wire_type);
                                if (wire_type == 2)
                                        add_varint(3);
                                memset(bytes.data + bytes.n, 1, 8);
                                bytes.n += wire_type == 0 ? 1 : wire_type == 1 ? 8 : wire_type == 2 ? 3 : 4;
                                if (level > 0)
                                        wrap(7, level == 1 ? 2 : 3);
                                check_refused(7, ERROR_UNKNOWN_FIELD, true,
                                              level == 0   ? NULL
                                              : level == 1 ? "subscribe"
                                                           : "get_broker_status");
                        }
                }
        }

        /* in the starts of a Subscribe */
        add_number(14, 1);
        wrap(0, 9);
        wrap(7, 2);
        check_refused(7, ERROR_UNKNOWN_FIELD, true, "subscribe.starts");
        /* a request of the future */
        wrap(7, 14);
        check_refused(7, ERROR_UNKNOWN_FIELD, true, NULL);
        /* a known field of another wire type is not known */
        add_number(2, 1);
        add_number(1, 7);
        {
                EncodedError error;
                Request request;

                assert(decode(&request, &error) == REQUEST_E_REFUSED);
                assert(error.closing);
        }
}

static void test_no_request(void) {
        check_refused(0, ERROR_BAD_MESSAGE, true, NULL);
        add_number(1, 7);
        check_refused(7, ERROR_BAD_MESSAGE, true, NULL);
}

static void test_not_a_message(void) {
        static const struct {
                size_t n;
                uint8_t data[12];
        } rows[] = {
                { 1, { 0xff } },
                { 1, { 0x08 } },                                       /* a field without its value */
                { 2, { 0x12, 0x05 } },                                 /* longer than what there is */
                { 3, { 0x12, 0x01, 0xff } },                           /* rubbish inside */
                { 11, { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
                { 2, { 0x00, 0x01 } },                                 /* field 0 */
                { 2, { 0x0b, 0x0c } },                                 /* groups */
                { 6, { 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f } },
                { 2, { 0x0f, 0x01 } },                                 /* wire type 7 */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                memcpy(bytes.data, rows[i].data, rows[i].n);
                bytes.n = rows[i].n;
                check_refused(0, ERROR_BAD_MESSAGE, true, NULL);
        }
}

/* A request given twice is one whose fields are merged, as protobuf says; two different ones are the last. */
static void test_given_twice(void) {
        static uint8_t first[64];
        Subscription subscription;
        EncodedError error;
        Request request;
        size_t n;

        add_number(3, 250);
        wrap(3, 2);
        n = bytes.n;
        memcpy(first, bytes.data, n);
        bytes.n = 0;
        add_number(2, 1);
        wrap(0, 2);
        memmove(bytes.data + n, bytes.data, bytes.n);
        memcpy(bytes.data, first, n);
        bytes.n += n;
        subscription = check_subscribe(3);
        assert(subscription.key.threads);

        memcpy(bytes.data, first, n);
        bytes.n = n;
        add_bytes(3, NULL, 0);
        assert(decode(&request, &error) == 0 && request.type == REQUEST_STATUS && request.id == 3);
}

/* The decoder's memory comes from the arena for any request of 64 KiB, or the request is refused. */
static void test_arena(void) {
        /* nothing but unknown fields, two bytes each */
        for (size_t i = 0; i < 32768; ++i)
                add_number(14, 1);
        assert(bytes.n == FRAME_MAX_FROM_CLIENT);
        check_refused(0, ERROR_BAD_MESSAGE, true, NULL);

        for (size_t i = 0; i < 100; ++i)
                add_number(14, 1);
        check_refused(0, ERROR_UNKNOWN_FIELD, true, NULL);

        /* kinds without end: named often enough, they are still the same kinds, or too many */
        for (size_t i = 0; i < 30000; ++i)
                add_number(1, 1 + i % 10);
        wrap(0, 2);
        {
                EncodedError error;
                Request request;
                int r = decode(&request, &error);

                assert(r == 0 || (r == REQUEST_E_REFUSED && error.code == ERROR_BAD_MESSAGE && error.closing));
        }
        {
                static uint8_t kinds[65000];
                EncodedError error;
                Request request;

                memset(kinds, 2, sizeof(kinds));
                add_bytes(1, kinds, sizeof(kinds));
                wrap(0, 2);
                assert(decode(&request, &error) == 0);
                assert(request.subscription.key.kinds == (EVENT_BIT(EVENT_EXEC) | ALWAYS));
        }

        /* requests within a request's field, again and again */
        for (size_t i = 0; i < 16384; ++i)
                add_bytes(2, "\x10\x01", i % 2 ? 2 : 0);
        {
                EncodedError error;
                Request request;

                (void)decode(&request, &error);
        }
        /* one unknown field with all there is room for */
        {
                static uint8_t rubbish[65000];

                add_bytes(14, rubbish, sizeof(rubbish));
                check_refused(0, ERROR_UNKNOWN_FIELD, true, NULL);
        }
}

static void test_cut_anywhere(void) {
        static uint8_t whole[64];
        size_t n;

        add_bytes(1, "\x01\x02\x03", 3);
        add_number(2, 1);
        add_number(3, 250);
        add_number(4, 1);
        wrap(123456, 2);
        n = bytes.n;
        memcpy(whole, bytes.data, n);
        for (size_t i = 0; i < n; ++i) {
                EncodedError error;
                Request request;
                int r;

                memcpy(bytes.data, whole, i);
                bytes.n = i;
                r = decode(&request, &error);
                assert(r == REQUEST_E_REFUSED && error.code == ERROR_BAD_MESSAGE);
        }
}

static void test_noise(void) {
        uint64_t state = 0xdeadbeefcafe;

        for (int i = 0; i < 50000; ++i) {
                EncodedError error;
                Request request;

                bytes.n = random_below(&state, 40);
                for (size_t k = 0; k < bytes.n; ++k)
                        bytes.data[k] = (uint8_t)(random_next(&state) >> (k % 3 ? 4 : 0)) & (i % 2 ? 0xff : 0x1f);
                if (decode(&request, &error))
                        assert(error.message && error.code);
                else
                        assert(request.type == REQUEST_STATUS || (request.subscription.key.kinds & ALWAYS));
        }
}

int main(void) {
        test_status();
        test_ping();
        test_client();
        test_subscribe_defaults();
        test_subscribe_groups();
        test_subscribe_all();
        test_every_kind();
        test_bad_values();
        test_sample();
        test_stats();
        test_unknown_fields();
        test_no_request();
        test_not_a_message();
        test_given_twice();
        test_arena();
        test_cut_anywhere();
        test_noise();
        return 0;
}
