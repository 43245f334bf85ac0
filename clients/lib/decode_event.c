/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One Event of the wire becomes one struct tb_event.
 *
 * Called by the decoder. All that the struct points to is the caller's.
 */

#include <string.h>

#include "clients/lib/decode_parts.h"

struct tb_termination decode_termination(const Taskbroker__V1__Termination *wire) {
        if (!wire)
                return (struct tb_termination){ .known = false };

        return (struct tb_termination){
                .known = true,
                .exit_code = wire->exit_code,
                .term_signal = wire->term_signal,
                .core_dumped = wire->core_dumped,
        };
}

static void decode_exit(struct tb_event *event,
                        struct tb_task_stats *stats,
                        struct tb_task_stats *process_stats,
                        struct tb_program *program,
                        const Taskbroker__V1__Exit *wire) {
        event->kind = TB_KIND_EXIT;
        event->exit.termination = decode_termination(wire->termination);
        event->exit.process_ended = wire->process_ended;
        event->exit.stats_missing = (enum tb_stats_missing)wire->stats_missing;
        event->exit.exit_signal = wire->exit_signal;
        event->exit.program = decode_program(program, wire->program);

        if (wire->stats) {
                decode_task_stats(stats, wire->stats);
                event->exit.stats = stats;
        }

        if (!wire->process_ended)
                return;

        /* Of a process of one task the wire says everything once. */
        event->exit.process_termination =
                decode_termination(wire->process_termination ? wire->process_termination : wire->termination);
        event->exit.process_stats = event->exit.stats;
        if (wire->process_stats) {
                decode_task_stats(process_stats, wire->process_stats);
                event->exit.process_stats = process_stats;
        }
}

static void decode_credentials(struct tb_event *event, enum tb_kind kind, const Taskbroker__V1__Credentials *wire) {
        event->kind = kind;
        event->credentials.real_id = wire->real_id;
        event->credentials.effective_id = wire->effective_id;
}

static void decode_loss(struct tb_event *event, const Taskbroker__V1__Loss *wire) {
        event->kind = TB_KIND_LOSS;
        event->loss.count = wire->count;
        event->loss.source = (enum tb_loss_source)wire->source;
        event->loss.reason = (enum tb_loss_reason)wire->reason;
        event->loss.at_least = wire->at_least;
        event->loss.cpu_known = wire->cpu_known;
        event->loss.since_time_ns = wire->since_time_ns;
}

/**
 * decode_event() - decode an event
 * @event:         output; its number and clock offset are the batch's and stay 0
 * @stats:         room for an exit's statistics
 * @process_stats: room for those of a process
 * @program:       room for what the process runs
 * @wire:          the event
 *
 * Return: Whether it is of a kind that this library knows.
 */
bool decode_event(struct tb_event *event,
                  struct tb_task_stats *stats,
                  struct tb_task_stats *process_stats,
                  struct tb_program *program,
                  const Taskbroker__V1__Event *wire) {
        memset(event, 0, sizeof(*event));
        event->time_ns = wire->time_ns;
        event->cpu = wire->cpu;
        event->pid = wire->pid;
        event->tid = wire->tid;
        event->ppid = wire->ppid;
        event->uid = wire->uid;
        event->start_time_ns = wire->start_time_ns;
        event->task_unknown = wire->task_unknown;
        event->synthesised = wire->synthesised;
        event->left_filter = wire->left_filter;
        event->restricted = wire->restricted;
        decode_comm(event->comm, wire->comm);

        switch (wire->what_case) {
        case TASKBROKER__V1__EVENT__WHAT_FORK:
                event->kind = TB_KIND_FORK;
                event->fork.parent_pid = wire->fork->parent_pid;
                event->fork.parent_tid = wire->fork->parent_tid;
                return true;
        case TASKBROKER__V1__EVENT__WHAT_EXEC:
                event->kind = TB_KIND_EXEC;
                event->exec.comm_stale = wire->exec->comm_stale;
                event->exec.program = decode_program(program, wire->exec->program);
                return true;
        case TASKBROKER__V1__EVENT__WHAT_EXIT:
                decode_exit(event, stats, process_stats, program, wire->exit);
                return true;
        case TASKBROKER__V1__EVENT__WHAT_COMM_CHANGE:
                event->kind = TB_KIND_COMM;
                decode_comm(event->comm_change.old_comm, wire->comm_change->old_comm);
                return true;
        case TASKBROKER__V1__EVENT__WHAT_USER_IDS:
                decode_credentials(event, TB_KIND_UID, wire->user_ids);
                return true;
        case TASKBROKER__V1__EVENT__WHAT_GROUP_IDS:
                decode_credentials(event, TB_KIND_GID, wire->group_ids);
                return true;
        case TASKBROKER__V1__EVENT__WHAT_SESSION:
                event->kind = TB_KIND_SID;
                return true;
        case TASKBROKER__V1__EVENT__WHAT_PTRACE:
                event->kind = TB_KIND_PTRACE;
                event->ptrace.tracer_pid = wire->ptrace->tracer_pid;
                event->ptrace.tracer_tid = wire->ptrace->tracer_tid;
                return true;
        case TASKBROKER__V1__EVENT__WHAT_COREDUMP:
                event->kind = TB_KIND_COREDUMP;
                return true;
        case TASKBROKER__V1__EVENT__WHAT_LOSS:
                decode_loss(event, wire->loss);
                return true;
        default:
                return false;
        }
}
