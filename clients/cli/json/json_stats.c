/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Statistics as a JSON object: TaskStats of the protocol, with its names and nesting.
 *
 * The table proto/taskstats_fields.h has the fields; no field is named here.
 */

#include <json-c/json.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/json/json.h"
#include "proto/taskstats_fields.h"

static const struct {
        const char *name;
        uint32_t bit;
} stats_groups[] = {
#define GROUP_NAME(group, GROUP, number) { #group, TB_STATS_BIT(number) },
        TASKSTATS_GROUPS(GROUP_NAME)
#undef GROUP_NAME
};

void json_add_groups(struct json_object *object, const char *key, uint32_t groups) {
        struct json_object *names;

        if (!groups)
                return;

        names = json_object_new_array();
        for (size_t i = 0; i < sizeof(stats_groups) / sizeof(*stats_groups); ++i)
                if (groups & stats_groups[i].bit)
                        json_object_array_add(names, json_object_new_string(stats_groups[i].name));
        json_add(object, key, names);
}

static void json_add_delay(struct json_object *delays, const char *name, const struct tb_delay *delay) {
        struct json_object *object, *peak;

        if (!delay->known)
                return;

        object = json_object_new_object();
        json_add_number(object, "count", delay->count);
        json_add_number(object, "total_ns", delay->total_ns);
        if (delay->peak_known) {
                peak = json_object_new_object();
                json_add_number(peak, "max_ns", delay->max_ns);
                json_add_number(peak, "min_ns", delay->min_ns);
                json_add_known(peak, "max_time_ns", delay->max_time_ns, delay->max_time_ns != 0);
                json_add(object, "peak", peak);
        }
        json_add(delays, name, object);
}

/* A peak of 0 is not known: a kernel thread has no memory of its own, and the peak of a zombie is lost. */
static bool stats_is_peak(const char *name) {
        return strncmp(name, "hiwater_", strlen("hiwater_")) == 0;
}

struct json_object *json_task_stats(const struct tb_task_stats *stats) {
        struct json_object *object = json_object_new_object(), *part;

#define NUMBER_U8(value) json_object_new_uint64(value)
#define NUMBER_U32(value) json_object_new_uint64(value)
#define NUMBER_U64(value) json_object_new_uint64(value)
#define NUMBER_S8(value) json_object_new_int64(value)
#define ADD_FIELD(group, name, type, offset, offset_v15, since, total)                                                 \
        json_add(part, #name,                                                                                          \
                 stats->taskstats_version >= (since) && (stats->group.name || !stats_is_peak(#name))                   \
                         ? NUMBER_##type(stats->group.name)                                                            \
                         : NULL);
#define ADD_GROUP(group, GROUP, number)                                                                                \
        if (stats->groups & TB_STATS_BIT(number)) {                                                                    \
                part = json_object_new_object();                                                                       \
                TASKSTATS_##GROUP##_FIELDS(ADD_FIELD)                                                                  \
                if (number == TB_STATS_IDENTITY)                                                                       \
                        json_add_text(part, "ac_comm", stats->identity.ac_comm);                                       \
                json_add(object, #group, part);                                                                        \
        }
        TASKSTATS_PLAIN_GROUPS(ADD_GROUP)
#undef ADD_GROUP
#undef ADD_FIELD

        if (stats->groups & (TB_STATS_BIT(TB_STATS_CPU_DELAY) | TB_STATS_BIT(TB_STATS_DELAYS))) {
                part = json_object_new_object();
#define ADD_DELAY(name, ...) json_add_delay(part, #name, &stats->delays.name);
                TASKSTATS_DELAYS(ADD_DELAY)
#undef ADD_DELAY
                json_add(object, "delays", part);
        }

        json_add_number(object, "taskstats_version", stats->taskstats_version);
        json_add_groups(object, "unsupported_groups", stats->unsupported_groups);
        json_add_groups(object, "uncounted_groups", stats->uncounted_groups);
        json_add_groups(object, "withheld_groups", stats->withheld_groups);
        if (stats->tasks) {
                json_add_number(object, "tasks", stats->tasks);
                json_add_number(object, "tasks_missing", stats->tasks_missing);
                json_add_bool(object, "tasks_unseen", stats->tasks_unseen);
        }

        return object;
}
