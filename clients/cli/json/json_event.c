/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events as JSON, one object each, with the names of the protocol. The table
 * proto/event_kinds.h has the kinds and their fields; docs/man/taskbroker.1 lists the
 * keys that programs can rely on.
 */

#include <json-c/json.h>
#include <string.h>

#include "clients/cli/json/json.h"
#include "proto/event_kinds.h"

static void json_add_stats_missing(struct json_object *object, enum tb_stats_missing missing) {
        switch (missing) {
        case TB_STATS_MISSING_LOST:
                json_add_text(object, "stats_missing", "lost");
                break;
        case TB_STATS_MISSING_NOT_WITNESSED:
                json_add_text(object, "stats_missing", "not_witnessed");
                break;
        default:
                json_add(object, "stats_missing", NULL);
        }
}

/*
 * The kinds that are not plain fields.
 */

static void json_add_exec(struct json_object *object, const struct tb_event *event) {
        if (event->exec.program)
                json_add(object, "program", json_program(event->exec.program));
}

static struct json_object *json_leader(const struct tb_event *event) {
        const struct tb_process_leader *leader = &event->exit.leader;
        struct json_object *object = json_object_new_object();

        json_add_number(object, "uid", leader->uid);
        json_add_text(object, "comm", leader->comm);
        if (leader->comm_stale)
                json_add_bool(object, "comm_stale", true);
        json_add_start(object, event->pid, leader->start_time_ns, leader->start_boot_ns);
        return object;
}

static void json_add_exit(struct json_object *object, const struct tb_event *event) {
        json_add_termination(object,
                             event->exit.process_ended ? &event->exit.process_termination : &event->exit.termination);
        json_add_bool(object, "process_ended", event->exit.process_ended);
        json_add_known(object, "exit_signal", event->exit.exit_signal, event->exit.exit_signal_known);

        json_add(object, "stats", event->exit.stats ? json_task_stats(event->exit.stats) : NULL);
        if (!event->exit.stats)
                json_add_stats_missing(object, event->exit.stats_missing);
        if (event->exit.process_stats)
                json_add(object, "process_stats", json_task_stats(event->exit.process_stats));
        if (event->exit.program)
                json_add(object, "program", json_program(event->exit.program));
        if (event->exit.leader.known)
                json_add(object, "leader", json_leader(event));
}

static void json_add_loss(struct json_object *object, const struct tb_event *event) {
        bool stream = event->loss.missing == TB_LOSS_MISSING_COUNTED;

        json_add_known(object, "count", event->loss.count, event->loss.count_known);
        json_add_text(object, "scope", stream ? "stream" : "machine");
        json_add_known(object, "missing", stream ? event->loss.count : 0,
                       event->loss.missing != TB_LOSS_MISSING_POSSIBLE);
        json_add_text(object, "source", tb_loss_source_name(event->loss.source));
        json_add_text(object, "reason", tb_loss_reason_name(event->loss.reason));
        json_add_bool(object, "at_least", event->loss.at_least);
        json_add_known(object, "since_time_ns", event->loss.since_time_ns, event->loss.since_time_ns != 0);
}

/* A loss is about no task; for a task whose fork was lost, 0 means not known. */
static void json_add_subject(struct json_object *object, const struct tb_event *event) {
        bool task = event->kind != TB_KIND_LOSS;
        bool known = task && !event->task_unknown;

        json_add_known(object, "cpu", event->cpu, event->cpu_known);
        json_add_known(object, "pid", event->pid, task);
        json_add_known(object, "tid", event->tid, task);
        json_add_known(object, "ppid", event->ppid, event->maker.known || event->ppid != 0);
        json_add_known(object, "uid", event->uid, known || event->uid != 0 || event->kind == TB_KIND_UID);
        json_add_known_text(object, "comm", event->comm, known || event->comm[0]);
        json_add_start(object, event->tid, event->start_time_ns, event->start_boot_ns);
        json_add_relatives(object, &event->maker, &event->parent);

        if (event->comm_stale)
                json_add_bool(object, "comm_stale", true);
        if (event->task_unknown)
                json_add_bool(object, "task_unknown", true);
        if (event->synthesised)
                json_add_bool(object, "synthesised", true);
        if (event->left_filter)
                json_add_bool(object, "left_filter", true);
        if (event->restricted)
                json_add_bool(object, "restricted", true);
}

/* Whether a 0 or an empty text in a field of an event's kind is its value. */
static bool json_knows(const struct tb_event *event, const char *name) {
        if (event->kind == TB_KIND_FORK)
                return !event->synthesised || event->fork.parent_tid != 0 || strcmp(name, "parent_tid") != 0;
        return event->kind != TB_KIND_COMM || (!event->synthesised && !event->task_unknown);
}

struct json_object *json_event(const struct tb_event *event) {
        struct json_object *object = json_object_new_object();

        json_add_text(object, "kind", tb_kind_name(event->kind));
        json_add_number(object, "time_ns", event->time_ns);
        json_add_number(object, "number", event->number);
        json_add_subject(object, event);

        switch (event->kind) {
#define SHOWN_U32(member, name) json_add_known(object, #name, event->member.name, json_knows(event, #name));
#define SHOWN_COMM(member, name)                                                                                       \
        if (event->member.name[0] || json_knows(event, #name))                                                         \
                json_add_text(object, #name, event->member.name);                                                      \
        else                                                                                                           \
                json_add(object, #name, NULL);
#define SHOWN_PROCESS(member, name)                                                                                    \
        json_add_id(object, #name "_id", event->member.name.pid, event->member.name.start_boot_ns);
#define SHOWN_START(member, name) json_add_known(object, #name, event->member.name, event->member.name != 0);
#define HIDDEN_U32(member, name)
#define HIDDEN_COMM(member, name)
#define FIELD(member, name, type, at, json) json##_##type(member, name)
#define ADD_FIELDS(name, member) EVENT_FIELDS_##member(FIELD)
#define ADD_OWN(name, member) json_add_##name(object, event);
#define KIND(NAME, name, number, kernel, task_at, parse, member, wire, WIRE, message, form, flags)                     \
        case TB_KIND_##NAME:                                                                                           \
                ADD_##form(name, member)                                                                               \
                break;
                EVENT_KINDS(KIND)
#undef KIND
        }

        return object;
}
