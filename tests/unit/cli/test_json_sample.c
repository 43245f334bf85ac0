/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Samples as JSON: uses, totals, and values that are not known.
 */

#include <json-c/json.h>

#include "clients/cli/json/json_sample.h"
#include "tests/unit/live_rig.h"

static struct json_object *get(struct json_object *object, const char *path) {
        struct json_object *value = NULL;

        json_pointer_get(object, path, &value);
        return value;
}

static uint64_t number(struct json_object *object, const char *path) {
        struct json_object *value = get(object, path);

        if (!value)
                fprintf(stderr, "there is no %s in %s\n", path, json_object_to_json_string(object));
        assert(value);
        return json_object_get_uint64(value);
}

static struct json_object *row_json(const Live *live, const Made *made) {
        return json_sample_row(live, row_of(live, made));
}

static void test_row(void) {
        Made made = {.pid = 10, .start = -1, .cpu_ns = 100, .comm = "na\"me"}, idle = {.pid = 11, .start = -1};
        struct json_object *object;
        Live live;

        live_init(&live);
        send_row(&live, &made, 0);
        send_row(&live, &idle, 0);
        send_sample(&live, 0, true);

        /* Totals are known at once. The usage is null until it is known. */
        object = row_json(&live, &made);
        assert(number(object, "/stats/cpu/cpu_run_virtual_total_ns") == 100);
        assert(json_object_object_get_ex(object, "used", NULL) && !get(object, "/used") && !get(object, "/span_ns"));
        json_object_put(object);

        made.cpu_ns = 130;
        made.read_bytes = 4096;
        made.io_delay_ns = 7;
        send_row(&live, &made, 1);
        send_sample(&live, 1, false);
        object = row_json(&live, &made);
        assert(strcmp(json_object_get_string(get(object, "/kind")), "task_sample") == 0);
        assert(strcmp(json_object_get_string(get(object, "/comm")), "na\"me") == 0);
        assert(number(object, "/sample") == 2 && number(object, "/pid") == 10 && number(object, "/ppid") == 1);
        assert(number(object, "/start_time_ns") == AT(-1) && number(object, "/time_ns") == AT(1));
        assert(number(object, "/span_ns") == SECOND_NS);
        assert(number(object, "/used/cpu/cpu_run_virtual_total_ns") == 30);
        assert(number(object, "/used/io/read_bytes") == 4096);
        assert(number(object, "/used/delays/blkio/total_ns") == 7);
        assert(number(object, "/used/delays/cpu/total_ns") == 15);
        assert(number(object, "/stats/cpu/cpu_run_virtual_total_ns") == 130);
        assert(!json_object_get_boolean(get(object, "/ended")) && !get(object, "/exit_code"));
        /* This kernel does not measure the delay by interrupts. */
        assert(!get(object, "/used/delays/irq"));
        json_object_put(object);

        object = row_json(&live, &idle);
        assert(number(object, "/used/cpu/cpu_run_virtual_total_ns") == 0);
        json_object_put(object);
        live_deinit(&live);
}

static void test_unknown(void) {
        Made others = {.pid = 10, .start = -1, .groups = GROUPS_ALL & ~GROUP_IO, .withheld = GROUP_IO};
        Made brief = {.pid = 11, .start = 0.5, .write_bytes = 8192};
        struct tb_welcome welcome = {.delay_accounting = TB_DELAY_ACCOUNTING_OFF};
        struct json_object *object;
        struct tb_task_sample lost;
        Live live;

        live_init(&live);
        send_row(&live, &others, 0);
        send_sample(&live, 0, true);
        object = json_sample(&live, &welcome);
        assert(!get(object, "/span_ns") && !get(object, "/used") && !get(object, "/forks"));
        json_object_put(object);

        send_row(&live, &others, 1);
        send_ended(&live, &brief, 0.6);
        lost = made_sample(&(Made){.pid = 12, .start = 0.5}, 0.7);
        lost.ended = true;
        lost.stats_missing = TB_STATS_MISSING_LOST;
        lost.task_unknown = true;
        lost.comm[0] = 0;
        lost.uid = 0;
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_TASK_SAMPLE, .task_sample = &lost});
        send_sample(&live, 1, false);

        object = row_json(&live, &others);
        assert(!get(object, "/used/io") && !get(object, "/stats/io") && get(object, "/used/cpu"));
        assert(strcmp(json_object_get_string(get(object, "/stats/withheld_groups/0")), "io") == 0);
        json_object_put(object);

        object = row_json(&live, &brief);
        assert(json_object_get_boolean(get(object, "/ended")) && number(object, "/exit_code") == 0);
        assert(number(object, "/used/io/write_bytes") == 8192 && number(object, "/end_time_ns") == AT(0.6));
        json_object_put(object);

        object = json_sample_row(&live, live_find(&live, 12));
        assert(!get(object, "/used") && !get(object, "/stats") && !get(object, "/exit_code"));
        assert(!get(object, "/comm") && !get(object, "/uid") && !get(object, "/kernel_thread"));
        assert(strcmp(json_object_get_string(get(object, "/stats_missing")), "lost") == 0);
        json_object_put(object);

        object = json_sample(&live, &welcome);
        assert(number(object, "/tasks") == 3 && number(object, "/alive") == 1);
        assert(number(object, "/used/io/write_bytes") == 8192 && number(object, "/span_ns") == SECOND_NS);
        assert(strcmp(json_object_get_string(get(object, "/delay_accounting")), "off") == 0);
        assert(strcmp(json_object_get_string(get(object, "/withheld_groups/0")), "io") == 0);
        json_object_put(object);
        live_deinit(&live);
}

int main(void) {
        test_row();
        test_unknown();
        return 0;
}
