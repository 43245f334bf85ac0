/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>

#include "tests/bench/table_report.h"

static void start_print(const Level *levels, const LevelFigures *figures, size_t n_levels) {
        const LevelFigures *few = &figures[0];

        printf("\nStart, in a storm of forks, and memory\n");
        printf("%-24s %9s %9s %9s %10s %10s %12s %12s\n",
               "", "tasks", "start ms", "forks", "RSS KiB", "table KiB", "RSS/task", "table/task");
        for (size_t i = 0; i < n_levels; ++i) {
                const LevelFigures *f = &figures[i];
                double more = (double)f->live_tasks - (double)few->live_tasks;

                if (!f->measured || levels[i].cost_only)
                        continue;
                printf("%-24s %9lu %9.0f %9lu %10lu %10lu", levels[i].name, f->live_tasks, f->start_ms, f->start_forks,
                       f->rss_bytes / 1024, f->table_bytes / 1024);
                if (f != few && few->measured)
                        printf(" %12.0f %12.0f",
                               ((double)f->rss_bytes - (double)few->rss_bytes) / more,
                               ((double)f->table_bytes - (double)few->table_bytes) / more);
                printf("\n");
        }
}

static void figures_print(SnapshotFigures *figures, uint64_t n_tasks) {
        if (figures->n == 0)
                printf(" %9s %9s", "-", "-");
        else
                printf(" %9.2f %9.3f", median(figures->ms, figures->n),
                       median(figures->cpu_us, figures->n) / (double)n_tasks);
}

static void snapshots_print(const Level *levels, LevelFigures *figures, size_t n_levels) {
        printf("\nA snapshot, threads and all, for one client\n");
        printf("%-24s %9s %9s %7s %9s %9s %9s %9s\n",
               "", "tasks", "KiB", "B/task", "made ms", "us/task", "shared ms", "us/task");
        for (size_t i = 0; i < n_levels; ++i) {
                LevelFigures *f = &figures[i];

                if (!f->measured || levels[i].cost_only)
                        continue;
                printf("%-24s %9lu %9lu %7.1f",
                       levels[i].name, f->snapshot_tasks, f->snapshot_bytes / 1024,
                       (double)f->snapshot_bytes / (double)f->snapshot_tasks);
                figures_print(&f->cold, f->snapshot_tasks);
                figures_print(&f->shared, f->snapshot_tasks);
                printf("\n");
        }
}

static void watch_print(const WatchResult *result) {
        printf(" %9.3f %9.2f", result->median_ns / 1e6, result->max_ns / 1e6);
}

static void pauses_print(const Level *levels, const LevelFigures *figures, size_t n_levels) {
        printf("\nFrom a fork to a subscriber, ms: median and maximum\n");
        printf("%-24s %19s %19s %8s\n", "", "idle", "one takes snapshots", "forks");
        for (size_t i = 0; i < n_levels; ++i) {
                const LevelFigures *f = &figures[i];

                if (!f->measured || levels[i].cost_only)
                        continue;
                printf("%-24s", levels[i].name);
                watch_print(&f->idle);
                watch_print(&f->one);
                printf(" %8zu\n", f->idle.n + f->one.n);
        }
}

static void many_print(const Level *level, LevelFigures *f) {
        ManyFigures *m = &f->many;

        printf("\n%zu clients ask for a snapshot at once, %s, %zu rounds\n", m->n_clients, level->name, m->n);
        printf("all have it after %.0f ms, half of them after %.0f ms; %.0f MiB sent, of %.0f snapshots made; the "
               "broker was busy for %.0f%% of that\n",
               median(m->ms, m->n), median(m->median_ms, m->n), (double)m->n_bytes_all / 1048576,
               median(m->snapshots, m->n), median(m->busy, m->n) * 100);
        printf("the broker's memory grew by %.0f KiB at most, one snapshot has %lu KiB\n",
               median(m->peak_bytes, m->n) / 1024, m->n_bytes / 1024);
        printf("from a fork to a subscriber: %.3f ms, at most %.2f ms (idle: %.3f, %.2f; one client: %.3f, %.2f)\n",
               m->watch.median_ns / 1e6, m->watch.max_ns / 1e6, f->idle.median_ns / 1e6, f->idle.max_ns / 1e6,
               f->one.median_ns / 1e6, f->one.max_ns / 1e6);
}

static void programs_print(const Level *level, const LevelFigures *f) {
        printf("\nPrograms of processes, %s\n", level->name);
        printf("read after %.0f ms, %.1f us of broker CPU each; %.0f bytes of the table each; the snapshot has %lu "
               "KiB, and once they are known takes %.2f ms\n",
               f->programs_ms, f->programs_cpu_us, (double)f->programs_bytes / (double)f->programs,
               f->programs_snapshot_bytes / 1024, f->programs_known_ms);
        printf("from a fork to a subscriber meanwhile: %.3f ms, at most %.2f ms\n",
               f->programs_watch.median_ns / 1e6, f->programs_watch.max_ns / 1e6);
}

static void costs_print(const Level *levels, LevelFigures *figures, size_t n_levels) {
        double few = 0;

        printf("\nBroker CPU for an event of a storm (a fork and an exit are two), without a subscriber\n");
        printf("%-24s %9s %9s\n", "", "us/event", "of few");
        for (size_t i = 0; i < n_levels; ++i) {
                LevelFigures *f = &figures[i];
                double us;

                if (!f->measured)
                        continue;
                us = median(f->us_per_event, f->n_rounds);
                if (i == 0)
                        few = us;
                printf("%-24s %9.2f", levels[i].name, us);
                if (few > 0)
                        printf(" %9.2f", us / few);
                printf("\n");
        }
}

void table_report_print(const Level *levels, LevelFigures *figures, size_t n_levels) {
        start_print(levels, figures, n_levels);
        snapshots_print(levels, figures, n_levels);
        pauses_print(levels, figures, n_levels);
        for (size_t i = 0; i < n_levels; ++i) {
                if (figures[i].measured && levels[i].many)
                        many_print(&levels[i], &figures[i]);
                if (figures[i].measured && levels[i].processes)
                        programs_print(&levels[i], &figures[i]);
        }
        costs_print(levels, figures, n_levels);
}
