/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The figures for one number of live tasks, and the tables of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/report.h"
#include "tests/bench/table_watcher.h"

typedef struct Level {
        const char *name;
        size_t n_tasks;         /* that sleep */
        bool processes;         /* each of them one; else threads of a few */
        bool many;              /* a thousand clients ask at once, too */
        bool cost_only;
} Level;

/* One reader's snapshots: medians over the rounds. */
typedef struct SnapshotFigures {
        size_t n;               /* rounds in which it was what it is called */
        double ms[ROUNDS_MAX];
        double cpu_us[ROUNDS_MAX];
} SnapshotFigures;

/* A thousand at once, round by round. */
typedef struct ManyFigures {
        size_t n_clients;
        size_t n;
        double ms[ROUNDS_MAX];
        double median_ms[ROUNDS_MAX];
        double busy[ROUNDS_MAX];        /* the broker's share of the time */
        double peak_bytes[ROUNDS_MAX];  /* beyond what it had when all were connected */
        double snapshots[ROUNDS_MAX];   /* made */
        uint64_t n_bytes;               /* size of one snapshot, encoded */
        uint64_t n_bytes_all;
        WatchResult watch;
} ManyFigures;

typedef struct LevelFigures {
        bool measured;

        double start_ms;
        uint64_t start_forks;   /* meanwhile */
        uint64_t live_tasks;
        uint64_t rss_bytes;
        uint64_t table_bytes;

        uint64_t snapshot_tasks;
        uint64_t snapshot_bytes;
        SnapshotFigures cold, shared;

        WatchResult idle, one;
        ManyFigures many;

        double programs_ms;     /* until what was running is known; processes only */
        double programs_cpu_us; /* the broker's processor time for one program */
        uint64_t programs;
        uint64_t programs_bytes; /* growth of the table's memory */
        uint64_t programs_snapshot_bytes;
        double programs_known_ms; /* the next client's snapshot with programs */
        WatchResult programs_watch;

        size_t n_rounds;
        double us_per_event[ROUNDS_MAX];
} LevelFigures;

/* The first level is what the others are compared with. */
void table_report_print(const Level *levels, LevelFigures *figures, size_t n_levels);
