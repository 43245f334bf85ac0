/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The JSON of events, tasks, links, statistics and the status: every key, null for an
 * unknown value, and names that are not UTF-8.
 */

#include <assert.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/json/json.h"

static void check_text(struct json_object *object, const char *expected) {
        const char *line;
        size_t n;

        line = json_line(object, &n);
        if (strcmp(line, expected) != 0)
                fprintf(stderr, "is:     %s\nshould: %s\n", line, expected);
        assert(strcmp(line, expected) == 0);
        assert(n == strlen(expected));
        json_object_put(object);
}

static struct tb_event make_event(enum tb_kind kind) {
        return (struct tb_event){
                .kind = kind,
                .number = 7,
                .time_ns = UINT64_C(18446744073709551615),
                .cpu = 3,
                .pid = 100,
                .tid = 101,
                .ppid = 1,
                .uid = 4294967294u,
                .comm = "sh",
                .start_time_ns = UINT64_C(9007199254740993),
        };
}

#define HEAD(kind)                                                                                                     \
        "{\"kind\":\"" kind "\",\"time_ns\":18446744073709551615,\"number\":7,\"cpu\":3,\"pid\":100,\"tid\":101,"    \
        "\"ppid\":1,\"uid\":4294967294,\"comm\":\"sh\",\"start_time_ns\":9007199254740993"

static void test_plain_kinds(void) {
        struct tb_event event;

        event = make_event(TB_KIND_FORK);
        event.fork.parent_pid = 1;
        event.fork.parent_tid = 2;
        check_text(json_event(&event), HEAD("fork") ",\"parent_tid\":2}");
        event = make_event(TB_KIND_EXEC);
        check_text(json_event(&event), HEAD("exec") "}");
        event.exec.comm_stale = true;
        check_text(json_event(&event), HEAD("exec") ",\"comm_stale\":true}");
        event = make_event(TB_KIND_SID);
        check_text(json_event(&event), HEAD("sid") "}");
        event = make_event(TB_KIND_COREDUMP);
        check_text(json_event(&event), HEAD("coredump") "}");
        event = make_event(TB_KIND_COMM);
        strcpy(event.comm_change.old_comm, "old");
        check_text(json_event(&event), HEAD("comm") ",\"old_comm\":\"old\"}");
        event = make_event(TB_KIND_UID);
        event.credentials.real_id = 5;
        event.credentials.effective_id = 0;
        check_text(json_event(&event), HEAD("uid") ",\"real_id\":5,\"effective_id\":0}");
        event.kind = TB_KIND_GID;
        check_text(json_event(&event), HEAD("gid") ",\"real_id\":5,\"effective_id\":0}");
        event = make_event(TB_KIND_PTRACE);
        event.ptrace.tracer_pid = 8;
        event.ptrace.tracer_tid = 9;
        check_text(json_event(&event), HEAD("ptrace") ",\"tracer_pid\":8,\"tracer_tid\":9}");
}

static void test_unknown_task(void) {
        struct tb_event event = { .kind = TB_KIND_FORK, .pid = 5, .tid = 5, .task_unknown = true, .synthesised = true };

        check_text(json_event(&event),
                   "{\"kind\":\"fork\",\"time_ns\":0,\"number\":0,\"cpu\":0,\"pid\":5,\"tid\":5,\"ppid\":null,"
                   "\"uid\":null,\"comm\":null,\"start_time_ns\":null,\"task_unknown\":true,\"synthesised\":true,"
                   "\"parent_tid\":0}");

        /* A value of an unknown task is known if it is not 0. A fork names its parent in any case. */
        event.uid = 3;
        event.fork.parent_pid = 4;
        event.fork.parent_tid = 6;
        check_text(json_event(&event),
                   "{\"kind\":\"fork\",\"time_ns\":0,\"number\":0,\"cpu\":0,\"pid\":5,\"tid\":5,\"ppid\":4,"
                   "\"uid\":3,\"comm\":null,\"start_time_ns\":null,\"task_unknown\":true,\"synthesised\":true,"
                   "\"parent_tid\":6}");

        /* A known task may have no parent and no name, and may belong to root. */
        event = (struct tb_event){ .kind = TB_KIND_EXEC, .pid = 1, .tid = 1, .start_time_ns = 1 };
        check_text(json_event(&event),
                   "{\"kind\":\"exec\",\"time_ns\":0,\"number\":0,\"cpu\":0,\"pid\":1,\"tid\":1,\"ppid\":0,\"uid\":0,"
                   "\"comm\":\"\",\"start_time_ns\":1}");
}

