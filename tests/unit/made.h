/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Made-up tasks and programs, for those who only read them.
 *
 * Include it behind #undef NDEBUG.
 */

#include "broker/tasks/parents.h"
#include "broker/tasks/task_table.h"
#include "tests/unit/harness.h"

/* Adds a task to the table. Its number determines each value that is not given. */
static inline Task *made_task(TaskTable *table, uint32_t pid, uint32_t tid, uint32_t ppid, uint64_t start_time_ns) {
        Task *task = task_table_add(table, pid, tid);

        assert(task);
        task->start_time_ns = start_time_ns;
        parents_set_origin(table, task->process, ppid, true);
        (void)parents_set(table, task->process, ppid);
        snprintf(task->comm, sizeof(task->comm), "task-%u", tid);
        return task;
}

/* A program with one use, which the caller has. The arguments may hold NULs. */
static inline Program *made_program_sized(ProgramState state, const char *cmdline, size_t n_cmdline, const char *exe,
                                          size_t n_exe, const char *cgroup, size_t n_cgroup) {
        Program *program = malloc(sizeof(*program) + n_cmdline + n_exe + n_cgroup + 1);

        assert(program);
        *program = (Program){
                .n_users = 1,
                .state = (uint8_t)state,
                .n_cmdline = (uint16_t)n_cmdline,
                .n_exe = (uint16_t)n_exe,
                .n_cgroup = (uint16_t)n_cgroup,
        };
        memcpy(program->bytes, cmdline, n_cmdline);
        memcpy(program->bytes + n_cmdline, exe, n_exe);
        memcpy(program->bytes + n_cmdline + n_exe, cgroup, n_cgroup);
        program->bytes[n_cmdline + n_exe + n_cgroup] = 0;
        return program;
}

/* One argument. */
static inline Program *made_program(const char *cmdline, const char *exe, const char *cgroup) {
        return made_program_sized(PROGRAM_CAPTURED, cmdline, strlen(cmdline) + 1, exe, strlen(exe), cgroup,
                                  strlen(cgroup));
}
