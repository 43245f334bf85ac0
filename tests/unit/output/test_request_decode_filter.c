/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Subscriptions to a part of the machine, and those that go on: what is understood, and each limit with its field. */

#include "tests/unit/request_rig.h"

enum { UIDS = 1, PIDS = 2, SUBTREES = 3, COMMS = 4, CGROUPS = 5, CPUS = 6, NONZERO = 7 };

/* Makes the added fields the filter of a subscription. */
static void wrap_filter(void) {
        wrap(0, 7);
        wrap(9, 2);
}

static Filter decode_filter(void) {
        wrap_filter();
        return check_subscribe(9).key.filter;
}

static void check_filter_refused(const char *field) {
        wrap_filter();
        check_refused(9, ERROR_BAD_VALUE, false, field);
}

static void add_text(uint32_t number, const char *text) {
        add_bytes(number, text, strlen(text));
}

/* Packed by protobuf-c, as other libraries would. */
static void test_all_fields(void) {
        uint32_t uids[] = { 0, 1000, UINT32_MAX }, pids[] = { 1, 2 }, subtrees[] = { 4194303 };
        ProtobufCBinaryData comms[] = { { 4, (uint8_t *)"cc1*" }, { 3, (uint8_t *)"\xff[a" } };
        ProtobufCBinaryData cgroups[] = { { 13, (uint8_t *)"/system.slice" }, { 4, (uint8_t *)"/a/b" } };
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Filter got;

        filter.n_uids = 3;
        filter.uids = uids;
        filter.n_pids = 2;
        filter.pids = pids;
        filter.n_subtrees = 1;
        filter.subtrees = subtrees;
        filter.n_comms = 2;
        filter.comms = comms;
        filter.n_cgroups = 2;
        filter.cgroups = cgroups;
        filter.cpus = (char *)"0-1,64,8191";
        filter.nonzero = true;
        subscribe.filter = &filter;
        message.request_id = 5;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        bytes.n = taskbroker__v1__client_message__pack(&message, bytes.data);
        got = check_subscribe(5).key.filter;
        assert(got.n_uids == 3 && got.uids[0] == 0 && got.uids[1] == 1000 && got.uids[2] == UINT32_MAX);
        assert(got.n_pids == 2 && got.pids[0] == 1 && got.pids[1] == 2);
        assert(got.n_subtrees == 1 && got.subtrees[0] == 4194303);
        assert(got.n_comms == 2 && !strcmp(got.comms[0], "cc1*") && !strcmp(got.comms[1], "\xff[a"));
        assert(got.n_cgroups == 2 && !strcmp(got.cgroups[0], "/system.slice") && !strcmp(got.cgroups[1], "/a/b"));
        assert(got.has_cpus && got.nonzero && !filter_matches_all(&got));
        assert(got.cpus[0] == 3 && got.cpus[1] == 1 && got.cpus[127] == 1ull << 63);
}

/* Each field alone makes a filter. A filter without fields passes all tasks. */
static void test_one_field(void) {
        Filter filter = decode_filter();

        assert(filter_matches_all(&filter));
        for (uint32_t number = UIDS; number <= NONZERO; ++number) {
                if (number == COMMS || number == CGROUPS || number == CPUS)
                        add_text(number, number == COMMS ? "a" : number == CGROUPS ? "/a" : "0");
                else
                        add_number(number, 1);
                filter = decode_filter();
                assert(!filter_matches_all(&filter));
                assert(filter.n_uids == (number == UIDS) && filter.n_pids == (number == PIDS));
                assert(filter.n_subtrees == (number == SUBTREES) && filter.n_comms == (number == COMMS));
                assert(filter.n_cgroups == (number == CGROUPS));
                assert(filter.has_cpus == (number == CPUS) && filter.nonzero == (number == NONZERO));
        }
        /* a field with its default value counts as absent */
        add_number(NONZERO, 0);
        add_text(CPUS, "");
        filter = decode_filter();
        assert(filter_matches_all(&filter));
}