static void test_loss(void) {
        struct tb_event event = {
                .kind = TB_KIND_LOSS,
                .time_ns = 5,
                .number = 6,
                .cpu = 2,
                .loss = { .count = 12, .source = TB_LOSS_SOURCE_CONNECTOR, .reason = TB_LOSS_REASON_OVERRUN },
        };

        check_text(json_event(&event),
                   "{\"kind\":\"loss\",\"time_ns\":5,\"number\":6,\"cpu\":null,\"pid\":null,\"tid\":null,\"ppid\":null,"
                   "\"uid\":null,\"comm\":null,\"start_time_ns\":null,\"count\":12,\"source\":\"connector\","
                   "\"reason\":\"overrun\",\"at_least\":false,\"since_time_ns\":null}");
        event.loss.cpu_known = true;
        event.loss.at_least = true;
        event.loss.since_time_ns = 4;
        event.loss.source = (enum tb_loss_source)99;
        event.loss.reason = TB_LOSS_REASON_MUTED;
        check_text(json_event(&event),
                   "{\"kind\":\"loss\",\"time_ns\":5,\"number\":6,\"cpu\":2,\"pid\":null,\"tid\":null,\"ppid\":null,"
                   "\"uid\":null,\"comm\":null,\"start_time_ns\":null,\"count\":12,\"source\":\"unknown\","
                   "\"reason\":\"muted\",\"at_least\":true,\"since_time_ns\":4}");
}

