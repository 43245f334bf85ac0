/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The live model: samples, the snapshot and events in, rows out.
 *
 * Owns the rows, found by number and start, and what they used between samples.
 * The kernel's values are totals since birth: what was used is the difference of
 * two of them, and of one that was born since the sample before, all of it. So
 * nothing that is told is counted twice or missed, whatever the two connections
 * bring first.
 *
 * A row ends with its last values, which the next sample has. An exit that the
 * events told earlier only marks it. Work is by what changed, but for samples that
 * are full. Pure: knows no connection, no clock and no /proc.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/live.h"
#include "clients/program.h"

#define NS_PER_S 1000000000u

/*
 * A sample is of the tasks that the broker knew of when it began: so much earlier
 * births may be news to it still, and so much later ends may.
 */
#define LIVE_SLACK_NS UINT64_C(1000000000)

/* Two brokers may tell two starts of a task that was there before both: what /proc says is right to 10 ms. */
#define LIVE_START_JITTER_NS UINT64_C(20000000)

#define LIVE_BUCKETS_MIN 1024u

static size_t live_bucket(const Live *live, uint32_t tid) {
        return (tid * UINT32_C(2654435769)) & (live->n_buckets - 1);
}

static int live_grow_buckets(Live *live) {
        size_t n_buckets = live->n_buckets ? 2 * live->n_buckets : LIVE_BUCKETS_MIN;
        LiveRow **buckets;

        if (live->n_rows < live->n_buckets)
                return 0;

        buckets = calloc(n_buckets, sizeof(*buckets));
        if (!buckets)
                return -ENOMEM;

        free(live->buckets);
        live->buckets = buckets;
        live->n_buckets = n_buckets;
        for (size_t i = 0; i < live->n_rows; i++) {
                LiveRow *row = live->rows[i], **bucket = buckets + live_bucket(live, row->tid);

                row->next_same_hash = *bucket;
                *bucket = row;
        }

        return 0;
}

static int live_make_room(Live *live) {
        size_t n_room = live->n_room ? 2 * live->n_room : 256;
        LiveRow **rows;

        if (live->n_rows < live->n_room)
                return 0;

        rows = reallocarray(live->rows, n_room, sizeof(*rows));
        if (!rows)
                return -ENOMEM;

        live->rows = rows;
        live->n_room = n_room;
        return 0;
}

LiveRow *live_find_started(const Live *live, uint32_t tid, uint64_t start_time_ns) {
        LiveRow *row;

        if (!live->n_buckets)
                return NULL;

        row = live->buckets[live_bucket(live, tid)];
        while (row && (row->tid != tid || row->start_time_ns != start_time_ns))
                row = row->next_same_hash;

        return row;
}

LiveRow *live_find(const Live *live, uint32_t tid) {
        LiveRow *row, *newest = NULL;

        if (!live->n_buckets)
                return NULL;

        for (row = live->buckets[live_bucket(live, tid)]; row; row = row->next_same_hash)
                if (row->tid == tid && (!newest || row->start_time_ns > newest->start_time_ns))
                        newest = row;

        return newest;
}

/* Of another broker the same task may have begun a little earlier or later. */
static LiveRow *live_find_like(const Live *live, uint32_t tid, uint64_t start_time_ns) {
        LiveRow *row = live_find_started(live, tid, start_time_ns);
        uint64_t apart;

        if (row || !live->restarted)
                return row;

        row = live_find(live, tid);
        if (!row || row->ended)
                return NULL;

        apart = row->start_time_ns > start_time_ns ? row->start_time_ns - start_time_ns
                                                   : start_time_ns - row->start_time_ns;
        if (apart > LIVE_START_JITTER_NS)
                return NULL;

        row->start_time_ns = start_time_ns;
        return row;
}

/* The row of this task, made if there is none. NULL: too little memory. */
static LiveRow *live_row(Live *live, uint32_t pid, uint32_t tid, uint64_t start_time_ns) {
        LiveRow *row, **bucket;

        row = live_find_like(live, tid, start_time_ns);
        if (row)
                return row;
        if (live_make_room(live) < 0 || live_grow_buckets(live) < 0)
                return NULL;

        row = calloc(1, sizeof(*row));
        if (!row)
                return NULL;
        row->pid = pid;
        row->tid = tid;
        row->start_time_ns = start_time_ns;
        row->index = live->n_rows;
        live->rows[live->n_rows++] = row;
        live->n_alive++;
        bucket = live->buckets + live_bucket(live, tid);
        row->next_same_hash = *bucket;
        *bucket = row;

        return row;
}

