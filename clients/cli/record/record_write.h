/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecordWriter: the database of a recorder, and what is known of the boot and the stream
 * that it records. All that came since the last transaction is written by the next one,
 * with the place in the stream.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/db/db.h"
#include "clients/cli/record/record_strings.h"
#include "clients/cli/record/record_table.h"

typedef struct RecordLoss RecordLoss;
typedef struct RecordStream RecordStream;
typedef struct RecordWriter RecordWriter;

/* Losses that come between two transactions; further losses wait for the next one. */
#define RECORD_LOSSES_MAX 256

#define RECORD_BOOT_ID_SIZE 37

/* Events that are missing: a loss of the stream, or a time in which nothing was recorded. */
struct RecordLoss {
        const char *source, *reason, *missing;
        uint64_t number;                /* 0: not in the stream */
        uint64_t since_ns;              /* 0: not known */
        uint64_t time_ns;
        bool count_known;
        uint64_t count;
        bool at_least;
        bool hole;                      /* these are known: */
        uint64_t ended_unseen;          /* processes that ran before and not after */
        uint64_t found_alive;           /* processes that ran after and not before */
        bool forks_known;
        uint64_t forks_at_most;         /* tasks that the kernel created meanwhile */
};

struct RecordStream {
        uint64_t id;                    /* 0: no stream yet */
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;
        uint64_t begin_ns;
        uint64_t end_ns;                /* everything up to here was recorded */
        uint64_t forks;                 /* tasks that the kernel had created by then; 0: not known */
        uint32_t uid;
        enum tb_access access;
        char broker_version[64];
        char kernel_release[65];
};

struct RecordWriter {
        Db db;
        struct sqlite3_stmt *process, *stream_row, *loss, *boot_row, *step;
        RecordStrings strings, cgroups;
        uint64_t last_process;          /* the largest id */
        uint64_t last_stream;
        uint64_t boot;                  /* the id of the present boot */
        char boot_id[RECORD_BOOT_ID_SIZE];
        uint64_t epoch_ns;              /* the scale of the database minus the boot clock */
        uint64_t begin_ns;
        bool step_known;
        int64_t step_ns;                /* the wall clock minus the scale of the database, as it was written */
        RecordStream stream;
        RecordLoss losses[RECORD_LOSSES_MAX];
        size_t n_losses;
        uint64_t n_written;             /* ended processes */
};

int record_writer_open(RecordWriter *writer, const char *path);
enum tb_access record_writer_access(const char *name);
void record_writer_close(RecordWriter *writer);
int record_writer_write(RecordWriter *writer, RecordTable *table);
RecordLoss *record_writer_add_loss(RecordWriter *writer);
void record_writer_begin_stream(RecordWriter *writer, const struct tb_welcome *welcome,
                                const struct tb_subscribed *subscribed);
void record_writer_set_welcome(RecordWriter *writer, const struct tb_welcome *welcome);
uint64_t record_writer_time(const RecordWriter *writer, uint64_t time_ns);
uint64_t record_writer_start(const RecordWriter *writer, uint64_t start_boot_ns);
uint64_t record_writer_now(const RecordWriter *writer);
