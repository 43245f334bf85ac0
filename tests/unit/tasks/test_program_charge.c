/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The memory of programs: a user with many long command lines leaves memory for the programs of all others. */

#include "broker/policy/limits.h"
#include "broker/tasks/program_charge.h"
#include "broker/tasks/program_reader.h"
#include "tests/unit/made.h"
#include "tests/unit/made_proc.h"

#define START 12345u    /* ticks */
#define N_LINE 1000u

typedef struct Rig Rig;

struct Rig {
        Quota quota;
        Tree tree;
        TaskTable table;
        ProgramReader programs;
};

static void rig_init(Rig *rig) {
        *rig = (Rig){ .tree = tree_new() };
        quota_init(&rig->quota, &quota_limits_default);
        task_table_init(&rig->table);
        program_reader_init(&rig->programs, rig->tree.fd, &rig->table, NULL);
        rig->programs.quota = &rig->quota;
        rig->programs.cmdline_max = N_LINE;
        program_reader_want(&rig->programs);
}

/* Each charge is returned with its program. */
static void rig_deinit(Rig *rig) {
        task_table_deinit(&rig->table);
        assert(rig->quota.used[QUOTA_PROGRAMS] == 0 && rig->quota.used_by_root[QUOTA_PROGRAMS] == 0);
        quota_deinit(&rig->quota);
        tree_free(&rig->tree);
}

static Task *rig_add(Rig *rig, uint32_t pid, uint32_t uid) {
        char line[N_LINE] = "prog";
        Task *task = made_task(&rig->table, pid, pid, 1, proc_wall(START));
        char ids[128];

        memset(line, 'a', sizeof(line) - 1);
        proc_add_task(&rig->tree, pid, pid, "x", 1, START);
        snprintf(ids, sizeof(ids), "Uid:\t%u\t1001\t1001\t1001\nGid:\t2000\t2001\t2001\t2001\n", uid);
        proc_add_status(&rig->tree, pid, pid, "x", ids);
        proc_add_program(&rig->tree, pid, pid, line, sizeof(line), "/bin/prog", "0::/a\n");
        task->ruid = uid;
        task->euid = 1001;
        task->rgid = 2000;
        task->egid = 2001;
        return task;
}

/* Reads a program at its exec, and stores it. */
static ProgramState rig_exec(Rig *rig, Task *task) {
        Program *program = NULL;

        assert(program_reader_read_at_exec(&rig->programs, task, true, &program) == 0);
        task_table_set_program(&rig->table, task->process, program);
        return (ProgramState)program->state;
}

/* Reads the next program of a pass, and stores it. Return: whether the pass had one more. */
static bool rig_read(Rig *rig) {
        Program *program;
        Task *task;

        assert(program_reader_read_next(&rig->programs, &task, &program) == 0);
        if (task)
                task_table_set_program(&rig->table, task->process, program);
        return task;
}

static void rig_pass(Rig *rig) {
        do
                (void)rig_read(rig);
        while (rig->programs.next_tid > 0);
}

/* A user takes what it can get; a newcomer, root and processes without a known user get theirs nevertheless. */
static void test_shares(void) {
        QuotaShare *share;
        uint64_t used;
        uint32_t pid = 100;
        Task *task;
        Rig rig;

        rig_init(&rig);
        share = &rig.quota.limits.held[QUOTA_PROGRAMS];
        *share = (QuotaShare){ .total = 40000, .reserve = 5000, .of_user = 20000, .ordinary = 4000, .kept = 16000 };
        while (rig_exec(&rig, rig_add(&rig, pid, 1000)) == PROGRAM_CAPTURED)
                ++pid;
        assert(pid > 103 && rig.quota.used[QUOTA_PROGRAMS] <= share->of_user);
        assert(rig.programs.n_refused == 1 && rig.programs.n_skipped == 1 && rig.quota.n_refused == 0);
        assert(rig_exec(&rig, rig_add(&rig, 200, 1001)) == PROGRAM_CAPTURED);
        assert(rig_exec(&rig, rig_add(&rig, 201, 0)) == PROGRAM_CAPTURED);
        task = rig_add(&rig, 202, 1000);
        task->flags |= TASK_UNKNOWN;
        assert(rig_exec(&rig, task) == PROGRAM_CAPTURED);

        /* a child has the program of its parent at no cost, and the charge stays until both have ended */
        task = made_task(&rig.table, 300, 300, 200, 5);
        task_table_inherit(&rig.table, task->process, task_table_get_process(&rig.table, 200));
        assert(task->process->program->n_users == 2);
        used = rig.quota.used[QUOTA_PROGRAMS];
        task_table_set_program(&rig.table, task_table_get_process(&rig.table, 200), NULL);
        assert(rig.quota.used[QUOTA_PROGRAMS] == used);
        task_table_set_program(&rig.table, task->process, NULL);
        assert(rig.quota.used[QUOTA_PROGRAMS] < used);
        rig_deinit(&rig);
}