static void row_free(LiveRow *row) {
        if (row->history) {
                live_history_deinit(row->history);
                free(row->history);
        }
        free(row->program);
        free(row);
}

void live_untrack(Live *live, LiveRow *row) {
        for (size_t i = 0; i < LIVE_TRACKED_MAX; i++)
                if (live->tracked[i] == row)
                        live->tracked[i] = NULL;
        if (row->history) {
                live_history_deinit(row->history);
                free(row->history);
                row->history = NULL;
        }
}

int live_track(Live *live, LiveRow *row) {
        if (row->history)
                return 0;

        for (size_t i = 0; i < LIVE_TRACKED_MAX; i++) {
                if (live->tracked[i])
                        continue;
                row->history = calloc(1, sizeof(*row->history));
                if (!row->history)
                        return -ENOMEM;
                live->tracked[i] = row;
                return 0;
        }

        return -ENOSPC;
}

static void live_unlink_exited(Live *live, LiveRow *row) {
        for (LiveRow **at = &live->exited; *at; at = &(*at)->next_exited)
                if (*at == row) {
                        *at = row->next_exited;
                        return;
                }
}

/* Takes it out of everything but the lists of exited and ended rows. */
static void live_remove(Live *live, LiveRow *row) {
        LiveRow **at = live->buckets + live_bucket(live, row->tid);

        while (*at != row)
                at = &(*at)->next_same_hash;
        *at = row->next_same_hash;

        live->rows[row->index] = live->rows[--live->n_rows];
        live->rows[row->index]->index = row->index;
        live->n_alive -= !row->ended;
        live_untrack(live, row);
        row_free(row);
}

/* It has no more to tell; it stays for a while, to be seen. */
static void live_retire(Live *live, LiveRow *row, uint64_t now_ns) {
        if (row->ended)
                return;

        row->ended = true;
        row->expiry_ns = now_ns + LIVE_ENDED_NS;
        row->next_ended = NULL;
        if (live->ended_last)
                live->ended_last->next_ended = row;
        else
                live->ended_first = row;
        live->ended_last = row;
        live->n_ended++;
        live->n_alive--;
}

static void live_drop_oldest(Live *live) {
        LiveRow *row = live->ended_first;

        live->ended_first = row->next_ended;
        if (!live->ended_first)
                live->ended_last = NULL;
        live->n_ended--;
        if (row->exited)
                live_unlink_exited(live, row);
        live_remove(live, row);
}

/* Rows of the last sample must stay until the next begins, however many have ended. */
void live_expire(Live *live, uint64_t now_ns) {
        while (live->ended_first && live->ended_first->expiry_ns <= now_ns &&
               live->ended_first->sample != live->sample.number + live->in_sample)
                live_drop_oldest(live);
}

static void live_take_name(LiveRow *row, const char comm[static TB_COMM_SIZE]) {
        if (comm[0])
                memcpy(row->comm, comm, sizeof(row->comm));
}

static int live_take_program(LiveRow *row, const struct tb_program *program) {
        struct tb_program *copy;

        if (!program)
                return 0;

        copy = program_copy(program);
        if (!copy)
                return -ENOMEM;

        free(row->program);
        row->program = copy;
        return 0;
}

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

static int live_add_changed(Live *live, LiveRow *row) {
        size_t n_room = live->n_changed_room ? 2 * live->n_changed_room : 256;
        LiveRow **changed;

        if (live->n_changed == live->n_changed_room) {
                changed = reallocarray(live->changed, n_room, sizeof(*changed));
                if (!changed)
                        return -ENOMEM;
                live->changed = changed;
                live->n_changed_room = n_room;
        }

        live->changed[live->n_changed++] = row;
        return 0;
}

/* The sample before has been seen: what ended long ago may go. */
static void live_begin_sample(Live *live) {
        if (live->in_sample)
                return;

        live->in_sample = true;
        live->n_changed = 0;
        live_expire(live, live->sample.told.end_time_ns);
        while (live->n_ended > LIVE_ENDED_MAX)
                live_drop_oldest(live);
}

/* Whether all that it used was used since the sample before. */
static bool live_is_newborn(const Live *live, const struct tb_task_sample *sample) {
        return live->sample.number && sample->start_time_ns + LIVE_SLACK_NS >= live->sample.told.begin_time_ns;
}