/* As many as are allowed, and one more. */
static void test_counts(void) {
        static const struct {
                uint32_t number, n_max;
                const char *field;
        } rows[] = {
                { UIDS, 64, "subscribe.filter.uids" },       { PIDS, 64, "subscribe.filter.pids" },
                { SUBTREES, 16, "subscribe.filter.subtrees" }, { COMMS, 16, "subscribe.filter.comms" },
                { CGROUPS, 8, "subscribe.filter.cgroups" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                for (uint32_t extra = 0; extra < 3; ++extra) {
                        for (uint32_t k = 0; k < rows[i].n_max + extra * extra * 100; ++k) {
                                char text[16];

                                snprintf(text, sizeof(text), "/%u", k);
                                if (rows[i].number < COMMS)
                                        add_number(rows[i].number, k);
                                else
                                        add_text(rows[i].number, text);
                        }
                        if (extra == 0) {
                                Filter filter = decode_filter();

                                assert(filter.n_uids + filter.n_pids + filter.n_subtrees + filter.n_comms +
                                               filter.n_cgroups ==
                                       rows[i].n_max);
                                assert(!filter.n_uids || filter.uids[63] == 63);
                                assert(!filter.n_pids || filter.pids[63] == 63);
                                assert(!filter.n_subtrees || filter.subtrees[15] == 15);
                                assert(!filter.n_comms || !strcmp(filter.comms[15], "/15"));
                                assert(!filter.n_cgroups || !strcmp(filter.cgroups[7], "/7"));
                                continue;
                        }
                        check_filter_refused(rows[i].field);
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                for (uint32_t k = 0; k < rows[i].n_max + 1; ++k) {
                        if (rows[i].number < COMMS)
                                add_number(rows[i].number, k);
                        else
                                add_text(rows[i].number, "/a");
                }
                check_filter_refused(rows[i].field);
        }
}

static void test_texts(void) {
        static const struct {
                uint32_t number;
                size_t n_max;
                const char *field;
        } rows[] = {
                { COMMS, 63, "subscribe.filter.comms" },
                { CGROUPS, 511, "subscribe.filter.cgroups" },
        };
        char text[600];

        memset(text, 'x', sizeof(text));
        text[0] = '/';
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Filter filter;

                add_bytes(rows[i].number, text, rows[i].n_max);
                filter = decode_filter();
                assert(strlen(rows[i].number == COMMS ? filter.comms[0] : filter.cgroups[0]) == rows[i].n_max);
                add_bytes(rows[i].number, text, rows[i].n_max + 1);
                check_filter_refused(rows[i].field);
                add_bytes(rows[i].number, text, 0);
                check_filter_refused(rows[i].field);
                /* a NUL, wherever it is */
                for (size_t k = 0; k < 4; ++k) {
                        char with_nul[] = "/abc";

                        with_nul[k] = 0;
                        add_bytes(rows[i].number, with_nul, 4);
                        check_filter_refused(rows[i].field);
                }
                /* behind a good one */
                add_text(rows[i].number, "/good");
                add_bytes(rows[i].number, text, 600);
                check_filter_refused(rows[i].field);
        }
        add_text(CGROUPS, "system.slice");
        check_filter_refused("subscribe.filter.cgroups");
        add_text(COMMS, "no/slash*?[");
        assert(!strcmp(decode_filter().comms[0], "no/slash*?["));
}

/* A path has one form: slashes at its end say nothing. */
static void test_cgroup_slashes(void) {
        static const char *const rows[][2] = {
                {"/", ""}, {"//", ""}, {"/a/", "/a"}, {"/a///", "/a"}, {"/a//b/", "/a//b"}, {"/a b", "/a b"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Filter filter;

                add_text(CGROUPS, rows[i][0]);
                filter = decode_filter();
                assert(filter.n_cgroups == 1 && !strcmp(filter.cgroups[0], rows[i][1]));
        }
}

static void test_cpus(void) {
        static const char *const good[] = { "0", "0-0", "3,1,2", "0-8191", "8191", "00007", "1,1,1", "5-6,6-7" };
        static const char *const bad[] = {" 0",
                                          "0 ",
                                          "0-",
                                          "-1",
                                          "1-0",
                                          ",",
                                          "0,",
                                          ",0",
                                          "a",
                                          "0-8192",
                                          "8192",
                                          "0x1",
                                          "1--2",
                                          "1-2-3",
                                          "+1",
                                          "1.5",
                                          "99999999999999999999",
                                          "0-18446744073709551616",
                                          "0-4294967296",
                                          "all",
                                          "0;1",
                                          "\n",
                                          "0\n"};

        for (size_t i = 0; i < ARRAY_SIZE(good); ++i) {
                add_text(CPUS, good[i]);
                assert(decode_filter().has_cpus);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); ++i) {
                add_text(CPUS, bad[i]);
                check_filter_refused("subscribe.filter.cpus");
        }
}

static void test_unknown_fields(void) {
        static const uint32_t numbers[] = { 15, 16, 1000, 536870911 };

        for (size_t i = 0; i < ARRAY_SIZE(numbers); ++i) {
                add_number(numbers[i], 1);
                wrap_filter();
                check_refused(9, ERROR_UNKNOWN_FIELD, true, "subscribe.filter");
                add_number(numbers[i], 1);
                wrap(0, 6);
                wrap(9, 2);
                check_refused(9, ERROR_UNKNOWN_FIELD, true, "subscribe.resume");
        }
}

static void add_fixed64(uint32_t number, uint64_t value) {
        add_field(number, 1);
        put_u64(bytes.data, bytes.n, value);
        bytes.n += 8;
}

static void test_resume(void) {
        Subscription subscription;

        add_fixed64(1, 0xfedcba9876543210);
        add_number(2, 7);
        add_number(3, UINT64_MAX);
        wrap(0, 6);
        wrap(9, 2);
        subscription = check_subscribe(9);
        assert(subscription.has_resume && !subscription.snapshot);
        assert(subscription.resume.epoch == 0xfedcba9876543210 && subscription.resume.feed == 7);
        assert(subscription.resume.next_number == UINT64_MAX);
        assert(filter_matches_all(&subscription.key.filter));

        /* whether its values make sense is not known here, not even of zeros */
        wrap(0, 6);
        wrap(9, 2);
        subscription = check_subscribe(9);
        assert(subscription.has_resume && subscription.resume.epoch == 0);
        assert(subscription.resume.feed == 0 && subscription.resume.next_number == 0);
}

/*
 * Keys of subscriptions.
 */

/* The same bytes mean the same, whatever the memory was before. */
static SubscriptionKey decode_key(int fill) {
        EncodedError error;
        Request request;

        memset(&request, fill, sizeof(request));
        assert(request_decode(bytes.data, bytes.n, &request, &error) == 0);
        bytes.n = 0;
        return request.subscription.key;
}

static void add_large_filter(void) {
        char text[512];

        memset(text, 'x', sizeof(text));
        text[0] = '/';
        for (uint32_t i = 0; i < 64; ++i) {
                add_number(UIDS, UINT32_MAX - i);
                add_number(PIDS, UINT32_MAX - i);
        }
        for (size_t i = 0; i < 16; ++i) {
                add_number(SUBTREES, UINT32_MAX);
                add_bytes(COMMS, text, 63);
        }
        for (size_t i = 0; i < 8; ++i)
                add_bytes(CGROUPS, text, 511);
        add_text(CPUS, "0-8191");
        add_number(NONZERO, 1);
}

static void test_keys(void) {
        SubscriptionKey a, b;

        add_large_filter();
        wrap_filter();
        a = decode_key(0x55);
        add_large_filter();
        wrap_filter();
        b = decode_key(0xaa);
        assert(subscription_key_equals(&a, &b) && subscription_key_equals(&b, &a));

        /* an empty filter is equal to no filter */
        wrap_filter();
        a = decode_key(0x55);
        wrap(9, 2);
        b = decode_key(0xaa);
        assert(subscription_key_equals(&a, &b));

        /* the rest of a longer path that was decoded before has no effect */
        add_text(CGROUPS, "/a/b////");
        wrap_filter();
        a = decode_key(0);
        add_text(CGROUPS, "/a/b");
        wrap_filter();
        b = decode_key(0xff);
        assert(subscription_key_equals(&a, &b));
}

/* Any difference in the selection makes another key; a field that concerns the sending alone does not. */
static void test_keys_differ(void) {
        static const struct {
                uint32_t number;
                const char *text;       /* NULL: a number */
        } rows[] = {
                { UIDS, NULL }, { PIDS, NULL },   { SUBTREES, NULL }, { COMMS, "a" }, { CGROUPS, "/a" },
                { CPUS, "0" },  { CPUS, "0,63" }, { NONZERO, NULL },  { COMMS, "b" }, { CGROUPS, "/a/b" },
        };
        SubscriptionKey keys[ARRAY_SIZE(rows) + 5];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                if (rows[i].text)
                        add_text(rows[i].number, rows[i].text);
                else
                        add_number(rows[i].number, 1);
                wrap_filter();
                keys[n++] = decode_key(0x55);
        }
        wrap(9, 2);
        keys[n++] = decode_key(0x55);
        add_number(2, 1);       /* threads */
        wrap(9, 2);
        keys[n++] = decode_key(0x55);
        add_number(8, 1);       /* programs */
        wrap(9, 2);
        keys[n++] = decode_key(0x55);
        add_number(1, EVENT_FORK);
        wrap(9, 2);
        keys[n++] = decode_key(0x55);
        add_number(UIDS, 1);
        add_number(UIDS, 2);
        wrap_filter();
        keys[n++] = decode_key(0x55);
        for (size_t i = 0; i < n; ++i)
                for (size_t k = 0; k < n; ++k)
                        assert(subscription_key_equals(&keys[i], &keys[k]) == (i == k));

        add_number(3, 500);     /* max_delay_ms */
        add_number(4, 1);       /* strict */
        add_number(5, 1);       /* snapshot */
        add_bytes(6, NULL, 0);  /* resume */
        wrap(9, 2);
        keys[0] = decode_key(0x55);
        assert(subscription_key_equals(&keys[0], &keys[ARRAY_SIZE(rows)]));
}