/* A pass leaves out programs without memory, is complete nevertheless, and a later one reads them. */
static void test_pass(void) {
        uint64_t n_refused;
        Rig rig;

        rig_init(&rig);
        rig.quota.limits.held[QUOTA_PROGRAMS] = (QuotaShare){ .total = 20000, .of_user = 6000 };
        for (uint32_t pid = 100; pid < 110; ++pid)
                (void)rig_add(&rig, pid, pid == 109 ? 1001 : 1000);
        assert(rig_read(&rig) && rig_read(&rig) && rig_read(&rig) && rig_read(&rig));
        /* within a pass there is no need for another one */
        assert(rig.programs.left_out && rig.programs.next_tid > 0);
        program_reader_try_again(&rig.programs, rig.programs.begun_ns + 60 * NSEC_PER_SEC);
        assert(rig.programs.complete);
        rig_pass(&rig);
        assert(program_reader_is_complete(&rig.programs) && rig.programs.left_out);
        assert(task_table_get_process(&rig.table, 100)->program->state == PROGRAM_CAPTURED);
        assert(task_table_get_process(&rig.table, 108)->program->state == PROGRAM_SKIPPED);
        assert(task_table_get_process(&rig.table, 109)->program->state == PROGRAM_CAPTURED);
        assert(rig.programs.n_refused == rig.programs.n_skipped && rig.programs.n_refused > 0);

        /* not all the time, and not before it is time */
        program_reader_try_again(&rig.programs, rig.programs.begun_ns + NSEC_PER_SEC);
        assert(program_reader_is_complete(&rig.programs));

        /* a later pass that finds no memory changes nothing, and counts nothing again */
        n_refused = rig.programs.n_refused;
        program_reader_try_again(&rig.programs, rig.programs.begun_ns + 60 * NSEC_PER_SEC);
        assert(!program_reader_is_complete(&rig.programs) && !rig_read(&rig) && rig.programs.next_tid == 0);
        assert(rig.programs.n_refused == n_refused && rig.programs.n_skipped == n_refused && rig.programs.left_out);
        for (uint32_t pid = 100; pid < 108; ++pid)
                task_table_end_process(&rig.table, task_table_get_process(&rig.table, pid));
        program_reader_try_again(&rig.programs, rig.programs.begun_ns + 60 * NSEC_PER_SEC);
        assert(!program_reader_is_complete(&rig.programs));
        rig_pass(&rig);
        assert(task_table_get_process(&rig.table, 108)->program->state == PROGRAM_CAPTURED && !rig.programs.left_out);
        rig_deinit(&rig);
}

/* A pass over many tasks whose programs are known is made in slices too. */
static void test_slices(void) {
        Program *program;
        size_t n_calls = 0;
        Task *task;
        Rig rig;

        rig_init(&rig);
        for (uint32_t pid = 100; pid < 10100; ++pid)
                task_table_set_program(&rig.table, made_task(&rig.table, pid, pid, 1, 5)->process,
                                       made_program("x", "/x", "/"));
        do {
                assert(program_reader_read_next(&rig.programs, &task, &program) == 0 && !task);
                ++n_calls;
        } while (rig.programs.next_tid > 0);
        assert(n_calls >= 4);
        rig_deinit(&rig);
}

int main(void) {
        test_shares();
        test_pass();
        test_slices();
        return 0;
}