/* What it used since its totals were last told, from the new totals. */
static void live_take_stats(Live *live, LiveRow *row, const struct tb_task_sample *sample, bool again) {
        uint64_t before[N_METRICS], now[N_METRICS], more;
        uint32_t groups = sample->stats->groups, known;
        bool newborn = !row->sampled && live_is_newborn(live, sample);

        metrics_read(sample->stats, now);
        if (row->sampled) {
                metrics_read(&row->stats, before);
                known = groups & row->stats.groups;
        } else {
                memset(before, 0, sizeof(before));
                known = newborn ? groups : 0;
                if (newborn)
                        row->base_groups = UINT32_MAX;
        }

        for (unsigned int i = 0; i < N_METRICS; i++) {
                uint32_t bit = TB_STATS_BIT(metrics[i].group);

                more = known & bit && now[i] > before[i] ? now[i] - before[i] : 0;
                row->used[i] = again ? row->used[i] + more : more;
                if (groups & bit && !(row->base_groups & bit))
                        row->base[i] = now[i];
        }
        row->base_groups |= groups;
        row->used_groups = again ? row->used_groups & known : known;
        row->stats = *sample->stats;
        row->sampled = true;
}

static int live_task_sample(Live *live, const struct tb_task_sample *sample) {
        uint64_t number = live->sample.number + 1;
        bool again, followed;
        LiveRow *row;
        int r;

        if (sample->gone)
                return 0;
        live_begin_sample(live);

        row = live_row(live, sample->pid, sample->tid, sample->start_time_ns);
        if (!row)
                return -ENOMEM;
        again = row->sample == number;
        followed = row->sample == live->sample.number && live->sample.number && row->sampled && !sample->ended;
        if (!again) {
                r = live_add_changed(live, row);
                if (r < 0)
                        return r;
        }

        row->pid = sample->pid;
        row->ppid = sample->ppid;
        row->uid = sample->uid;
        live_take_name(row, sample->comm);
        row->kernel_thread = sample->kernel_thread;
        if (sample->tasks)
                row->tasks = sample->tasks;

        if (!again)
                row->span_ns = followed && sample->time_ns > row->time_ns ? sample->time_ns - row->time_ns : 0;
        row->time_ns = sample->time_ns;
        row->sample = number;
        if (sample->stats)
                live_take_stats(live, row, sample, again);
        else if (!again)
                row->used_groups = 0;

        if (!sample->ended || (row->ended && row->sampled && again))
                return 0;
        row->stats_missing = sample->stats ? TB_STATS_MISSING_NO : sample->stats_missing;
        if (!row->exited || sample->termination.known)
                row->termination = sample->termination;
        row->end_time_ns = sample->time_ns;
        live_retire(live, row, sample->time_ns);

        return live_ranking_add(&live->ranking, sample);
}

/* Which sums are of something, and why others are not. */
static void live_sum(Live *live, LiveSample *sum) {
        uint32_t groups = 0, uncounted = 0, unsupported = 0;

        for (size_t i = 0; i < live->n_changed; i++) {
                const LiveRow *row = live->changed[i];

                if (!row->sampled)
                        continue;
                groups |= row->stats.groups;
                sum->withheld_groups |= row->stats.withheld_groups;
                uncounted |= row->stats.uncounted_groups;
                unsupported |= row->stats.unsupported_groups;
                for (unsigned int j = 0; j < N_METRICS; j++)
                        if (row->used_groups & TB_STATS_BIT(metrics[j].group))
                                sum->used[j] += row->used[j];
        }
        sum->uncounted_groups = uncounted;
        sum->unsupported_groups = unsupported;

        /* A sample in which nothing ran says nothing of what is counted. */
        live->machine_groups = (live->machine_groups & ~uncounted & ~unsupported) | groups;
        live->machine_uncounted = (live->machine_uncounted | uncounted) & ~groups;
        live->machine_unsupported = (live->machine_unsupported | unsupported) & ~groups;
}

/* A full sample has every task: who is not in it is gone. */
static void live_sweep_out(Live *live, const struct tb_sample *told) {
        for (size_t i = 0; i < live->n_rows; i++) {
                LiveRow *row = live->rows[i];

                if (row->ended || row->sample == live->sample.number)
                        continue;
                if (row->start_time_ns + LIVE_SLACK_NS >= told->begin_time_ns)
                        continue;
                row->stats_missing = TB_STATS_MISSING_NOT_WITNESSED;
                row->end_time_ns = row->exited ? row->end_time_ns : told->end_time_ns;
                live_retire(live, row, told->end_time_ns);
        }
}

