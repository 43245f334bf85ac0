/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reconcile, first half: compares a slice of the task table with a slice of /proc, and
 * collects what differs. reconcile_apply.c changes the table, after the join has read its
 * sources empty.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/tasks/join_state.h"
#include "broker/tasks/procfs.h"

typedef struct Reconcile Reconcile;
typedef struct Mismatch Mismatch;

/* Tasks of a slice: some 20 us each. */
#define RECONCILE_SLICE 48u

typedef enum ReconcilePhase {
        RECONCILE_IDLE,
        RECONCILE_GONE,         /* tasks of the table that /proc does not have */
        RECONCILE_FOUND,        /* tasks of /proc that the table does not have */
        RECONCILE_UNKNOWN,      /* tasks of which the table has the fork alone */
        RECONCILE_CONFIRM,      /* quiet passes: differences that are still there a second later */
} ReconcilePhase;

typedef enum MismatchKind {
        MISMATCH_FOUND,         /* in /proc only, or without name and ids in the table */
        MISMATCH_GONE,          /* in the table only */
        MISMATCH_GONE_PROCESS,  /* the same, of a process without a live task, by its leader */
        MISMATCH_CHANGED,       /* in both, with another name or other ids */
} MismatchKind;

struct Mismatch {
        MismatchKind kind;
        uint32_t pid, tid;
        uint64_t start_time_ns; /* 0: not read yet */
};

/* A process of the table. */
typedef struct ComparedProcess {
        uint32_t pid, serial;
} ComparedProcess;

struct Reconcile {
        Join *join;             /* not owned */
        int procfs_fd;          /* not owned */
        ReconcilePhase phase;
        bool blind;             /* set by the owner: /proc does not show all tasks */
        bool seeding;           /* the table is filled for the first time, without events */
        bool quiet;             /* no loss is known: see reconcile_quiet.c */
        uint32_t next_tid;      /* gone, unknown: where the next slice begins */
        size_t n_unknown;       /* unknown: found in this round */
        unsigned int n_rounds;  /* unknown */
        DIR *processes;         /* found: where the next slice begins */
        DIR *threads;           /* found: of this process */
        uint32_t pid;
        Mismatch mismatches[RECONCILE_SLICE];
        size_t n_mismatches;
        ComparedProcess compared[RECONCILE_SLICE];  /* /proc has the same ids, and the owners were checked */
        size_t n_compared;
        uint32_t n_acks;        /* foreign acknowledgements of the connector before the slice */
        uint32_t n_pass_acks;   /* the same, before the pass */
        uint32_t n_repeats;     /* passes since those acknowledgements; REPEATS_MAX: no more are needed */
        uint64_t quiet_ns;      /* monotonic: when the last quiet pass began */
        Mismatch suspects[RECONCILE_SLICE]; /* quiet: differences that the pass found */
        size_t n_suspects;
        uint64_t suspected_ns;  /* monotonic: when the pass ended */
};

void reconcile_init(Reconcile *reconcile, Join *join, int procfs_fd);
void reconcile_deinit(Reconcile *reconcile);

void reconcile_start(Reconcile *reconcile);
void reconcile_start_seeding(Reconcile *reconcile);
bool reconcile_has_slice(const Reconcile *reconcile);
void reconcile_scan(Reconcile *reconcile);

bool reconcile_read_task(const Reconcile *reconcile, uint32_t pid, uint32_t tid, ProcfsTask *ret_found);
void reconcile_note_compared(Reconcile *reconcile);
bool reconcile_ids_agree(const Task *task, const ProcfsTask *found);
bool reconcile_exec_agrees(const Task *task, const ProcfsTask *found);
bool reconcile_comm_agrees(const Task *task, const ProcfsTask *found);
