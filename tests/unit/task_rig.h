/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tasks and programs as the library hands them out. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/text/task_columns.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define NOW_NS UINT64_C(1700000000000000000)
#define SECOND_NS UINT64_C(1000000000)

static __attribute__((unused)) Users users;

static __attribute__((unused)) const TaskColumnView view = { .users = &users, .now_ns = NOW_NS };

static inline struct tb_task make_task(uint32_t pid, uint32_t ppid, uint64_t start_time_ns, const char *comm) {
        struct tb_task task = {
                .pid = pid,
                .tid = pid,
                .ppid = ppid,
                .parent = { .known = ppid, .pid = ppid },
                .start_time_ns = start_time_ns,
                .start_boot_ns = start_time_ns,
                .tasks = 1,
        };

        snprintf(task.comm, sizeof(task.comm), "%s", comm);
        return task;
}

static inline struct tb_program make_program(const char *cmdline, size_t n_cmdline) {
        return (struct tb_program){
                .state = TB_PROGRAM_CAPTURED,
                .cmdline = cmdline,
                .n_cmdline = n_cmdline,
                .exe = "",
                .cgroup = "",
        };
}

static inline const TaskColumn *find(const char *name) {
        const TaskColumn *column = task_column_find(name, strlen(name));

        assert(column);
        return column;
}
