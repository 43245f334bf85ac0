/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ExitRecord: one exit message of the taskstats listener, the accounting of a
 * task and, if it was the last of a process that ever had threads, the kernel's
 * own sums of the process. Parsing is pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/model/taskstats.h"

typedef struct ExitRecord ExitRecord;

enum {
        _EXIT_RECORD_E_SUCCESS,
        EXIT_RECORD_E_MALFORMED,        /* not an exit message */
        EXIT_RECORD_E_VERSION,          /* the kernel is too old */
};

struct ExitRecord {
        uint32_t tid;
        uint32_t pid;           /* from the AGGR_TGID record; else ac_tgid, 0 before version 12 */
        TaskStats stats;
        bool has_process;
        TaskStats process;      /* AGGR_TGID; only what task_stats_raise() reads is meaningful */
};

int exit_record_parse(const void *data, size_t n_data, ExitRecord *ret_record);