static void test_names(void) {
        static const struct {
                const char *comm;
                const char *json;
        } cases[] = {
                { "plain", "\"plain\"" },
                { "a\"b", "\"a\\\"b\"" },
                { "a/b", "\"a/b\"" },
                { "\xff", "\"\\\\xff\"" },
                { "\\xff", "\"\\\\x5cxff\"" },
                { "\xc3\xa9", "\"\xc3\xa9\"" },
                { "\xc3", "\"\\\\xc3\"" },
                { "\xe2\x82", "\"\\\\xe2\\\\x82\"" },
                { "\xc0\xaf", "\"\\\\xc0\\\\xaf\"" },
                { "\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"" },
                { "\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\"" },
                { "\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"" },
                { "\n\x1b", "\"\\n\\u001b\"" },
        };
        struct json_object *object;
        char expected[256];

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
                object = json_object_new_object();
                json_add_text(object, "comm", cases[i].comm);
                snprintf(expected, sizeof(expected), "{\"comm\":%s}", cases[i].json);
                check_text(object, expected);
        }

        /* A text can be longer than any name: messages of the broker are. */
        object = json_object_new_object();
        memset(expected, 'x', 200);
        expected[200] = 0;
        json_add_text(object, "k", expected);
        assert(strlen(json_object_get_string(json_object_object_get(object, "k"))) == 200);
        json_object_put(object);
}

static void test_exit(void) {
        struct tb_task_stats stats = { .taskstats_version = 8 }, totals = { .taskstats_version = 8, .tasks = 2 };
        struct tb_event event = make_event(TB_KIND_EXIT);

        /* The exit status is unknown. The statistics are missing, for one reason or the other. */
        event.exit.process_ended = true;
        event.exit.exit_signal = 17;
        event.exit.stats_missing = TB_STATS_MISSING_LOST;
        check_text(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":null,\"core_dumped\":null,\"process_ended\":true,"
                                "\"exit_signal\":17,\"stats\":null,\"stats_missing\":\"lost\"}");
        event.exit.stats_missing = TB_STATS_MISSING_NOT_WITNESSED;
        check_text(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":null,\"core_dumped\":null,\"process_ended\":true,"
                                "\"exit_signal\":17,\"stats\":null,\"stats_missing\":\"not_witnessed\"}");

        /* The event has the termination of the process if the process ended, otherwise the termination of the task. */
        event.exit.termination = (struct tb_termination){ .known = true, .exit_code = 3 };
        event.exit.process_termination = (struct tb_termination){.known = true, .term_signal = 9, .core_dumped = true};
        event.exit.stats = &stats;
        event.exit.process_stats = &totals;
        check_text(json_event(&event),
                   HEAD("exit") ",\"exit_code\":0,\"term_signal\":9,\"core_dumped\":true,\"process_ended\":true,"
                                "\"exit_signal\":17,\"stats\":{\"taskstats_version\":8},"
                                "\"process_stats\":{\"taskstats_version\":8,\"tasks\":2,\"tasks_missing\":0,"
                                "\"tasks_unseen\":false}}");
        event.exit.process_ended = false;
        event.exit.process_stats = NULL;
        event.exit.exit_signal = 0;
        check_text(json_event(&event),
                   HEAD("exit") ",\"exit_code\":3,\"term_signal\":0,\"core_dumped\":false,\"process_ended\":false,"
                                "\"exit_signal\":0,\"stats\":{\"taskstats_version\":8}}");
}

#define PROGRAM(cmdline_, exe_, cgroup_)                                                                               \
        .cmdline = (cmdline_), .n_cmdline = sizeof(cmdline_) - 1, .exe = (exe_), .n_exe = sizeof(exe_) - 1,           \
        .cgroup = (cgroup_), .n_cgroup = sizeof(cgroup_) - 1

static void test_program(void) {
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("cc\0a b\0\0\xff\0", "/bin/cc", "/a\\b") };
        struct tb_event event;

        check_text(json_program(&program),
                   "{\"state\":\"captured\",\"cmdline\":[\"cc\",\"a b\",\"\",\"\\\\xff\"],\"exe\":\"/bin/cc\","
                   "\"cgroup\":\"/a\\\\x5cb\",\"truncated\":false}");

        event = make_event(TB_KIND_EXEC);
        program = (struct tb_program){ .state = TB_PROGRAM_CAPTURED, .truncated = true, PROGRAM("a\0bc", "/a", "/") };
        event.exec.program = &program;
        event.left_filter = true;
        check_text(json_event(&event),
                   HEAD("exec") ",\"left_filter\":true,\"program\":{\"state\":\"captured\",\"cmdline\":[\"a\",\"bc\"],"
                                "\"exe\":\"/a\",\"cgroup\":\"/\",\"truncated\":true}}");

        /* If the program was not read, only the cgroup of the parent is known. */
        event = make_event(TB_KIND_EXIT);
        program = (struct tb_program){ .state = TB_PROGRAM_LATE, PROGRAM("", "", "/b") };
        event.exit.program = &program;
        check_text(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":null,\"core_dumped\":null,\"process_ended\":false,"
                                "\"exit_signal\":0,\"stats\":null,\"stats_missing\":null,\"program\":{"
                                "\"state\":\"late\",\"cmdline\":null,\"exe\":null,\"cgroup\":\"/b\","
                                "\"truncated\":false}}");
        program = (struct tb_program){ .state = TB_PROGRAM_SKIPPED, PROGRAM("", "", "") };
        check_text(json_program(&program),
                   "{\"state\":\"skipped\",\"cmdline\":null,\"exe\":null,\"cgroup\":null,\"truncated\":false}");
        program.state = TB_PROGRAM_UNKNOWN;
        check_text(json_program(&program),
                   "{\"state\":null,\"cmdline\":null,\"exe\":null,\"cgroup\":null,\"truncated\":false}");

        /* A kernel thread was read: it has no command line and no executable. */
        program.state = TB_PROGRAM_CAPTURED;
        check_text(json_program(&program),
                   "{\"state\":\"captured\",\"cmdline\":[],\"exe\":null,\"cgroup\":null,\"truncated\":false}");
}

