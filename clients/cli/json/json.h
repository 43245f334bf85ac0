/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "taskbroker/taskbroker.h"

typedef struct Output Output;

struct json_object;

struct json_object *json_event(const struct tb_event *event);
struct json_object *json_task(const struct tb_task *task);
struct json_object *json_snapshot_end(const struct tb_snapshot_end *end);
struct json_object *json_link(const struct tb_link *link, uint64_t time_ns);
struct json_object *json_program(const struct tb_program *program);
struct json_object *json_task_stats(const struct tb_task_stats *stats);
struct json_object *json_status(const struct tb_status *status);

/* Parts of objects, for the files in json/. Keys must be constants. */
void json_add(struct json_object *object, const char *key, struct json_object *value);
void json_add_number(struct json_object *object, const char *key, uint64_t number);
void json_add_known(struct json_object *object, const char *key, uint64_t number, bool known);
void json_add_bool(struct json_object *object, const char *key, bool value);
void json_add_flag(struct json_object *object, const char *key, bool value, bool known);
void json_add_text(struct json_object *object, const char *key, const char *text);
void json_add_termination(struct json_object *object, const struct tb_termination *termination);
void json_add_id(struct json_object *object, const char *key, uint32_t tid, uint64_t start_boot_ns);
void json_add_start(struct json_object *object, uint32_t tid, uint64_t start_time_ns, uint64_t start_boot_ns);
void json_add_known_text(struct json_object *object, const char *key, const char *text, bool known);
void json_add_escaped(struct json_object *object, const char *key);
struct json_object *json_text(const char *text, bool escaped);
void json_add_relatives(struct json_object *object,
                        const struct tb_process_id *maker,
                        const struct tb_process_id *parent);
void json_add_delay_accounting(struct json_object *object, enum tb_delay_accounting value);
void json_add_session(struct json_object *object, const struct tb_process_id *leader);
void json_add_groups(struct json_object *object, const char *key, uint32_t groups);

const char *json_line(struct json_object *object, size_t *ret_n);
int json_write(struct json_object *object, Output *output);