/* Threads of a process that has called exec are gone, but for the one that is the leader now. */
static void live_sweep_renamed(Live *live, const struct tb_sample *told) {
        for (size_t i = 0; live->n_renamed && i < live->n_rows; i++) {
                LiveRow *row = live->rows[i];

                if (row->ended || row->exited || row->tid == row->pid || row->sample == live->sample.number)
                        continue;
                for (size_t j = 0; j < live->n_renamed; j++)
                        if (live->renamed[j] == row->pid && row->time_ns + LIVE_SLACK_NS < told->begin_time_ns) {
                                row->end_time_ns = told->begin_time_ns;
                                live_retire(live, row, told->end_time_ns);
                                break;
                        }
        }
        live->n_renamed = 0;
}

/* Of those whose exit the events told: the sample has had their last values, or will never have. */
static void live_settle_exited(Live *live, const struct tb_sample *told) {
        LiveRow **at = &live->exited, *row;

        while ((row = *at)) {
                if (!row->ended && row->end_time_ns + LIVE_SLACK_NS < told->begin_time_ns) {
                        row->stats_missing = TB_STATS_MISSING_NOT_WITNESSED;
                        live_retire(live, row, told->end_time_ns);
                }
                if (row->ended)
                        *at = row->next_exited;
                else
                        at = &row->next_exited;
        }
}

static void point_add(LivePoint *point, enum live_graph graph, double value) {
        point->known |= 1u << graph;
        point->value[graph] = (float)value;
}

static int live_add_point(Live *live) {
        static const struct {
                enum live_graph graph;
                unsigned int metric;
                double unit;
        } graphs[] = {
                {LIVE_GRAPH_CPU, METRIC_CPU, NS_PER_S},
                {LIVE_GRAPH_CPU_DELAY, METRIC_CPU_DELAY, NS_PER_S},
                {LIVE_GRAPH_READ, METRIC_READ, 1},
                {LIVE_GRAPH_WRITE, METRIC_WRITE, 1},
                {LIVE_GRAPH_IO_DELAY, METRIC_IO_DELAY, NS_PER_S},
        };
        const LiveSample *sample = &live->sample;
        double seconds = (double)sample->span_ns / NS_PER_S, value;
        LivePoint machine = {.time_ns = sample->told.end_time_ns, .span_ns = sample->span_ns};
        int r;

        if (!sample->span_ns)
                return 0;

        point_add(&machine, LIVE_GRAPH_FORKS, (double)sample->told.forks / seconds);
        point_add(&machine, LIVE_GRAPH_EXECS, (double)sample->told.execs / seconds);
        point_add(&machine, LIVE_GRAPH_EXITS, (double)sample->told.exits / seconds);
        point_add(&machine, LIVE_GRAPH_LOST, (double)sample->told.lost / seconds);
        for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); i++)
                if (live_machine_rate(live, graphs[i].metric, &value) == METRIC_KNOWN)
                        point_add(&machine, graphs[i].graph, value / graphs[i].unit);
        r = live_history_add(&live->history, &machine);

        for (size_t i = 0; i < LIVE_TRACKED_MAX && r >= 0; i++) {
                LiveRow *row = live->tracked[i];
                LivePoint point = {.time_ns = sample->told.end_time_ns, .span_ns = sample->span_ns};

                if (!row || (row->ended && row->sample != sample->number))
                        continue;
                for (size_t j = 0; j < sizeof(graphs) / sizeof(*graphs); j++)
                        if (live_rate(live, row, graphs[j].metric, &value) == METRIC_KNOWN)
                                point_add(&point, graphs[j].graph, value / graphs[j].unit);
                r = live_history_add(row->history, &point);
        }

        return r;
}

