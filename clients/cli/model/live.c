/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The live model: samples, the snapshot and events in, rows out.
 *
 * Takes every message and knows what the snapshot and the events mean for the
 * rows; live-sample.c knows what samples mean, live-rows.c keeps them, and
 * live-values.c says what they show. An exit that the events tell only marks its
 * row: its last values are in the next sample. Pure: knows no connection, no clock
 * and no /proc.
 */

#include <errno.h>

#include "clients/cli/model/live.h"
#include "clients/cli/model/live_rows.h"
#include "clients/cli/model/live_samples.h"

static int live_task(Live *live, const struct tb_task *task) {
        LiveRow *row;

        row = live_row(live, task->pid, task->tid, task->start_time_ns);
        if (!row)
                return -ENOMEM;
        if (row->exited || row->ended)
                return 0;

        if (!task->task_unknown) {
                row->ppid = task->ppid;
                row->uid = task->uid;
        }
        live_take_name(row, task->comm);
        row->kernel_thread = task->kernel_thread;
        if (task->tasks)
                row->tasks = task->tasks;

        return live_take_program(row, task->program);
}

/* Which row an event is about; NULL: none that is known, or an earlier owner of the number. */
static LiveRow *live_event_row(const Live *live, const struct tb_event *event) {
        uint32_t tid = live->threads ? event->tid : event->pid;
        LiveRow *row;

        row = live_find_started(live, tid, event->start_time_ns);
        if (row || live->threads)
                return row;

        /* A process that outlives its first thread is told of by another, which began later. */
        row = live_find(live, tid);
        return row && !row->ended && event->tid != event->pid ? row : NULL;
}

static int live_fork(Live *live, const struct tb_event *event) {
        const LiveRow *parent;
        LiveRow *row;

        if (!live->threads && event->tid != event->pid)
                return 0;

        row = live_row(live, event->pid, event->tid, event->start_time_ns);
        if (!row)
                return -ENOMEM;
        if (row->sampled || row->exited)
                return 0;

        row->ppid = event->ppid;
        row->uid = event->uid;
        live_take_name(row, event->comm);

        /* Until it calls exec it runs what its parent does. */
        parent = live_find(live, event->tid == event->pid ? event->fork.parent_pid : event->pid);
        return parent && parent != row && !row->program ? live_take_program(row, parent->program) : 0;
}

static int live_exec(Live *live, const struct tb_event *event) {
        LiveRow *row = live_event_row(live, event);

        if (!row)
                return 0;
        if (!event->exec.comm_stale)
                live_take_name(row, event->comm);
        row->uid = event->uid;

        /* Another thread than the leader may have called it: its row is the leader's now, under that number. */
        if (live->threads && live->n_renamed < LIVE_RENAMED_MAX)
                live->renamed[live->n_renamed++] = event->pid;

        return live_take_program(row, event->exec.program);
}

static void live_exit(Live *live, const struct tb_event *event) {
        LiveRow *row;

        if (!live->threads && !event->exit.process_ended)
                return;
        row = live_event_row(live, event);
        if (!row || row->exited || row->ended)
                return;

        row->exited = true;
        row->end_time_ns = event->time_ns;
        row->termination = live->threads ? event->exit.termination : event->exit.process_termination;
        live_take_name(row, event->comm);
        row->next_exited = live->exited;
        live->exited = row;
}

/* It lives on, but is none of those that were asked for. */
static void live_leave(Live *live, const struct tb_event *event) {
        LiveRow *row = live_event_row(live, event);

        if (!row || row->exited || row->ended || row->sample == live->sample.number + live->in_sample)
                return;

        live_remove(live, row);
}

static int live_event(Live *live, const struct tb_event *event) {
        LiveRow *row;

        if (event->left_filter && event->kind != TB_KIND_EXIT) {
                live_leave(live, event);
                return 0;
        }

        switch (event->kind) {
        case TB_KIND_FORK:
                return live_fork(live, event);
        case TB_KIND_EXEC:
                return live_exec(live, event);
        case TB_KIND_EXIT:
                live_exit(live, event);
                return 0;
        case TB_KIND_COMM:
                row = event->tid == event->pid || live->threads ? live_event_row(live, event) : NULL;
                if (row)
                        live_take_name(row, event->comm);
                return 0;
        case TB_KIND_UID:
                row = event->tid == event->pid || live->threads ? live_event_row(live, event) : NULL;
                if (row)
                        row->uid = event->uid;
                return 0;
        case TB_KIND_LOSS:
                live->event_losses += event->loss.count;
                return 0;
        default:
                return 0;
        }
}

static bool live_wants(const Live *live, uint32_t pid, uint32_t tid) {
        for (size_t i = 0; i < live->n_only; ++i)
                if (live->only[i] == pid || live->only[i] == tid)
                        return true;

        return live->n_only == 0;
}

/**
 * live_message() - take a message of either connection
 * @live:       the model
 * @message:    any; those that say nothing of tasks mean nothing to it
 *
 * Return: 0, or -ENOMEM.
 */
int live_message(Live *live, const struct tb_message *message) {
        switch (message->type) {
        case TB_MESSAGE_TASK:
                if (!live_wants(live, message->task->pid, message->task->tid))
                        return 0;
                return live_task(live, message->task);
        case TB_MESSAGE_SNAPSHOT_END:
                live->snapshot_complete = true;
                return 0;
        case TB_MESSAGE_EVENT:
                if (message->event->kind != TB_KIND_LOSS && !live_wants(live, message->event->pid, message->event->tid))
                        return 0;
                return live_event(live, message->event);
        case TB_MESSAGE_TASK_SAMPLE:
                if (!live_wants(live, message->task_sample->pid, message->task_sample->tid))
                        return 0;
                return live_task_sample(live, message->task_sample);
        case TB_MESSAGE_SAMPLE:
                return live_sample(live, message->sample);
        case TB_MESSAGE_LINK:
                live->restarted |= message->link->state == TB_LINK_RESTARTED;
                return 0;
        default:
                return 0;
        }
}
