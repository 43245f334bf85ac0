/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RecordRow: what is known of one process, in the form of its row of the database. Times
 * are on the scale of the database. An id of a text is 0 if there is no text.
 */

#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct RecordId RecordId;
typedef struct RecordRow RecordRow;

/* Another process, as tb_process_id. */
struct RecordId {
        bool known;
        uint32_t pid;
        uint64_t start_ns;              /* 0: not known */
};

struct RecordRow {
        RecordRow *next;                /* in the list that has the row */
        uint64_t id;                    /* the database's number of the row; 0: not written yet */
        bool changed;                   /* the database lacks the present values */
        uint32_t seen;                  /* the snapshot that had this process */
        uint32_t pid;
        uint32_t flags;                 /* DB_FLAG_ */
        uint64_t start_ns;              /* 0: not known */
        uint64_t end_ns;                /* 0: it runs */
        uint8_t end_missing;            /* DB_END_ */
        uint64_t number;                /* the exit's number in its stream; 0: no exit */
        RecordId maker, parent;
        bool uid_known;
        uint32_t uid;
        uint64_t comm, args, exe, cgroup;
        uint8_t program_missing, exe_missing;
        struct tb_termination termination;
        uint8_t stats_missing;
        struct tb_task_stats *stats;    /* owned; NULL: none */
};
