/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The report of a command as JSON.
 */

#include <json-c/json.h>
#include <signal.h>

#include "clients/cli/run/run_report.h"
#include "tests/unit/usage_rig.h"

static struct json_object *get(struct json_object *object, const char *path) {
        struct json_object *found;

        if (json_pointer_get(object, path, &found) < 0)
                fprintf(stderr, "%s is not in %s\n", path, json_object_to_json_string(object));
        assert(json_pointer_get(object, path, &found) == 0);
        return found;
}

static uint64_t get_number(struct json_object *object, const char *path) {
        return json_object_get_uint64(get(object, path));
}

/* The lines of the commands, with the names that were left out, add up to the whole. */
static void check_sum(struct json_object *object, const char *key, const char *whole) {
        char shown[64], rest[64];

        snprintf(shown, sizeof(shown), "/commands/0/%s", key);
        snprintf(rest, sizeof(rest), "/other_names/%s", key);
        assert(get_number(object, shown) + get_number(object, rest) == get_number(object, whole));
        assert(!get(object, "/other_names/comm"));
}

static void test_json(void) {
        char *command[] = { (char *)"make", (char *)"\xff", NULL };
        RunReport report = {
                .command = command,
                .usage = &usage,
                .rusage = make_usage(50, 25),
                .status = SIGKILL,
                .wall_ns = 50 * MS,
                .start_time_ns = 77,
                .n_top = 1,
        };
        struct json_object *object;

        begin();
        take_fork(101, 101);
        stats.io.write_bytes = 2048;
        stats.delays.cpu = (struct tb_delay){ .known = true, .count = 1, .total_ns = 30 };
        take_exit(101, 1, "cc", 30);
        take_exit(ROOT, 1, "make", 21);
        take_loss(TB_LOSS_SOURCE_TASKSTATS, 9, false);
        assert(usage_settle(&usage, none_exist) == 0);

        object = run_report_json(&report);
        assert(strcmp(json_object_get_string(get(object, "/command/0")), "make") == 0);
        assert(strcmp(json_object_get_string(get(object, "/command/1")), "\\xff") == 0);
        assert(json_object_get_boolean(get(object, "/command_escaped")));
        assert(get_number(object, "/pid") == ROOT && get_number(object, "/exit_code") == 0);
        assert(get_number(object, "/term_signal") == SIGKILL && get_number(object, "/wall_ns") == 50 * MS);
        assert(!json_object_get_boolean(get(object, "/complete")) && get_number(object, "/lost/taskstats") == 9);
        assert(get_number(object, "/processes/made") == 2 && get_number(object, "/processes/most_at_once") == 2);
        assert(get_number(object, "/cpu/total_ns") == 105 * MS);
        assert(json_object_get_boolean(get(object, "/cpu/at_least")));
        assert(get_number(object, "/cpu/unattributed_ns") == 54 * MS);
        assert(get_number(object, "/cpu/records/cpu_run_virtual_total_ns") == 51 * MS);
        assert(get_number(object, "/cpu/records/cpu_run_real_total_ns") == 48 * MS);
        assert(get_number(object, "/cpu/not_waited_for/processes") == 1);
        assert(get_number(object, "/cpu/not_waited_for/cpu_run_virtual_total_ns") == 30 * MS);
        assert(get_number(object, "/rusage/user_ns") == 50 * MS && get_number(object, "/rusage/system_ns") == 25 * MS);
        assert(get_number(object, "/io/write_bytes") == 4096 && get_number(object, "/io/processes") == 2);
        assert(get_number(object, "/delays/cpu/total_ns") == 60 && get_number(object, "/delays/cpu/processes") == 2);
        assert(!json_object_object_get(get(object, "/delays"), "blkio"));
        assert(!get(object, "/memory/hiwater_rss_kib"));
        assert(strcmp(json_object_get_string(get(object, "/commands/0/comm")), "cc") == 0);
        assert(json_object_array_length(get(object, "/commands")) == 1);
        assert(get_number(object, "/commands_left_out") == 1);
        check_sum(object, "cpu_run_virtual_total_ns", "/cpu/records/cpu_run_virtual_total_ns");
        check_sum(object, "write_bytes", "/io/write_bytes");
        check_sum(object, "runs", "/processes/ended");
        json_object_put(object);
        end();

        /* A value without a record is null. */
        begin();
        report.status = 3 << 8;
        object = run_report_json(&report);
        assert(!get(object, "/memory") && !get(object, "/io") && !get(object, "/scheduling"));
        assert(get_number(object, "/exit_code") == 3 && get_number(object, "/term_signal") == 0);
        json_object_put(object);
        end();
}

int main(void) {
        test_json();
        return 0;
}