static void test_snapshot(void) {
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("sh\0", "/bin/sh", "/") };
        struct tb_snapshot_end end = { .number = 4, .tasks = 5, .time_ns = UINT64_MAX };
        struct tb_task task = {
                .pid = 100,
                .tid = 101,
                .ppid = 1,
                .uid = 2,
                .euid = 3,
                .gid = 4,
                .egid = UINT32_MAX,
                .session = 6,
                .comm = "s\xffh",
                .start_time_ns = UINT64_C(9007199254740993),
                .tasks = 7,
                .credentials_changed = true,
                .seeded = true,
                .program = &program,
        };

        check_text(json_task(&task),
                   "{\"kind\":\"task\",\"pid\":100,\"tid\":101,\"ppid\":1,\"uid\":2,\"euid\":3,\"gid\":4,"
                   "\"egid\":4294967295,\"session\":6,\"comm\":\"s\\\\xffh\",\"start_time_ns\":9007199254740993,"
                   "\"tasks\":7,\"kernel_thread\":false,\"credentials_changed\":true,\"seeded\":true,"
                   "\"program\":{\"state\":\"captured\",\"cmdline\":[\"sh\"],\"exe\":\"/bin/sh\",\"cgroup\":\"/\","
                   "\"truncated\":false}}");

        /* A kernel thread belongs to root and may have no parent: these zeroes are known values. */
        task = (struct tb_task){ .pid = 2, .tid = 2, .comm = "kthreadd", .start_time_ns = 1, .kernel_thread = true };
        check_text(json_task(&task),
                   "{\"kind\":\"task\",\"pid\":2,\"tid\":2,\"ppid\":0,\"uid\":0,\"euid\":0,\"gid\":0,\"egid\":0,"
                   "\"session\":null,\"comm\":\"kthreadd\",\"start_time_ns\":1,\"kernel_thread\":true,"
                   "\"credentials_changed\":false}");
        task = (struct tb_task){ .pid = 2, .tid = 2, .task_unknown = true };
        check_text(json_task(&task),
                   "{\"kind\":\"task\",\"pid\":2,\"tid\":2,\"ppid\":null,\"uid\":null,\"euid\":null,\"gid\":null,"
                   "\"egid\":null,\"session\":null,\"comm\":null,\"start_time_ns\":null,\"kernel_thread\":false,"
                   "\"credentials_changed\":false,\"task_unknown\":true}");

        check_text(json_snapshot_end(&end),
                   "{\"kind\":\"snapshot_end\",\"time_ns\":18446744073709551615,\"number\":4,\"tasks\":5}");
}

static void test_link(void) {
        struct tb_link link = { .state = TB_LINK_LOST, .reason = "Gone.", .lost_time_ns = 5 };

        check_text(json_link(&link, UINT64_MAX),
                   "{\"kind\":\"link\",\"state\":\"lost\",\"time_ns\":18446744073709551615,\"lost_time_ns\":5,"
                   "\"reason\":\"Gone.\",\"tries\":null}");
        link = (struct tb_link){ .state = TB_LINK_RESUMED, .lost_time_ns = 5, .tries = 2 };
        check_text(json_link(&link, 6),
                   "{\"kind\":\"link\",\"state\":\"resumed\",\"time_ns\":6,\"lost_time_ns\":5,\"reason\":null,"
                   "\"tries\":2}");
        link = (struct tb_link){ .state = TB_LINK_RESTARTED, .reason = "", .tries = UINT32_MAX };
        check_text(json_link(&link, 6),
                   "{\"kind\":\"link\",\"state\":\"restarted\",\"time_ns\":6,\"lost_time_ns\":0,\"reason\":null,"
                   "\"tries\":4294967295}");
}

