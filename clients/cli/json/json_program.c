/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The program of a process as a JSON object: the same in events and in snapshots.
 */

#include <json-c/json.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/json/json.h"

static void json_add_state(struct json_object *object, enum tb_program_state state) {
        switch (state) {
        case TB_PROGRAM_CAPTURED:
                json_add_text(object, "state", "captured");
                break;
        case TB_PROGRAM_LATE:
                json_add_text(object, "state", "late");
                break;
        case TB_PROGRAM_SKIPPED:
                json_add_text(object, "state", "skipped");
                break;
        default:
                json_add(object, "state", NULL);
        }
}

/*
 * If one argument is not UTF-8, all are escaped. The last argument has no NUL if the
 * command line was cut; the library adds one.
 */
static void json_add_arguments(struct json_object *object, const struct tb_program *program) {
        struct json_object *arguments = json_object_new_array();
        bool escaped = false;

        for (size_t at = 0; at < program->n_cmdline; at += strlen(program->cmdline + at) + 1)
                escaped |= !text_is_utf8(program->cmdline + at);
        for (size_t at = 0; at < program->n_cmdline; at += strlen(program->cmdline + at) + 1)
                json_object_array_add(arguments, json_text(program->cmdline + at, escaped));

        json_add(object, "cmdline", arguments);
        if (escaped)
                json_add_escaped(object, "cmdline");
}

struct json_object *json_program(const struct tb_program *program) {
        struct json_object *object = json_object_new_object();

        json_add_state(object, program->state);
        if (program->state == TB_PROGRAM_CAPTURED)
                json_add_arguments(object, program);
        else
                json_add(object, "cmdline", NULL);
        json_add_known_text(object, "exe", program->exe, program->n_exe);
        json_add_known_text(object, "cgroup", program->cgroup, program->n_cgroup);
        if (program->n_cgroup && program->state != TB_PROGRAM_CAPTURED)
                json_add_bool(object, "cgroup_inherited", true);
        json_add_bool(object, "truncated", program->truncated);
        if (program->exe_withheld)
                json_add_bool(object, "exe_withheld", true);

        return object;
}
