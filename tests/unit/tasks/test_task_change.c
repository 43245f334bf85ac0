/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* A change of a task: the table has the former state until the change is stored, and all of the change afterwards. */

#include "broker/tasks/task_change.h"
#include "tests/unit/made.h"

static TaskTable table;

/* Changes every member that an event can change. */
static void change_all(TaskChange *change) {
        change->task.ruid = 11;
        change->task.euid = 12;
        change->task.rgid = 13;
        change->task.egid = 14;
        change->task.flags |= TASK_CREDENTIALS_CHANGED;
        snprintf(change->task.comm, sizeof(change->task.comm), "changed");
        change->process.origin_pid = 21;
        change->process.session = 22;
        change->process.marks = 23;
        change->process.suspect = true;
        change->process.creds_stale = true;
        change->process.nondumpable = true;
}

static void test_store(void) {
        TaskChange change;
        Task *task;

        task_table_init(&table);
        task = made_task(&table, 50, 50, 1, 7);
        task->flags = TASK_SEEDED;
        task->process->session = 2;
        task->process->seeded = true;
        task_change_begin(&change, task);
        assert(change.task.process == &change.process && change.task.tid == 50 && change.process.session == 2);
        change_all(&change);

        /* the table has the former state */
        assert(task->ruid == 0 && task->flags == TASK_SEEDED && strcmp(task->comm, "task-50") == 0);
        assert(task->process->origin_pid == 1 && task->process->session == 2 && task->process->marks == 0);
        assert(!task->process->suspect && !task->process->creds_stale && !task->process->nondumpable);

        task_change_store(&table, task, &change);
        assert(task->ruid == 11 && task->euid == 12 && task->rgid == 13 && task->egid == 14);
        assert(task->flags == (TASK_SEEDED | TASK_CREDENTIALS_CHANGED) && strcmp(task->comm, "changed") == 0);
        assert(task->process->origin_pid == 21 && task->process->session == 22 && task->process->marks == 23);
        assert(task->process->suspect && task->process->creds_stale && task->process->nondumpable);
        assert(task->process != &change.process && task->start_time_ns == 7 && task->process->seeded);
        assert(table.n_live_tasks == 1 && table.n_live_processes == 1);
        task_table_deinit(&table);
}

/* A sweep between begin and store keeps its results. */
static void test_sweep_members(void) {
        TaskChange change;
        Task *task;

        task_table_init(&table);
        task = made_task(&table, 50, 50, 1, 7);
        task_change_begin(&change, task);
        task->sampled = 3;
        task->process->sampled = true;
        task->process->peak_rss = task->process->peak_vm = 5;
        task->changed_sweep = task->process->changed_sweep = 4;
        task_change_store(&table, task, &change);
        assert(task->sampled == 3 && task->process->sampled);
        assert(task->process->peak_rss == 5 && task->process->peak_vm == 5);
        assert(task->changed_sweep == 4 && task->process->changed_sweep == 4);
        task_table_deinit(&table);
}

/* The use of a new program is taken over, and the use of the former program is returned. */
static void test_program(void) {
        Program *former = made_program("former", "/former", "/"), *next = made_program("next", "/next", "/");
        TaskChange change;
        Task *task;

        task_table_init(&table);
        task = made_task(&table, 50, 50, 1, 7);
        task_table_set_program(&table, task->process, former);
        ++former->n_users;
        task_change_begin(&change, task);
        task_change_store(&table, task, &change);
        assert(task->process->program == former && former->n_users == 2);

        change.process.program = next;
        task_change_store(&table, task, &change);
        assert(task->process->program == next && next->n_users == 1 && former->n_users == 1);
        task_table_deinit(&table);
        free(former);
}

/* A leader that is gone lives again if the change clears its flag, and stays gone otherwise. */
static void test_revival(void) {
        TaskChange change;
        Task *leader;

        task_table_init(&table);
        leader = made_task(&table, 50, 50, 1, 7);
        (void)made_task(&table, 50, 51, 1, 8);
        task_table_end_task(&table, leader);
        assert(leader->process->n_live == 1 && table.n_live_tasks == 1);

        task_change_begin(&change, leader);
        task_change_store(&table, leader, &change);
        assert((leader->flags & TASK_GONE) && leader->process->n_live == 1);

        change.task.flags &= (uint16_t)~TASK_GONE;
        task_change_store(&table, leader, &change);
        assert(!(leader->flags & TASK_GONE) && leader->process->n_live == 2 && table.n_live_tasks == 2);
        assert(task_table_get(&table, 50) == leader);
        task_table_deinit(&table);
}

int main(void) {
        test_store();
        test_sweep_members();
        test_program();
        test_revival();
        return 0;
}
