/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A source of live tasks' statistics that a test plays: what each task has run is what
 * the test says.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/kernel/stats_source.h"
#include "broker/tasks/task_table.h"

#define MADE_TIDS_MAX 4096u
#define MADE_ASKED_MAX 256u

typedef struct MadeStats MadeStats;

struct MadeStats {
        StatsSource source;
        const TaskTable *table;         /* has the ids of the tasks */
        uint64_t run_ns[MADE_TIDS_MAX]; /* 0: there is no such task */
        uint64_t read_bytes[MADE_TIDS_MAX];
        uint64_t rss_kib[MADE_TIDS_MAX], vm_kib[MADE_TIDS_MAX];
        bool lost[MADE_TIDS_MAX];       /* there is no answer */
        bool gone[MADE_TIDS_MAX];       /* the kernel has it no more, and the table still */
        uint32_t asked[MADE_ASKED_MAX];
        size_t n_asked, i_next, n_asks;
};

static inline TaskStats made_stats_of(const MadeStats *made, uint32_t tid) {
        const Task *task = task_table_get(made->table, tid);

        return (TaskStats){
                .version = 16,
                .groups = STATS_IDENTITY | STATS_CPU | STATS_MEMORY | STATS_IO | STATS_EXECUTABLE | STATS_EXIT_STATUS,
                .ac_pid = tid,
                .ac_uid = task ? task->ruid : 0,
                .ac_gid = task ? task->rgid : 0,
                .hiwater_rss_kib = made->rss_kib[tid] ? made->rss_kib[tid] : 1,
                .hiwater_vm_kib = made->vm_kib[tid],
                .cpu_run_virtual_total_ns = made->run_ns[tid],
                .read_bytes = made->read_bytes[tid],
        };
}

static inline int made_stats_ask(StatsSource *source, const uint32_t *tids, size_t n) {
        MadeStats *made = container_of(source, MadeStats, source);

        assert(n <= source->n_max && n <= MADE_ASKED_MAX);
        memcpy(made->asked, tids, n * sizeof(*tids));
        made->n_asked = n;
        made->i_next = 0;
        ++made->n_asks;
        return 0;
}

static inline int made_stats_next(StatsSource *source, StatsAnswer *ret_answer) {
        MadeStats *made = container_of(source, MadeStats, source);
        uint32_t tid;

        assert(made->i_next < made->n_asked);
        tid = made->asked[made->i_next++];
        assert(tid < MADE_TIDS_MAX);
        *ret_answer = (StatsAnswer){ .state = STATS_ANSWER_GONE };
        if (made->lost[tid]) {
                ret_answer->state = STATS_ANSWER_LOST;
        } else if (made->run_ns[tid] && !made->gone[tid]) {
                ret_answer->state = STATS_ANSWER_LIVE;
                ret_answer->stats = made_stats_of(made, tid);
        }
        return 0;
}

static inline void made_stats_init(MadeStats *made, const TaskTable *table) {
        *made = (MadeStats){
                .source = { .n_max = MADE_ASKED_MAX, .ask = made_stats_ask, .next = made_stats_next },
                .table = table,
        };
}

/* It answers all, from now on. */
static inline void made_stats_be_honest(MadeStats *made) {
        memset(made->lost, 0, sizeof(made->lost));
        memset(made->gone, 0, sizeof(made->gone));
        made->source.n_max = MADE_ASKED_MAX;
}
