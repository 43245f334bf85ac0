/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The tasks and the end of a snapshot as JSON.
 */

#include "tests/unit/json_rig.h"

static void test_snapshot(void) {
        struct tb_program program = { .state = TB_PROGRAM_CAPTURED, PROGRAM("sh\0", "/bin/sh", "/") };
        struct tb_snapshot_end end = { .number = 4, .tasks = 5, .time_ns = UINT64_MAX };
        struct tb_task task = {
                .pid = 100,
                .tid = 101,
                .maker = { .known = true, .pid = 1, .start_boot_ns = 7 },
                .parent = { .known = true, .pid = 50 },
                .uid = 2,
                .euid = 3,
                .gid = 4,
                .egid = UINT32_MAX,
                .session = 6,
                .session_leader = { .known = true, .pid = 6, .start_boot_ns = 77 },
                .comm = "s\xffh",
                .start_time_ns = UINT64_C(9007199254740993),
                .start_boot_ns = 5000000001u,
                .tasks = 7,
                .credentials_changed = true,
                .seeded = true,
                .program = &program,
        };

        check_json(json_task(&task),
                   "{\"kind\":\"task\",\"pid\":100,\"tid\":101,\"ppid\":50,\"uid\":2,\"euid\":3,\"gid\":4,"
                   "\"egid\":4294967295,\"session\":6,\"session_id\":\"6-77\","
                   "\"comm\":\"s\\\\xffh\",\"comm_escaped\":true,"
                   "\"id\":\"101-5000000001\",\"start_time_ns\":9007199254740993,"
                   "\"start_boot_ns\":5000000001," RELATIVES ","
                   "\"tasks\":7,\"kernel_thread\":false,\"credentials_changed\":true,\"seeded\":true,"
                   "\"program\":{\"state\":\"captured\",\"cmdline\":[\"sh\"],\"exe\":\"/bin/sh\",\"cgroup\":\"/\","
                   "\"truncated\":false}}");

        /* A kernel thread belongs to root and may have no parent: these zeroes are known values. */
        task = (struct tb_task){ .pid = 2, .tid = 2, .comm = "kthreadd", .start_time_ns = 1, .kernel_thread = true,
                                 .parent.known = true, .session_leader.known = true };
        check_json(json_task(&task),
                   "{\"kind\":\"task\",\"pid\":2,\"tid\":2,\"ppid\":0,\"uid\":0,\"euid\":0,\"gid\":0,\"egid\":0,"
                   "\"session\":0,\"session_id\":null,\"comm\":\"kthreadd\","
                   "\"id\":null,\"start_time_ns\":1,\"start_boot_ns\":null,"
                   "\"maker_pid\":null,\"maker_id\":null,\"parent_pid\":0,\"parent_id\":null,\"kernel_thread\":true,"
                   "\"credentials_changed\":false}");
        task = (struct tb_task){ .pid = 2, .tid = 2, .task_unknown = true };
        check_json(json_task(&task),
                   "{\"kind\":\"task\",\"pid\":2,\"tid\":2,\"ppid\":null,\"uid\":null,\"euid\":null,\"gid\":null,"
                   "\"egid\":null,\"session\":null,\"session_id\":null,\"comm\":null,"
                   "\"id\":null,\"start_time_ns\":null,\"start_boot_ns\":null," NO_RELATIVES ","
                   "\"kernel_thread\":null,"
                   "\"credentials_changed\":null,\"task_unknown\":true}");

        check_json(json_snapshot_end(&end),
                   "{\"kind\":\"snapshot_end\",\"time_ns\":18446744073709551615,\"number\":4,\"tasks\":5}");
}

int main(void) {
        test_snapshot();
        return 0;
}
