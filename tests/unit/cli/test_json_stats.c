/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Statistics of a task as JSON.
 */

#include "proto/taskstats_fields.h"
#include "tests/unit/json_rig.h"

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

        check_json(json_task_stats(&stats),
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
        assert(json_object_object_length(identity) == 12);
        assert(strcmp(json_object_get_string(json_object_object_get(identity, "ac_comm")), "\\xfe") == 0);
        assert(!json_object_object_get(object, "delays") && !json_object_object_get(object, "scheduling"));
        json_object_put(object);
}

/* The fields of a present group that the kernel's record does not have are null, and a peak of 0 too. */
static void test_versions(void) {
        for (uint32_t version = 8; version < 18; ++version) {
                struct tb_task_stats stats = {
                        .groups = UINT32_MAX,
                        .taskstats_version = version,
                        .memory = { .hiwater_rss_kib = 1, .hiwater_vm_kib = 1 },
                };
                struct json_object *object = json_task_stats(&stats), *memory, *peak;

#define CHECK(in_group, name, type, offset, offset_v15, since, total)                                                  \
        {                                                                                                              \
                struct json_object *group = json_object_object_get(object, #in_group), *value;                         \
                                                                                                                       \
                assert(json_object_object_get_ex(group, #name, &value) && !value == (version < (since)));              \
        }
                TASKSTATS_FIELDS(CHECK)
#undef CHECK
                json_object_put(object);

                stats.memory.hiwater_rss_kib = 0;
                object = json_task_stats(&stats);
                memory = json_object_object_get(object, "memory");
                assert(json_object_object_get_ex(memory, "hiwater_rss_kib", &peak) && !peak);
                assert(json_object_object_get_ex(memory, "hiwater_vm_kib", &peak) && peak);
                json_object_put(object);
        }
}

int main(void) {
        test_stats();
        test_versions();
        return 0;
}