/* A filter that is given twice is merged into one, as protobuf prescribes. */
static void test_given_twice(void) {
        uint8_t first[64];
        Filter filter;
        size_t n;

        add_number(UIDS, 5);
        add_text(CPUS, "1");
        wrap(0, 7);
        n = bytes.n;
        memcpy(first, bytes.data, n);
        bytes.n = 0;
        add_number(UIDS, 6);
        wrap(0, 7);
        memmove(bytes.data + n, bytes.data, bytes.n);
        memcpy(bytes.data, first, n);
        bytes.n += n;
        wrap(9, 2);
        filter = check_subscribe(9).key.filter;
        assert(filter.n_uids == 2 && filter.uids[0] == 5 && filter.uids[1] == 6 && filter.has_cpus);
}

/* More of everything than there can be, in all 64 KiB: refused, whatever for. */
static void test_full_of_it(void) {
        for (uint32_t number = UIDS; number <= CPUS; ++number) {
                EncodedError error;
                Request request;

                while (bytes.n < 65000) {
                        if (number < COMMS)
                                add_number(number, 1);
                        else
                                add_text(number, number == CPUS ? "0" : "/");
                }
                wrap_filter();
                if (number == CPUS) {
                        /* a text given often is the last */
                        int r = decode(&request, &error);

                        assert(r == 0 || error.code == ERROR_BAD_MESSAGE);
                        continue;
                }
                assert(decode(&request, &error) == REQUEST_E_REFUSED);
                assert(error.code == ERROR_BAD_VALUE || error.code == ERROR_BAD_MESSAGE);
        }
}