static int live_sample(Live *live, const struct tb_sample *told) {
        LiveSample sample = {.number = live->sample.number + 1, .told = *told};

        live_begin_sample(live);
        if (live->sample.number && told->end_time_ns > live->sample.told.end_time_ns)
                sample.span_ns = told->end_time_ns - live->sample.told.end_time_ns;
        live_sum(live, &sample);

        live->sample = sample;
        live->in_sample = false;
        if (told->full)
                live_sweep_out(live, told);
        if (live->n_renamed)
                live_sweep_renamed(live, told);
        live_settle_exited(live, told);
        if (told->full)
                live->restarted = false;

        if (sample.span_ns) {
                live->n_forks += told->forks;
                live->n_execs += told->execs;
                live->n_exits += told->exits;
                live->n_lost += told->lost;
        }
        live->n_samples_lost += told->samples_lost;
        for (unsigned int i = 0; i < N_METRICS; i++)
                live->total_used[i] += sample.used[i];

        return live_add_point(live);
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
                return live_task(live, message->task);
        case TB_MESSAGE_SNAPSHOT_END:
                live->snapshot_complete = true;
                return 0;
        case TB_MESSAGE_EVENT:
                return live_event(live, message->event);
        case TB_MESSAGE_TASK_SAMPLE:
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

void live_init(Live *live) { *live = (Live){0}; }

void live_reset(Live *live, bool threads) {
        for (size_t i = 0; i < live->n_rows; i++)
                row_free(live->rows[i]);
        free(live->buckets);
        live->buckets = NULL;
        live->n_buckets = 0;
        live->n_rows = live->n_alive = live->n_changed = live->n_ended = live->n_renamed = 0;
        live->exited = live->ended_first = live->ended_last = NULL;
        memset(live->tracked, 0, sizeof(live->tracked));
        live->sample = (LiveSample){0};
        live->in_sample = live->restarted = live->snapshot_complete = false;
        live->threads = threads;
}

void live_deinit(Live *live) {
        live_reset(live, false);
        free(live->rows);
        free(live->changed);
        live_history_deinit(&live->history);
        live_ranking_deinit(&live->ranking);
        *live = (Live){0};
}

/* Of its totals. */
static enum metric_known live_known(const LiveRow *row, unsigned int metric) {
        if (row->ended && row->stats_missing != TB_STATS_MISSING_NO)
                return METRIC_LOST;
        if (!row->sampled)
                return METRIC_NOT_YET;

        return metric_known(&row->stats, metric);
}

enum metric_known live_total(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value) {
        enum metric_known known = live_known(row, metric);

        (void)live;
        *ret_value = 0;
        if (known == METRIC_KNOWN)
                memcpy(ret_value, (const char *)&row->stats + metrics[metric].offset, sizeof(*ret_value));

        return known;
}

enum metric_known live_used(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value) {
        enum metric_known known = live_known(row, metric);

        *ret_value = 0;
        if (known != METRIC_KNOWN)
                return known;
        if (!live->sample.span_ns)
                return METRIC_NOT_YET;

        /* Who is not in a sample did not run. */
        if (row->sample < live->sample.number)
                return METRIC_KNOWN;
        if (!(row->used_groups & TB_STATS_BIT(metrics[metric].group)))
                return METRIC_NOT_YET;

        *ret_value = row->used[metric];
        return METRIC_KNOWN;
}

enum metric_known live_rate(const Live *live, const LiveRow *row, unsigned int metric, double *ret_per_second) {
        uint64_t used, span_ns = row->span_ns ? row->span_ns : live->sample.span_ns;
        enum metric_known known = live_used(live, row, metric, &used);

        *ret_per_second = known == METRIC_KNOWN ? (double)used * NS_PER_S / (double)span_ns : 0;
        return known;
}

enum metric_known live_accumulated(const Live *live, const LiveRow *row, unsigned int metric, uint64_t *ret_value) {
        uint64_t total;
        enum metric_known known = live_total(live, row, metric, &total);

        *ret_value = 0;
        if (known != METRIC_KNOWN)
                return known;
        if (!(row->base_groups & TB_STATS_BIT(metrics[metric].group)))
                return METRIC_NOT_YET;

        *ret_value = total > row->base[metric] ? total - row->base[metric] : 0;
        return METRIC_KNOWN;
}

enum metric_known live_machine_rate(const Live *live, unsigned int metric, double *ret_per_second) {
        uint32_t bit = TB_STATS_BIT(metrics[metric].group);

        *ret_per_second = 0;
        if (!live->sample.span_ns)
                return METRIC_NOT_YET;
        if (live->machine_uncounted & bit)
                return METRIC_UNCOUNTED;
        if (live->machine_unsupported & bit)
                return METRIC_UNSUPPORTED;

        *ret_per_second = (double)live->sample.used[metric] * NS_PER_S / (double)live->sample.span_ns;
        return METRIC_KNOWN;
}
