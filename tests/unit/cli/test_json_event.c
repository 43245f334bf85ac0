/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Events as JSON: every key, and null for an unknown value.
 */

#include "tests/unit/json_rig.h"

static void test_plain_kinds(void) {
        struct tb_event event;

        event = make_event(TB_KIND_FORK);
        event.fork.parent_pid = 1;
        event.fork.parent_tid = 2;
        check_json(json_event(&event), HEAD("fork") ",\"parent_tid\":2,\"parent_tid_start_boot_ns\":null}");
        event.fork.parent_tid_start_boot_ns = 20;
        check_json(json_event(&event), HEAD("fork") ",\"parent_tid\":2,\"parent_tid_start_boot_ns\":20}");
        event = make_event(TB_KIND_EXEC);
        check_json(json_event(&event), HEAD("exec") "}");
        event.comm_stale = true;
        check_json(json_event(&event), HEAD("exec") ",\"comm_stale\":true}");
        event = make_event(TB_KIND_SID);
        check_json(json_event(&event), HEAD("sid") "}");
        event = make_event(TB_KIND_COREDUMP);
        check_json(json_event(&event), HEAD("coredump") "}");
        event = make_event(TB_KIND_COMM);
        strcpy(event.comm_change.old_comm, "old");
        check_json(json_event(&event), HEAD("comm") ",\"old_comm\":\"old\"}");
        event = make_event(TB_KIND_UID);
        event.credentials.real_id = 5;
        event.credentials.effective_id = 0;
        check_json(json_event(&event), HEAD("uid") ",\"real_id\":5,\"effective_id\":0}");
        event.kind = TB_KIND_GID;
        check_json(json_event(&event), HEAD("gid") ",\"real_id\":5,\"effective_id\":0}");
        event = make_event(TB_KIND_PTRACE);
        event.ptrace.tracer_pid = 8;
        event.ptrace.tracer_tid = 9;
        check_json(json_event(&event), HEAD("ptrace") ",\"tracer_pid\":8,\"tracer_tid\":9,\"tracer_id\":null,"
                                       "\"tracer_start_boot_ns\":null}");
        event.ptrace.tracer = (struct tb_process_id){ .known = true, .pid = 8, .start_boot_ns = 80 };
        event.ptrace.tracer_start_boot_ns = 90;
        check_json(json_event(&event), HEAD("ptrace") ",\"tracer_pid\":8,\"tracer_tid\":9,\"tracer_id\":\"8-80\","
                                       "\"tracer_start_boot_ns\":90}");
}

/* The former name is not known of a task that the broker did not know, or that it found in /proc. */
static void test_old_comm(void) {
        struct tb_event event = make_event(TB_KIND_COMM);

        check_part(json_event(&event), "\"old_comm\":\"\"}");
        event.task_unknown = true;
        check_part(json_event(&event), "\"old_comm\":null}");
        event.task_unknown = false;
        event.synthesised = true;
        check_part(json_event(&event), "\"old_comm\":null}");
}

static void test_unknown_task(void) {
        struct tb_event event = { .kind = TB_KIND_FORK, .pid = 5, .tid = 5, .task_unknown = true, .synthesised = true };

        check_json(json_event(&event),
                   "{\"kind\":\"fork\",\"time_ns\":0,\"number\":0,\"cpu\":null,\"pid\":5,\"tid\":5,\"ppid\":null,"
                   "\"uid\":null,\"comm\":null,"
                   "\"id\":null,\"start_time_ns\":null,\"start_boot_ns\":null," NO_RELATIVES ","
                   "\"task_unknown\":true,\"synthesised\":true,"
                   "\"parent_tid\":null,\"parent_tid_start_boot_ns\":null}");

        /* A value of an unknown task is known if it is not 0. */
        event.uid = 3;
        event.fork.parent_pid = event.ppid = event.maker.pid = 4;
        event.maker.known = true;
        event.fork.parent_tid = 6;
        check_json(json_event(&event),
                   "{\"kind\":\"fork\",\"time_ns\":0,\"number\":0,\"cpu\":null,\"pid\":5,\"tid\":5,\"ppid\":4,"
                   "\"uid\":3,\"comm\":null,"
                   "\"id\":null,\"start_time_ns\":null,\"start_boot_ns\":null,"
                   "\"maker_pid\":4,\"maker_id\":null,\"parent_pid\":null,\"parent_id\":null,"
                   "\"task_unknown\":true,\"synthesised\":true,"
                   "\"parent_tid\":6,\"parent_tid_start_boot_ns\":null}");

        /* A known task may have no parent and no name, and may belong to root. */
        event = (struct tb_event){ .kind = TB_KIND_EXEC, .cpu_known = true, .pid = 1, .tid = 1, .start_time_ns = 1 };
        check_json(json_event(&event),
                   "{\"kind\":\"exec\",\"time_ns\":0,\"number\":0,\"cpu\":0,\"pid\":1,\"tid\":1,\"ppid\":null,"
                   "\"uid\":0,\"comm\":\"\","
                   "\"id\":null,\"start_time_ns\":1,\"start_boot_ns\":null," NO_RELATIVES "}");
}