static void test_stats(void) {
        struct tb_task_stats stats = {
                .groups = TB_STATS_BIT(TB_STATS_SCHEDULING) | TB_STATS_BIT(TB_STATS_MEMORY_INTEGRALS) |
                          TB_STATS_BIT(TB_STATS_CPU_DELAY) | TB_STATS_BIT(TB_STATS_DELAYS),
                .unsupported_groups = TB_STATS_BIT(TB_STATS_DELAY_PEAK_TIMES),
                .uncounted_groups = TB_STATS_BIT(TB_STATS_EXECUTABLE) | TB_STATS_BIT(TB_STATS_MEMORY),
                .withheld_groups = TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_EXIT_STATUS) | 0x80000000u,
                .taskstats_version = 16,
                .scheduling = { .nvcsw = UINT64_MAX, .nivcsw = 2, .ac_sched = 3, .ac_nice = -20 },
                .memory_integrals = { .coremem_mib_us = 4, .virtmem_mib_us = 5 },
                .memory = { .ac_minflt = 999 },
                .delays = {
                        .cpu = { .known = true, .count = 1, .total_ns = 2 },
                        .irq = { .known = true, .peak_known = true, .count = 3, .total_ns = 4, .max_ns = 5, .min_ns = 6,
                                 .max_time_ns = 7 },
                        .swapin = { .known = true, .peak_known = true },
                },
        };
        struct json_object *object, *identity;

        check_text(json_task_stats(&stats),
                   "{\"memory_integrals\":{\"coremem_mib_us\":4,\"virtmem_mib_us\":5},"
                   "\"scheduling\":{\"nvcsw\":18446744073709551615,\"nivcsw\":2,\"ac_sched\":3,\"ac_nice\":-20},"
                   "\"delays\":{\"cpu\":{\"count\":1,\"total_ns\":2},"
                   "\"swapin\":{\"count\":0,\"total_ns\":0,\"peak\":{\"max_ns\":0,\"min_ns\":0,\"max_time_ns\":null}},"
                   "\"irq\":{\"count\":3,\"total_ns\":4,\"peak\":{\"max_ns\":5,\"min_ns\":6,\"max_time_ns\":7}}},"
                   "\"taskstats_version\":16,\"unsupported_groups\":[\"delay_peak_times\"],"
                   "\"uncounted_groups\":[\"memory\",\"executable\"],"
                   "\"withheld_groups\":[\"io\",\"exit_status\"]}");

        stats.groups = TB_STATS_BIT(TB_STATS_IDENTITY);
        strcpy(stats.identity.ac_comm, "\xfe");
        object = json_task_stats(&stats);
        identity = json_object_object_get(object, "identity");
        assert(json_object_object_length(identity) == 11);
        assert(strcmp(json_object_get_string(json_object_object_get(identity, "ac_comm")), "\\xfe") == 0);
        assert(!json_object_object_get(object, "delays") && !json_object_object_get(object, "scheduling"));
        json_object_put(object);
}

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
        assert(json_object_object_length(object) == 43 - 1);
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

/* A withheld counter is null, not 0. If the number of live tasks is withheld, so are the losses of the kernel. */
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
                        .live_tasks = machine ? 7 : 0,
                };

                object = json_status(&some);
                assert(json_object_object_length(object) == 43 - 1);
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

int main(void) {
        test_plain_kinds();
        test_unknown_task();
        test_loss();
        test_names();
        test_exit();
        test_program();
        test_snapshot();
        test_link();
        test_stats();
        test_status();
        test_status_withheld();
        return 0;
}
