/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The messages of the broker, as the live model takes them: the snapshot and the
 * events here, the samples in live_samples.c.
 *
 * An exit event only marks its row: the last values of the row are in the next sample.
 * Pure.
 */

#include <errno.h>

#include "clients/cli/model/live_messages.h"
#include "clients/cli/model/live_samples.h"

static int messages_take_task(Live *live, const struct tb_task *task) {
        LiveRow *row;

        row = live_find_or_add(live, task->pid, task->tid, task->start_time_ns, task->start_boot_ns);
        if (!row)
                return -ENOMEM;
        if (row->exited || row->ended)
                return 0;

        row->unknown = task->task_unknown;
        if (!task->task_unknown) {
                row->uid = task->uid;
        }
        row->maker = task->maker;
        row->parent = task->parent;
        row->session_leader = task->session_leader;
        live_set_name(row, task->comm, task->comm_stale);
        row->kernel_thread = task->kernel_thread;
        if (task->tasks)
                row->tasks = task->tasks;

        return live_set_program(row, task->program);
}

/* The row of the task of an event; NULL: unknown, or the row of an earlier task with the number. */
static LiveRow *messages_find_row(const Live *live, const struct tb_event *event) {
        return live_find_task(live, live->threads ? event->tid : event->pid, event->start_boot_ns);
}

/* The row of the process whose program a new task runs; NULL: not known, or only a later process with its number is. */
static const LiveRow *messages_find_model(const Live *live, const struct tb_event *event) {
        const struct tb_process_id *maker = &event->maker;
        const LiveRow *row;

        if (event->tid == event->pid)
                return maker->known ? live_find_process(live, maker->pid, maker->start_boot_ns) : NULL;

        row = live_find(live, event->pid);
        return row && row->start_boot_ns && row->start_boot_ns <= event->start_boot_ns ? row : NULL;
}

static int messages_take_fork(Live *live, const struct tb_event *event) {
        const LiveRow *model;
        LiveRow *row;

        if (!live->threads && event->tid != event->pid)
                return 0;

        row = live_find_or_add(live, event->pid, event->tid, event->start_time_ns, event->start_boot_ns);
        if (!row)
                return -ENOMEM;
        if (row->sampled || row->exited)
                return 0;

        row->maker = event->maker;
        row->parent = event->parent;
        row->uid = event->uid;
        row->unknown = event->task_unknown;
        live_set_name(row, event->comm, event->comm_stale);

        /* Until its exec, a process runs the program of its maker. */
        model = messages_find_model(live, event);
        return model && model != row && !row->program ? live_set_program(row, model->program) : 0;
}

static int messages_take_exec(Live *live, const struct tb_event *event) {
        LiveRow *row = messages_find_row(live, event);

        if (!row)
                return 0;
        live_set_name(row, event->comm, event->comm_stale);
        row->uid = event->uid;

        /* A thread that calls exec becomes the leader, with the number of the leader. */
        if (live->threads && live->n_renamed < LIVE_RENAMED_MAX)
                live->renamed[live->n_renamed++] = (LiveRenamed){
                        .pid = event->pid,
                        .start_time_ns = event->start_time_ns,
                        .exec_time_ns = event->time_ns,
                };

        return live_set_program(row, event->exec.program);
}

static void messages_take_exit(Live *live, const struct tb_event *event) {
        LiveRow *row;

        if (!live->threads && !event->exit.process_ended)
                return;
        row = messages_find_row(live, event);
        if (!row || row->exited || row->ended)
                return;

        row->exited = true;
        row->end_time_ns = event->time_ns;
        row->end_noticed = event->synthesised && !event->exit.stats;
        row->termination = live->threads ? event->exit.termination : event->exit.process_termination;
        live_set_name(row, event->comm, event->comm_stale);
        row->next_awaiting = live->awaiting;
        live->awaiting = row;
}

/* The task lives on, but the filter does not match it any more. */
static void messages_take_left(Live *live, const struct tb_event *event) {
        LiveRow *row = messages_find_row(live, event);

        if (!row || row->exited || row->ended || row->sample == live->sample.number + live->in_sample)
                return;

        live_remove_row(live, row);
}

static int messages_take_event(Live *live, const struct tb_event *event) {
        LiveRow *row;

        if (event->left_filter && event->kind != TB_KIND_EXIT) {
                messages_take_left(live, event);
                return 0;
        }

        switch (event->kind) {
        case TB_KIND_FORK:
                return messages_take_fork(live, event);
        case TB_KIND_EXEC:
                return messages_take_exec(live, event);
        case TB_KIND_EXIT:
                messages_take_exit(live, event);
                return 0;
        case TB_KIND_COMM:
                row = event->tid == event->pid || live->threads ? messages_find_row(live, event) : NULL;
                if (row)
                        live_set_name(row, event->comm, event->comm_stale);
                return 0;
        case TB_KIND_UID:
                row = event->tid == event->pid || live->threads ? messages_find_row(live, event) : NULL;
                if (row) {
                        row->uid = event->uid;
                        row->unknown = false;
                }
                return 0;
        case TB_KIND_LOSS:
                live->event_losses += event->loss.count;
                return 0;
        default:
                return 0;
        }
}

/**
 * live_messages_take() - take a message of either connection
 * @live:       the model
 * @message:    any; messages that are not about tasks are ignored
 *
 * Return: 0, or -ENOMEM.
 */
int live_messages_take(Live *live, const struct tb_message *message) {
        const struct tb_task_sample *sample = message->task_sample;
        const struct tb_event *event = message->event;

        switch (message->type) {
        case TB_MESSAGE_TASK:
                if (!live_only_has(&live->only, message->task->pid, message->task->tid, message->task->start_boot_ns))
                        return 0;
                return messages_take_task(live, message->task);
        case TB_MESSAGE_SNAPSHOT_END:
                live->snapshot_complete = true;
                return 0;
        case TB_MESSAGE_EVENT:
                if (event->kind != TB_KIND_LOSS &&
                    !live_only_has(&live->only, event->pid, event->tid, event->start_boot_ns))
                        return 0;
                return messages_take_event(live, event);
        case TB_MESSAGE_TASK_SAMPLE:
                if (!live_only_has(&live->only, sample->pid, sample->tid, sample->start_boot_ns))
                        return 0;
                return live_samples_task(live, sample);
        case TB_MESSAGE_SAMPLE:
                return live_samples_end(live, message->sample);
        default:
                return 0;
        }
}
