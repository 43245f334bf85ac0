/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The files of /proc: stat, status and the files of a program, each from a made-up
 * directory, and the names of directories. The first bytes of an input are the
 * lengths of the files; the bytes of the files follow.
 */

#include "broker/tasks/procfs.h"
#include "broker/tasks/program_reader.h"
#include "tests/fuzz/fuzz_tree.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/made_proc.h"
#include "tests/unit/made.h"

static void write_file(const Tree *tree, FuzzInput *input, const char *name, size_t n_wanted) {
        size_t n;
        const uint8_t *data = fuzz_take(input, n_wanted, &n);

        proc_write(tree, 7, 7, name, data, n);
}

static void check_number(const uint8_t *data, size_t n) {
        char text[16] = {};

        memcpy(text, data, MIN(n, sizeof(text) - 1));
        assert(procfs_number(text) < 4u * 1024 * 1024);
}

static void check_program(const Tree *tree, const ProcfsTask *found) {
        TaskTable table;
        ProgramReader programs;
        Program *program = NULL;
        Task *task;

        task_table_init(&table);
        program_reader_init(&programs, tree->fd, &table, NULL);
        program_reader_want(&programs);
        task = procfs_add_task(&table, 7, 7, found);
        assert(task && memchr(task->comm, 0, sizeof(task->comm)));
        assert(program_reader_read_at_exec(&programs, task, true, &program) == 0);
        if (program) {
                fuzz_touch(program, program_size(program));
                assert(program->state <= PROGRAM_SKIPPED);
                assert(strlen(program_cgroup(program)) == program->n_cgroup);
                task_table_set_program(&table, task->process, program);
        }
        program_reader_unwant(&programs);
        task_table_deinit(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        const Tree *tree = fuzz_tree();
        FuzzInput input = { data, data + n_data };
        size_t n_stat = fuzz_u8(&input), n_status = fuzz_u8(&input), n_cmdline = fuzz_u16(&input);
        ProcfsTask found;

        check_number(data, n_data);
        write_file(tree, &input, "stat", 2 * n_stat);
        write_file(tree, &input, "status", 4 * n_status);
        write_file(tree, &input, "cmdline", n_cmdline);
        write_file(tree, &input, "cgroup", 8192);

        if (procfs_read_leader(tree->fd, 7, &found)) {
                assert(memchr(found.comm, 0, sizeof(found.comm)));
                check_program(tree, &found);
        }
        return 0;
}