static void test_loss(void) {
        struct tb_event event = {
                .kind = TB_KIND_LOSS,
                .time_ns = 5,
                .number = 6,
                .cpu = 2,
                .loss = { .count = 12, .count_known = true, .missing = TB_LOSS_MISSING_POSSIBLE,
                          .source = TB_LOSS_SOURCE_CONNECTOR, .reason = TB_LOSS_REASON_OVERRUN },
        };

        check_json(json_event(&event),
                   "{\"kind\":\"loss\",\"time_ns\":5,\"number\":6,\"cpu\":null,\"pid\":null,\"tid\":null,\"ppid\":null,"
                   "\"uid\":null,\"comm\":null,"
                   "\"id\":null,\"start_time_ns\":null,\"start_boot_ns\":null," NO_RELATIVES ","
                   "\"count\":12,\"scope\":\"machine\",\"missing\":null,"
                   "\"source\":\"connector\","
                   "\"reason\":\"overrun\",\"at_least\":false,\"since_time_ns\":null}");
        event.cpu_known = event.loss.cpu_known = true;
        event.loss.at_least = true;
        event.loss.since_time_ns = 4;
        event.loss.source = (enum tb_loss_source)99;
        event.loss.reason = TB_LOSS_REASON_MUTED;
        check_json(json_event(&event),
                   "{\"kind\":\"loss\",\"time_ns\":5,\"number\":6,\"cpu\":2,\"pid\":null,\"tid\":null,\"ppid\":null,"
                   "\"uid\":null,\"comm\":null,"
                   "\"id\":null,\"start_time_ns\":null,\"start_boot_ns\":null," NO_RELATIVES ","
                   "\"count\":12,\"scope\":\"machine\",\"missing\":null,"
                   "\"source\":\"unknown\","
                   "\"reason\":\"muted\",\"at_least\":true,\"since_time_ns\":4}");

        /* The events of this stream that are missing: none; as many as are lost. */
        event.loss = (__typeof__(event.loss)){ .missing = TB_LOSS_MISSING_NONE, .at_least = true };
        check_part(json_event(&event), "\"count\":null,\"scope\":\"machine\",\"missing\":0,");
        event.loss = (__typeof__(event.loss)){ .missing = TB_LOSS_MISSING_COUNTED, .count_known = true, .count = 7 };
        check_part(json_event(&event), "\"count\":7,\"scope\":\"stream\",\"missing\":7,");
}

static void test_exit(void) {
        struct tb_task_stats stats = { .taskstats_version = 8 }, totals = { .taskstats_version = 8, .tasks = 2 };
        struct tb_event event = make_event(TB_KIND_EXIT);

        /* The exit status is unknown. The statistics are missing, for one reason or the other. */
        event.exit.process_ended = true;
        event.exit.exit_signal_known = true;
        event.exit.exit_signal = 17;
        event.exit.stats_missing = TB_STATS_MISSING_LOST;
        check_json(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":null,\"core_dumped\":null,"
                                "\"termination_missing\":\"unknown\",\"process_ended\":true,"
                                "\"exit_signal\":17,\"stats\":null,\"stats_missing\":\"lost\"}");
        event.exit.stats_missing = TB_STATS_MISSING_NOT_WITNESSED;
        event.exit.process_termination.missing = TB_TERMINATION_MISSING_WITHHELD;
        event.exit.exit_signal_known = false;
        check_json(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":null,\"core_dumped\":null,"
                                "\"termination_missing\":\"withheld\",\"process_ended\":true,"
                                "\"exit_signal\":null,\"stats\":null,\"stats_missing\":\"not_witnessed\"}");

        event = make_event(TB_KIND_EXIT);
        event.exit.process_ended = event.exit.exit_signal_known = true;
        event.exit.exit_signal = 17;

        /* The event has the termination of the process if the process ended, otherwise the termination of the task. */
        event.exit.termination = (struct tb_termination){ .known = true, .exit_code = 3 };
        event.exit.process_termination = (struct tb_termination){.known = true, .term_signal = 9, .core_dumped = true};
        event.exit.stats = &stats;
        event.exit.process_stats = &totals;
        check_json(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":9,\"core_dumped\":true,\"process_ended\":true,"
                                "\"exit_signal\":17,\"stats\":{\"taskstats_version\":8},"
                                "\"process_stats\":{\"taskstats_version\":8,\"tasks\":2,\"tasks_missing\":0,"
                                "\"tasks_unseen\":false}}");
        event.exit.process_ended = false;
        event.exit.process_stats = NULL;
        event.exit.exit_signal = 0;
        check_json(json_event(&event),
                   HEAD("exit") ",\"exit_code\":3,\"term_signal\":0,\"core_dumped\":false,\"process_ended\":false,"
                                "\"exit_signal\":0,\"stats\":{\"taskstats_version\":8}}");
}

int main(void) {
        test_plain_kinds();
        test_unknown_task();
        test_old_comm();
        test_loss();
        test_exit();
        return 0;
}
