/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tasks of a snapshot, and its end, as JSON objects with the names of the protocol.
 */

#include <json-c/json.h>

#include "clients/cli/json/json.h"

struct json_object *json_task(const struct tb_task *task) {
        struct json_object *object = json_object_new_object();
        bool known = !task->task_unknown;

        json_add_text(object, "kind", "task");
        json_add_number(object, "pid", task->pid);
        json_add_number(object, "tid", task->tid);
        json_add_known(object, "ppid", task->parent.pid, task->parent.known);
        json_add_known(object, "uid", task->uid, known || task->uid != 0);
        json_add_known(object, "euid", task->euid, known || task->euid != 0);
        json_add_known(object, "gid", task->gid, known || task->gid != 0);
        json_add_known(object, "egid", task->egid, known || task->egid != 0);
        json_add_session(object, &task->session_leader);
        json_add_known_text(object, "comm", task->comm, known || task->comm[0]);
        if (task->comm_stale)
                json_add_bool(object, "comm_stale", true);
        json_add_start(object, task->tid, task->start_time_ns, task->start_boot_ns);
        json_add_relatives(object, &task->maker, &task->parent);
        if (task->tasks)
                json_add_number(object, "tasks", task->tasks);
        json_add_flag(object, "kernel_thread", task->kernel_thread, known);
        json_add_flag(object, "credentials_changed", task->credentials_changed, known);
        if (task->seeded)
                json_add_bool(object, "seeded", true);
        if (task->task_unknown)
                json_add_bool(object, "task_unknown", true);
        if (task->program)
                json_add(object, "program", json_program(task->program));

        return object;
}

struct json_object *json_snapshot_end(const struct tb_snapshot_end *end) {
        struct json_object *object = json_object_new_object();

        json_add_text(object, "kind", "snapshot_end");
        json_add_number(object, "time_ns", end->time_ns);
        json_add_number(object, "number", end->number);
        json_add_number(object, "tasks", end->tasks);

        return object;
}
