/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reconcile: the table is compared with /proc, and what differs is told: after
 * connector messages were lost, driven by the broker a slice at a time. The
 * table's beginning is the same with an empty table and nobody to tell.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/join.h"
#include "broker/tasks/procfs.h"

typedef struct Reconcile Reconcile;
typedef struct Mismatch Mismatch;

/* Tasks looked at in a slice: some 20 us each. */
#define RECONCILE_SLICE 48u

typedef enum ReconcilePhase {
        RECONCILE_IDLE,
        RECONCILE_GONE,         /* tasks of the table that /proc does not have */
        RECONCILE_FOUND,        /* tasks of /proc that the table does not have */
        RECONCILE_UNKNOWN,      /* tasks of the table of which it knows their births alone */
} ReconcilePhase;

struct Mismatch {
        bool gone;              /* in the table only */
        bool unseen;            /* gone: a process, by its leader, of which no live task was known */
        bool changed;           /* in both, but not alike; neither: in /proc only, or not known to the table by name */
        uint32_t pid, tid;
        uint64_t start_time_ns; /* 0: it was not looked at yet */
};

struct Reconcile {
        Join *join;
        int procfs_fd;          /* not owned */
        ReconcilePhase phase;
        bool blind;             /* set by the owner: /proc does not show all tasks */
        bool seeding;           /* tell nobody */
        uint32_t next_tid;      /* gone, unknown: where to go on */
        size_t n_unknown;       /* unknown: found in this round */
        unsigned int n_rounds;  /* unknown */
        DIR *processes;         /* found: where to go on */
        DIR *threads;           /* found: of this process */
        uint32_t pid;
        Mismatch mismatches[RECONCILE_SLICE];
        size_t n_mismatches;
};

void reconcile_init(Reconcile *reconcile, Join *join, int procfs_fd);
void reconcile_deinit(Reconcile *reconcile);

int reconcile_seed(Reconcile *reconcile);
void reconcile_start(Reconcile *reconcile);
void reconcile_compare(Reconcile *reconcile);
int reconcile_apply(Reconcile *reconcile);