static void test_cut_anywhere(void) {
        static uint8_t whole[BYTES_MAX];
        size_t n;

        add_large_filter();
        wrap_filter();
        n = bytes.n;
        memcpy(whole, bytes.data, n);
        for (size_t i = 0; i < n; ++i) {
                EncodedError error;
                Request request;

                memcpy(bytes.data, whole, i);
                bytes.n = i;
                assert(decode(&request, &error) == REQUEST_E_REFUSED && error.code == ERROR_BAD_MESSAGE);
        }
}

static void test_noise(void) {
        uint64_t state = 0xf117e5;
        size_t n_good = 0, n_bad = 0;

        for (int i = 0; i < 50000; ++i) {
                EncodedError error;
                Request request;

                for (uint64_t k = random_below(&state, 6); k > 0; --k) {
                        uint8_t text[12];
                        size_t n = random_below(&state, sizeof(text));

                        for (size_t b = 0; b < n; ++b)
                                text[b] = (uint8_t)"/*a-0,19\0[]\xff"[random_below(&state, 12)];
                        if (random_below(&state, 2))
                                add_bytes((uint32_t)random_below(&state, 8), text, n);
                        else
                                add_number((uint32_t)(1 + random_below(&state, 7)), random_next(&state));
                }
                wrap(0, random_below(&state, 8) ? 7 : 6);
                wrap(9, 2);
                if (decode(&request, &error)) {
                        ++n_bad;
                        assert(error.message && error.code);
                } else {
                        const Filter *filter = &request.subscription.key.filter;

                        ++n_good;
                        for (size_t k = 0; k < filter->n_comms; ++k)
                                assert(filter->comms[k][0] && strlen(filter->comms[k]) <= FILTER_COMMS_BYTES_MAX);
                        for (size_t k = 0; k < filter->n_cgroups; ++k)
                                assert(!filter->cgroups[k][0] || filter->cgroups[k][0] == '/');
                }
        }
        assert(n_good > 1000 && n_bad > 1000);
}

int main(void) {
        test_all_fields();
        test_one_field();
        test_counts();
        test_texts();
        test_cgroup_slashes();
        test_cpus();
        test_unknown_fields();
        test_resume();
        test_keys();
        test_keys_differ();
        test_given_twice();
        test_full_of_it();
        test_cut_anywhere();
        test_noise();
        return 0;
}
