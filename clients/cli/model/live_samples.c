/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The samples of the broker, as the live model takes them.
 *
 * The kernel's values are totals since the fork of a task. The use of a task is the
 * difference of two totals, or the whole total if the task was forked since the sample
 * before. So no value is counted twice or missed, whichever of the two connections is
 * faster. A row ends with its last values, which are in a sample too.
 *
 * The work grows with the number of changed tasks, except for full samples. Pure.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/live_samples.h"
#include "clients/cli/model/live_values.h"

#define NS_PER_S 1e9

/*
 * A sample has the tasks that the broker knew when the sample began. A fork or an exit
 * may reach the broker so much later than it happened.
 */
#define LIVE_SLACK_NS UINT64_C(1000000000)

static int samples_add_changed(Live *live, LiveRow *row) {
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

/* The sample before has been shown: rows that ended long ago are dropped. */
static void samples_begin(Live *live) {
        if (live->in_sample)
                return;

        live->in_sample = true;
        live->n_changed = 0;
        live_expire(live, live->sample.summary.end_time_ns);
        while (live->n_ended > LIVE_ENDED_MAX)
                live_drop_oldest_ended(live);
}

/* Whether the task was forked since the sample before: its whole total belongs to this sample. */
static bool samples_is_newborn(const Live *live, const struct tb_task_sample *sample) {
        return live->sample.number && sample->start_time_ns + LIVE_SLACK_NS >= live->sample.summary.begin_time_ns;
}

/* Takes the new totals, and what the task used since its totals before. */
static void samples_take_stats(Live *live, LiveRow *row, const struct tb_task_sample *sample, bool again) {
        uint64_t before[N_METRICS], now[N_METRICS], more;
        uint32_t groups = sample->stats->groups, known;
        bool newborn = !row->sampled && samples_is_newborn(live, sample);

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

int live_samples_task(Live *live, const struct tb_task_sample *sample) {
        uint64_t number = live->sample.number + 1;
        bool again, followed;
        LiveRow *row;
        int r;

        if (sample->gone)
                return 0;
        samples_begin(live);

        row = live_find_or_add(live, sample->pid, sample->tid, sample->start_time_ns, sample->start_boot_ns);
        if (!row)
                return -ENOMEM;
        again = row->sample == number;
        followed = row->sample == live->sample.number && live->sample.number && row->sampled && !sample->ended;
        if (!again) {
                r = samples_add_changed(live, row);
                if (r < 0)
                        return r;
        }

        row->pid = sample->pid;
        row->maker = sample->maker;
        row->parent = sample->parent;
        row->session_leader = sample->session_leader;
        row->uid = sample->uid;
        row->unknown = sample->task_unknown;
        live_set_name(row, sample->comm, sample->comm_stale);
        row->kernel_thread = sample->kernel_thread;
        if (sample->tasks)
                row->tasks = sample->tasks;

        if (!again)
                row->span_ns = followed && sample->time_ns > row->time_ns ? sample->time_ns - row->time_ns : 0;
        row->unanswered = sample->lost;
        /* Without an answer the totals keep their time. */
        if (!sample->lost)
                row->time_ns = sample->time_ns;
        row->sample = number;
        if (sample->stats)
                samples_take_stats(live, row, sample, again);
        else if (!again)
                row->used_groups = 0;

        if (!sample->ended || (row->ended && row->sampled && again))
                return 0;
        row->stats_missing = sample->stats ? TB_STATS_MISSING_NO : sample->stats_missing;
        if (!row->exited || sample->termination.known)
                row->termination = sample->termination;
        row->end_time_ns = sample->time_ns;
        row->end_noticed = row->stats_missing == TB_STATS_MISSING_NOT_WITNESSED;
        live_end_row(live, row, sample->time_ns);

        return live_exited_add(&live->exited, sample);
}

/*
 * Adds up the rows. Each task is measured at a moment of its own, so that its rate has its own span.
 * The rate of the machine is the sum of the rates, as a person adds up the lines. Also which groups
 * the sums have, and why others are missing.
 */
static void samples_sum(Live *live, LiveSample *sum) {
        uint32_t groups = 0, uncounted = 0, unsupported = 0;

        for (size_t i = 0; i < live->n_changed; ++i) {
                const LiveRow *row = live->changed[i];
                uint64_t span_ns = row->span_ns ? row->span_ns : sum->span_ns;
                double spans_per_s = span_ns ? (double)NS_PER_S / (double)span_ns : 0;

                if (!row->sampled)
                        continue;
                groups |= row->stats.groups;
                sum->withheld_groups |= row->stats.withheld_groups;
                uncounted |= row->stats.uncounted_groups;
                unsupported |= row->stats.unsupported_groups;
                for (unsigned int j = 0; j < N_METRICS; ++j) {
                        if (!(row->used_groups & TB_STATS_BIT(metrics[j].group)))
                                continue;
                        sum->used[j] += row->used[j];
                        sum->per_second[j] += (double)row->used[j] * spans_per_s;
                }
        }
        sum->uncounted_groups = uncounted;
        sum->unsupported_groups = unsupported;

        /* The masks of the machine stay if no row of this sample has the group. */
        live->machine_groups = (live->machine_groups & ~uncounted & ~unsupported) | groups;
        live->machine_uncounted = (live->machine_uncounted | uncounted) & ~groups;
        live->machine_unsupported = (live->machine_unsupported | unsupported) & ~groups;
}

/* A full sample has every task: a row that is not in it has ended. */
static void samples_end_missing(Live *live, const struct tb_sample *summary) {
        for (size_t i = 0; i < live->n_rows; ++i) {
                LiveRow *row = live->rows[i];

                if (row->ended || row->sample == live->sample.number)
                        continue;
                if (row->start_time_ns + LIVE_SLACK_NS >= summary->begin_time_ns)
                        continue;
                row->stats_missing = TB_STATS_MISSING_NOT_WITNESSED;
                row->end_noticed |= !row->exited;
                row->end_time_ns = row->exited ? row->end_time_ns : summary->end_time_ns;
                live_end_row(live, row, summary->end_time_ns);
        }
}

/* Whether a thread was one of the process at its exec: a later owner of the number has younger threads. */
static bool samples_was_renamed(const LiveRenamed *renamed, const LiveRow *row) {
        return renamed->pid == row->pid && row->start_time_ns >= renamed->start_time_ns &&
               row->start_time_ns <= renamed->exec_time_ns;
}

/* After an exec of a process, all its threads but the new leader have ended. */
static void samples_end_renamed(Live *live, const struct tb_sample *summary) {
        for (size_t i = 0; live->n_renamed && i < live->n_rows; ++i) {
                LiveRow *row = live->rows[i];

                if (row->ended || row->exited || row->tid == row->pid || row->sample == live->sample.number)
                        continue;
                for (size_t j = 0; j < live->n_renamed; ++j)
                        if (samples_was_renamed(live->renamed + j, row) &&
                            row->time_ns + LIVE_SLACK_NS < summary->begin_time_ns) {
                                row->end_time_ns = live->renamed[j].exec_time_ns;
                                live_end_row(live, row, summary->end_time_ns);
                                break;
                        }
        }
        live->n_renamed = 0;
}

/* Ends rows whose exit event came before this sample began: their last values are here, or will never come. */
static void samples_end_awaiting(Live *live, const struct tb_sample *summary) {
        LiveRow **at = &live->awaiting, *row;

        while ((row = *at)) {
                if (!row->ended && row->end_time_ns + LIVE_SLACK_NS < summary->begin_time_ns) {
                        row->stats_missing = TB_STATS_MISSING_NOT_WITNESSED;
                        live_end_row(live, row, summary->end_time_ns);
                }
                if (row->ended)
                        *at = row->next_awaiting;
                else
                        at = &row->next_awaiting;
        }
}

static void samples_set_point(LivePoint *point, enum live_graph graph, double value) {
        point->known |= 1u << graph;
        point->value[graph] = (float)value;
}

static int samples_add_point(Live *live) {
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
        LivePoint machine = {.time_ns = sample->summary.end_time_ns, .span_ns = sample->span_ns};
        int r;

        if (!sample->span_ns)
                return 0;

        samples_set_point(&machine, LIVE_GRAPH_FORKS, (double)sample->summary.forks / seconds);
        samples_set_point(&machine, LIVE_GRAPH_EXECS, (double)sample->summary.execs / seconds);
        samples_set_point(&machine, LIVE_GRAPH_EXITS, (double)sample->summary.exits / seconds);
        samples_set_point(&machine, LIVE_GRAPH_LOST, (double)sample->summary.lost / seconds);
        for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); ++i)
                if (live_machine_rate(live, graphs[i].metric, &value) == METRIC_KNOWN)
                        samples_set_point(&machine, graphs[i].graph, value / graphs[i].unit);
        r = live_history_add(&live->history, &machine);

        for (size_t i = 0; i < LIVE_TRACKED_MAX && r >= 0; ++i) {
                LiveRow *row = live->tracked[i];
                LivePoint point = {.time_ns = sample->summary.end_time_ns, .span_ns = sample->span_ns};

                if (!row || (row->ended && row->sample != sample->number))
                        continue;
                for (size_t j = 0; j < sizeof(graphs) / sizeof(*graphs); ++j)
                        if (live_rate(live, row, graphs[j].metric, &value) == METRIC_KNOWN)
                                samples_set_point(&point, graphs[j].graph, value / graphs[j].unit);
                r = live_history_add(row->history, &point);
        }

        return r;
}

int live_samples_end(Live *live, const struct tb_sample *summary) {
        LiveSample sample = {.number = live->sample.number + 1, .summary = *summary};

        samples_begin(live);
        if (live->sample.number && summary->end_time_ns > live->sample.summary.end_time_ns)
                sample.span_ns = summary->end_time_ns - live->sample.summary.end_time_ns;
        samples_sum(live, &sample);

        live->sample = sample;
        if (!live->began_ns)
                live->began_ns = summary->end_time_ns;
        live->in_sample = false;
        if (summary->full)
                samples_end_missing(live, summary);
        if (live->n_renamed)
                samples_end_renamed(live, summary);
        samples_end_awaiting(live, summary);

        if (sample.span_ns) {
                live->n_forks += summary->forks;
                live->n_execs += summary->execs;
                live->n_exits += summary->exits;
                live->n_lost += summary->lost;
                live->lost_at_least |= summary->lost_at_least;
        }
        live->n_samples_lost += summary->samples_lost;
        for (unsigned int i = 0; i < N_METRICS; ++i)
                live->total_used[i] += sample.used[i];

        return samples_add_point(live);
}
