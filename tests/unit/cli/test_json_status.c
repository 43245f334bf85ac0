/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The status of the broker as JSON: its counters, and null for a withheld counter.
 */

#include "tests/unit/json_rig.h"

static void test_status(void) {
        static const uint64_t events[TB_KIND_LOSS + 1] = { [TB_KIND_EXIT] = 9 };
        struct tb_status status = {
                .events = events,
                .n_events = TB_KIND_LOSS + 1,
                .broker_version = "0.1",
                .kernel_release = "6.1",
                .epoch = UINT64_MAX,
                .delay_accounting = TB_DELAY_ACCOUNTING_ON,
                .connector = { .received = 10, .lost = 2 },
                .taskstats = { .received = 11, .repaired = 3 },
                .broker_cpu_ns = 12,
                .synthesised_forks = 13,
                .programs_captured = 14,
                .programs_late = 15,
                .programs_skipped = 16,
                .snapshots = 17,
                .snapshot_subscribers = 18,
                .resumed = 19,
                .table_bytes = UINT64_MAX,
        };
        static const char *const newer[] = { "synthesised_forks", "programs_captured",    "programs_late",
                                             "programs_skipped",  "snapshots",            "snapshot_subscribers",
                                             "resumed" };
        struct json_object *object, *part;

        object = json_status(&status);
        assert(json_object_object_length(object) == 51);
        assert(json_object_get_uint64(json_object_object_get(object, "epoch")) == UINT64_MAX);
        assert(json_object_get_uint64(json_object_object_get(object, "broker_cpu_ns")) == 12);
        for (size_t i = 0; i < sizeof(newer) / sizeof(*newer); ++i)
                assert(json_object_get_uint64(json_object_object_get(object, newer[i])) == 13 + i);
        assert(json_object_get_uint64(json_object_object_get(object, "table_bytes")) == UINT64_MAX);
        assert(strcmp(json_object_get_string(json_object_object_get(object, "delay_accounting")), "on") == 0);
        assert(json_object_object_get_ex(object, "taskstats_version", &part) && !part);
        part = json_object_object_get(object, "connector");
        assert(json_object_object_length(part) == 9);
        assert(json_object_get_uint64(json_object_object_get(part, "lost")) == 2);
        part = json_object_object_get(object, "taskstats");
        assert(json_object_get_uint64(json_object_object_get(part, "repaired")) == 3);
        part = json_object_object_get(object, "events");
        assert(json_object_object_length(part) == 10);
        assert(json_object_get_uint64(json_object_object_get(part, "exit")) == 9);
        assert(!json_object_get_boolean(json_object_object_get(object, "withheld")));
        json_object_put(object);

        status.delay_accounting = TB_DELAY_ACCOUNTING_UNKNOWN;
        object = json_status(&status);
        assert(json_object_object_get_ex(object, "delay_accounting", &part) && !part);
        json_object_put(object);
}

/* A withheld counter is null, not 0: the counters about others, or the counters of the machine too. */
static void test_status_withheld(void) {
        static const uint64_t events[TB_KIND_LOSS + 1] = { [TB_KIND_EXIT] = 9 };
        struct json_object *object, *part;

        for (int machine = 0; machine < 2; ++machine) {
                struct tb_status some = {
                        .events = events,
                        .n_events = TB_KIND_LOSS + 1,
                        .broker_version = "0.1",
                        .kernel_release = "6.1",
                        .withheld = true,
                        .connections = 2,
                        .live_tasks = 0,
                        .machine_withheld = !machine,
                };

                object = json_status(&some);
                assert(json_object_object_length(object) == 51);
                assert(json_object_get_boolean(json_object_object_get(object, "withheld")));
                assert(json_object_get_uint64(json_object_object_get(object, "connections")) == 2);
                assert(json_object_object_get_ex(object, "feeds", &part) && !part);
                assert(json_object_object_get_ex(object, "live_tasks", &part) && !!part == machine);
                assert(json_object_object_get_ex(json_object_object_get(object, "connector"), "lost", &part) &&
                       !!part == machine);
                assert(json_object_object_get_ex(json_object_object_get(object, "connector"), "received", &part) &&
                       !part);
                assert(json_object_object_get_ex(json_object_object_get(object, "events"), "exit", &part) && !part);
                json_object_put(object);
        }
}

static void test_clients(void) {
        static const struct tb_client_count clients[] = {
                { .uid = 1000, .name = "htop", .version = "3.2.2", .connections = 2, .streams = 5 },
                { .uid = 0, .name = "", .version = "", .connections = 1 },
        };
        struct tb_status status = {
                .broker_version = "",
                .kernel_release = "",
                .clients = clients,
                .n_clients = 2,
                .clients_unlisted = 3,
        };
        struct json_object *object = json_status(&status);

        assert(json_object_get_uint64(json_object_object_get(object, "clients_unlisted")) == 3);
        assert(strcmp(json_object_to_json_string_ext(json_object_object_get(object, "clients"), JSON_C_TO_STRING_PLAIN),
                      "[{\"uid\":1000,\"name\":\"htop\",\"version\":\"3.2.2\",\"connections\":2,\"streams\":5},"
                      "{\"uid\":0,\"name\":null,\"version\":null,\"connections\":1,\"streams\":0}]") == 0);
        json_object_put(object);
}

int main(void) {
        test_status();
        test_clients();
        test_status_withheld();
        return 0;
}
