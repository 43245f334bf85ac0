/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One Event of the wire becomes the decoder's struct tb_event.
 *
 * Called by decode_frame.c. proto/event_kinds.h has the kinds and
 * their fields. The decoder owns all that the event points to.
 */

#include <string.h>

#include "clients/lib/decode_parts.h"
#include "proto/event_kinds.h"

/* An older broker gives no reason where it withholds the cause. */
struct tb_termination decode_termination(const Taskbroker__V1__Termination *wire,
                                         Taskbroker__V1__TerminationMissing missing) {
        if (!wire)
                return (struct tb_termination){
                        .missing = missing ? (enum tb_termination_missing)missing : TB_TERMINATION_MISSING_WITHHELD,
                };

        return (struct tb_termination){
                .known = true,
                .exit_code = wire->exit_code,
                .term_signal = wire->term_signal,
                .core_dumped = wire->core_dumped,
        };
}

/*
 * The kinds whose messages are not plain fields.
 */

static void decode_exec(Decoder *decoder, const Taskbroker__V1__Exec *wire) {
        struct tb_event *event = &decoder->event;

        event->exec.comm_stale = wire->comm_stale;
        event->exec.program = decode_program(&decoder->program, wire->program);
}

static void decode_exit(Decoder *decoder, const Taskbroker__V1__Exit *wire) {
        struct tb_event *event = &decoder->event;

        event->exit.termination = decode_termination(wire->termination, wire->termination_missing);
        event->exit.process_ended = wire->process_ended;
        event->exit.stats_missing = (enum tb_stats_missing)wire->stats_missing;
        event->exit.exit_signal_known = !event->synthesised && !wire->exit_signal_missing;
        event->exit.exit_signal = wire->exit_signal;
        event->exit.program = decode_program(&decoder->program, wire->program);

        if (wire->stats) {
                decode_task_stats(&decoder->stats, wire->stats);
                event->exit.stats = &decoder->stats;
        }

        if (!wire->process_ended)
                return;
        if (wire->leader) {
                event->exit.leader.known = true;
                event->exit.leader.uid = wire->leader->uid;
                event->exit.leader.start_time_ns = wire->leader->start_time_ns;
                event->exit.leader.start_boot_ns = wire->leader->start_boot_ns;
                decode_comm(event->exit.leader.comm, wire->leader->comm);
                event->exit.leader.comm_stale = wire->leader->comm_stale;
        }

        /* The wire has the values of a process of one task only once. */
        event->exit.process_termination = event->exit.termination;
        if (wire->process_termination || wire->process_termination_missing)
                event->exit.process_termination =
                        decode_termination(wire->process_termination, wire->process_termination_missing);
        event->exit.process_stats = event->exit.stats;
        if (wire->process_stats) {
                decode_task_stats(&decoder->process_stats, wire->process_stats);
                event->exit.process_stats = &decoder->process_stats;
        }
}

/* A broker before this field leaves it to the source. */
static enum tb_loss_missing decode_loss_missing(const Taskbroker__V1__Loss *wire) {
        if (wire->missing)
                return (enum tb_loss_missing)wire->missing;

        switch (wire->source) {
        case TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_TASKSTATS:
                return TB_LOSS_MISSING_NONE;
        case TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_READER:
                return TB_LOSS_MISSING_COUNTED;
        default:
                return TB_LOSS_MISSING_POSSIBLE;
        }
}

static void decode_loss(Decoder *decoder, const Taskbroker__V1__Loss *wire) {
        struct tb_event *event = &decoder->event;

        event->loss.count = wire->count;
        event->loss.count_known = wire->count > 0 || !wire->at_least;
        event->loss.missing = decode_loss_missing(wire);
        event->loss.source = (enum tb_loss_source)wire->source;
        event->loss.reason = (enum tb_loss_reason)wire->reason;
        event->loss.at_least = wire->at_least;
        event->loss.cpu_known = event->cpu_known = wire->cpu_known;
        event->loss.since_time_ns = wire->since_time_ns;
}

/* Return: whether the library knows the event's kind. */
static bool decode_what(Decoder *decoder, const Taskbroker__V1__Event *wire) {
        struct tb_event *event = &decoder->event;

        switch (wire->kind_case) {
#define FIELD_U32(member, name) event->member.name = what->name;
#define FIELD_COMM(member, name) decode_comm(event->member.name, what->name);
#define FIELD_PROCESS(member, name) event->member.name = decode_process_id(what->name);
#define FIELD_START(member, name) event->member.name = what->name;
#define FIELD(member, name, type, at, json) FIELD_##type(member, name)
#define DECODE_FIELDS(name, member) EVENT_FIELDS_##member(FIELD) (void)what;
#define DECODE_OWN(name, member) decode_##name(decoder, what);
#define KIND(NAME, name, number, kernel, task_at, parse, member, member_of_wire, WIRE, message, form, flags)           \
        case TASKBROKER__V1__EVENT__KIND_##WIRE: {                                                                     \
                const __typeof__(*wire->member_of_wire) *what = wire->member_of_wire;                                  \
                                                                                                                       \
                event->kind = TB_KIND_##NAME;                                                                          \
                DECODE_##form(name, member) return true;                                                               \
        }
                EVENT_KINDS(KIND)
#undef KIND
        default:
                return false;
        }
}

/**
 * decode_event() - decode an event
 * @decoder:       gets it; number and clock offset come from the batch, and are 0 here
 * @wire:          the event
 *
 * Return: Whether this library knows its kind.
 */
bool decode_event(Decoder *decoder, const Taskbroker__V1__Event *wire) {
        struct tb_event *event = &decoder->event;

        memset(event, 0, sizeof(*event));
        event->time_ns = wire->time_ns;
        event->cpu_known = !wire->synthesised;
        event->cpu = wire->cpu;
        event->pid = wire->pid;
        event->tid = wire->tid;
        event->ppid = wire->ppid;
        event->maker = decode_process_id(wire->maker);
        event->parent = decode_process_id(wire->parent);
        event->uid = wire->uid;
        event->start_time_ns = wire->start_time_ns;
        event->start_boot_ns = wire->start_boot_ns;
        event->task_unknown = wire->task_unknown;
        event->comm_stale = wire->comm_stale;
        event->synthesised = wire->synthesised;
        event->left_filter = wire->left_filter;
        event->restricted = wire->restricted;
        decode_comm(event->comm, wire->comm);

        return decode_what(decoder, wire);
}
