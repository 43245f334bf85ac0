/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Samples as JSON: an object for each task, and an object at the end of the sample.
 * Totals have the names of the protocol. The use since the sample before has the same
 * names, under "used". A value that is not known is left out.
 */

#include <json-c/json.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/json/json.h"
#include "clients/cli/json/json_sample.h"
#include "clients/cli/model/live_values.h"

/* The metrics of a part are neighbours in the table, so only one part is open at a time. */
static struct json_object *json_used(const uint64_t values[static N_METRICS], uint32_t groups,
                                     const struct tb_task_stats *stats) {
        struct json_object *object = json_object_new_object(), *delays = NULL, *part = NULL;
        const char *open = NULL;

        for (unsigned int i = 0; i < N_METRICS; ++i) {
                const Metric *metric = metrics + i;

                if (!(groups & TB_STATS_BIT(metric->group)) || (stats && metric_known(stats, i) != METRIC_KNOWN))
                        continue;
                if (metric->delay && !delays) {
                        delays = json_object_new_object();
                        json_add(object, "delays", delays);
                }
                if (metric->part != open) {
                        part = json_object_new_object();
                        json_add(metric->delay ? delays : object, metric->part, part);
                        open = metric->part;
                }
                json_add_number(part, metric->name, values[i]);
        }

        return object;
}

static void json_add_end(struct json_object *object, const LiveRow *row) {
        json_add_known(object, "end_time_ns", row->end_time_ns, live_end_known(row));
        json_add_termination(object, &row->termination);
        if (row->stats_missing == TB_STATS_MISSING_LOST)
                json_add_text(object, "stats_missing", "lost");
        if (row->stats_missing == TB_STATS_MISSING_NOT_WITNESSED)
                json_add_text(object, "stats_missing", "not_witnessed");
}

/**
 * json_sample_row() - make the object of a task
 * @live:       the model
 * @row:        the row of the task; it used nothing if the last sample does not have it
 *
 * Return: The object.
 */
struct json_object *json_sample_row(const Live *live, const LiveRow *row) {
        static const uint64_t nothing[N_METRICS];
        struct json_object *object = json_object_new_object();
        bool ran = row->sample == live->sample.number, missing = row->stats_missing != TB_STATS_MISSING_NO;
        uint64_t span_ns = row->span_ns ? row->span_ns : live->sample.span_ns;
        struct json_object *used = NULL;

        json_add_text(object, "kind", "task_sample");
        json_add_number(object, "sample", live->sample.number);
        json_add_number(object, "pid", row->pid);
        json_add_number(object, "tid", row->tid);
        json_add_known(object, "ppid", row->parent.pid, row->parent.known);
        json_add_known(object, "uid", row->uid, row->uid != 0 || !row->unknown);
        json_add_known_text(object, "comm", row->comm, row->comm[0] || !row->unknown);
        if (row->comm_stale)
                json_add_bool(object, "comm_stale", true);
        json_add_start(object, row->tid, row->start_time_ns, row->start_boot_ns);
        json_add_relatives(object, &row->maker, &row->parent);
        json_add_session(object, &row->session_leader);
        json_add_number(object, "time_ns", row->time_ns);
        if (!live->threads && !row->ended)
                json_add_known(object, "tasks", row->tasks, row->tasks != 0);
        json_add_flag(object, "kernel_thread", row->kernel_thread, !row->unknown);
        json_add_bool(object, "ended", row->ended);
        if (row->ended)
                json_add_end(object, row);

        /* Without the kernel's answer, a task that ran has no use that is known. */
        if (live->sample.span_ns && row->sampled && !missing && !(ran && row->unanswered))
                used = json_used(ran ? row->used : nothing, ran ? row->used_groups : row->stats.groups, &row->stats);
        json_add_known(object, "span_ns", ran ? span_ns : live->sample.span_ns, used != NULL);
        json_add(object, "used", used);
        json_add(object, "stats", row->sampled && !missing ? json_task_stats(&row->stats) : NULL);
        if (row->program)
                json_add(object, "program", json_program(row->program));

        return object;
}

/* The object at the end of a sample: the sample, and the sums of its tasks. @welcome may be NULL. */
struct json_object *json_sample(const Live *live, const struct tb_welcome *welcome) {
        const LiveSample *sample = &live->sample;
        struct json_object *object = json_object_new_object();
        uint32_t groups = 0;

        for (unsigned int i = 0; i < N_METRICS; ++i)
                if (!((live->machine_uncounted | live->machine_unsupported) & TB_STATS_BIT(metrics[i].group)))
                        groups |= live->machine_groups & TB_STATS_BIT(metrics[i].group);

        json_add_text(object, "kind", "sample");
        json_add_number(object, "sample", sample->number);
        json_add_number(object, "begin_time_ns", sample->summary.begin_time_ns);
        json_add_number(object, "end_time_ns", sample->summary.end_time_ns);
        json_add_known(object, "span_ns", sample->span_ns, sample->span_ns != 0);
        json_add_bool(object, "full", sample->summary.full);
        json_add_number(object, "tasks", live->n_changed);
        json_add_number(object, "alive", live->n_alive);
        json_add_known(object, "forks", sample->summary.forks, sample->span_ns != 0);
        json_add_known(object, "execs", sample->summary.execs, sample->span_ns != 0);
        json_add_known(object, "exits", sample->summary.exits, sample->span_ns != 0);
        json_add_known(object, "lost", sample->summary.lost,
                       sample->summary.lost || (sample->span_ns != 0 && !sample->summary.lost_at_least));
        json_add_bool(object, "lost_at_least", sample->summary.lost_at_least);
        json_add_number(object, "samples_lost", sample->summary.samples_lost);
        json_add_delay_accounting(object, welcome ? welcome->delay_accounting : TB_DELAY_ACCOUNTING_UNKNOWN);
        json_add(object, "used", sample->span_ns ? json_used(sample->used, groups, NULL) : NULL);
        json_add_groups(object, "uncounted_groups", sample->uncounted_groups);
        json_add_groups(object, "withheld_groups", sample->withheld_groups);

        return object;
}
