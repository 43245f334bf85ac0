/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Programs as JSON, by themselves and in events.
 */

#include "tests/unit/json_rig.h"

static void test_program(void) {
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("c\\\0a b\0\0\xff\0", "/bin/cc", "/a\\b") };
        struct tb_event event;

        check_json(json_program(&program),
                   "{\"state\":\"captured\","
                   "\"cmdline\":[\"c\\\\x5c\",\"a b\",\"\",\"\\\\xff\"],\"cmdline_escaped\":true,"
                   "\"exe\":\"/bin/cc\","
                   "\"cgroup\":\"/a\\\\b\",\"truncated\":false}");

        event = make_event(TB_KIND_EXEC);
        program = (struct tb_program){ .state = TB_PROGRAM_CAPTURED, .truncated = true, PROGRAM("a\0bc", "/a", "/") };
        event.exec.program = &program;
        event.left_filter = true;
        check_json(json_event(&event),
                   HEAD("exec") ",\"left_filter\":true,\"program\":{\"state\":\"captured\",\"cmdline\":[\"a\",\"bc\"],"
                                "\"exe\":\"/a\",\"cgroup\":\"/\",\"truncated\":true}}");

        /* If the program was not read, only the cgroup of the parent is known. */
        event = make_event(TB_KIND_EXIT);
        program = (struct tb_program){ .state = TB_PROGRAM_LATE, PROGRAM("", "", "/b") };
        event.exit.program = &program;
        check_json(json_event(&event),
                   HEAD("exit") ",\"exit_code\":null,\"term_signal\":null,\"core_dumped\":null,"
                                "\"termination_missing\":\"unknown\",\"process_ended\":false,"
                                "\"exit_signal\":null,\"stats\":null,\"stats_missing\":null,\"program\":{"
                                "\"state\":\"late\",\"cmdline\":null,\"exe\":null,\"cgroup\":\"/b\","
                                "\"cgroup_inherited\":true,"
                                "\"truncated\":false}}");
        program = (struct tb_program){ .state = TB_PROGRAM_SKIPPED, PROGRAM("", "", "") };
        check_json(json_program(&program),
                   "{\"state\":\"skipped\",\"cmdline\":null,\"exe\":null,\"cgroup\":null,\"truncated\":false}");
        program.state = TB_PROGRAM_UNKNOWN;
        check_json(json_program(&program),
                   "{\"state\":null,\"cmdline\":null,\"exe\":null,\"cgroup\":null,\"truncated\":false}");

        /* A kernel thread was read: it has no command line and no executable. */
        program.state = TB_PROGRAM_CAPTURED;
        check_json(json_program(&program),
                   "{\"state\":\"captured\",\"cmdline\":[],\"exe\":null,\"cgroup\":null,\"truncated\":false}");
}

int main(void) {
        test_program();
        return 0;
}
