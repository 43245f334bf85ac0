/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Samples, as the live model takes them.
 *
 * The kernel's values are totals since birth: what was used is the difference of
 * two of them, and of one that was born since the sample before, all of it. So
 * nothing that is told is counted twice or missed, whatever the two connections
 * bring first. A row ends with its last values, which are in the sample too.
 *
 * Work is by what changed, but for samples that are full. Pure.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/live_rows.h"
#include "clients/cli/model/live_samples.h"

#define NS_PER_S 1e9

/*
 * A sample is of the tasks that the broker knew of when it began: so much earlier
 * births may be news to it still, and so much later ends may.
 */
#define LIVE_SLACK_NS UINT64_C(1000000000)

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

        for (unsigned int i = 0; i < N_METRICS; ++i) {
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

int live_task_sample(Live *live, const struct tb_task_sample *sample) {
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

        return live_exited_add(&live->ranking, sample);
}

/* Which sums are of something, and why others are not. */
static void live_sum(Live *live, LiveSample *sum) {
        uint32_t groups = 0, uncounted = 0, unsupported = 0;

        for (size_t i = 0; i < live->n_changed; ++i) {
                const LiveRow *row = live->changed[i];

                if (!row->sampled)
                        continue;
                groups |= row->stats.groups;
                sum->withheld_groups |= row->stats.withheld_groups;
                uncounted |= row->stats.uncounted_groups;
                unsupported |= row->stats.unsupported_groups;
                for (unsigned int j = 0; j < N_METRICS; ++j)
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
        for (size_t i = 0; i < live->n_rows; ++i) {
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
        for (size_t i = 0; live->n_renamed && i < live->n_rows; ++i) {
                LiveRow *row = live->rows[i];

                if (row->ended || row->exited || row->tid == row->pid || row->sample == live->sample.number)
                        continue;
                for (size_t j = 0; j < live->n_renamed; ++j)
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
        for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); ++i)
                if (live_machine_rate(live, graphs[i].metric, &value) == METRIC_KNOWN)
                        point_add(&machine, graphs[i].graph, value / graphs[i].unit);
        r = live_history_add(&live->history, &machine);

        for (size_t i = 0; i < LIVE_TRACKED_MAX && r >= 0; ++i) {
                LiveRow *row = live->tracked[i];
                LivePoint point = {.time_ns = sample->told.end_time_ns, .span_ns = sample->span_ns};

                if (!row || (row->ended && row->sample != sample->number))
                        continue;
                for (size_t j = 0; j < sizeof(graphs) / sizeof(*graphs); ++j)
                        if (live_rate(live, row, graphs[j].metric, &value) == METRIC_KNOWN)
                                point_add(&point, graphs[j].graph, value / graphs[j].unit);
                r = live_history_add(row->history, &point);
        }

        return r;
}

int live_sample(Live *live, const struct tb_sample *told) {
        LiveSample sample = {.number = live->sample.number + 1, .told = *told};

        live_begin_sample(live);
        if (live->sample.number && told->end_time_ns > live->sample.told.end_time_ns)
                sample.span_ns = told->end_time_ns - live->sample.told.end_time_ns;
        live_sum(live, &sample);

        live->sample = sample;
        if (!live->began_ns)
                live->began_ns = told->end_time_ns;
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
        for (unsigned int i = 0; i < N_METRICS; ++i)
                live->total_used[i] += sample.used[i];

        return live_add_point(live);
}
