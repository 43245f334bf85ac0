/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Numbers of tasks are small (below 2^22) and dense, so that the table is an
 * array in pages: no hash, no rehash, a look-up is two loads. A page is made
 * when the first task falls into it and stays.
 *
 * Tasks, processes and totals are objects of pools; 2^22 of each is the kernel's
 * own limit. Totals, the large ones, exist only for processes one of whose
 * tasks ended before the last.
 *
 * A process is found through its leader's slot: a leader that ended before its
 * process stays there, marked as gone, and so does one that was never seen.
 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/util.h"
#include "broker/tasks/table.h"

#define PAGE_BITS 10
#define PAGE_SIZE (1u << PAGE_BITS)
#define TID_LIMIT (4096u * PAGE_SIZE)

void task_table_init(TaskTable *table) {
        *table = (TaskTable){};
        pool_init(&table->tasks, sizeof(Task), TID_LIMIT);
        pool_init(&table->processes, sizeof(Process), TID_LIMIT);
        pool_init(&table->totals, sizeof(TaskStats), TID_LIMIT);
}

void task_table_deinit(TaskTable *table) {
        for (size_t i = 0; i < TID_LIMIT >> PAGE_BITS; ++i)
                free(table->pages[i]);
        pool_deinit(&table->tasks);
        pool_deinit(&table->processes);
        pool_deinit(&table->totals);
        *table = (TaskTable){};
}

/* The slot of a task; NULL if its page cannot be made. */
static Task **table_slot(TaskTable *table, uint32_t tid) {
        Task ***page = &table->pages[tid >> PAGE_BITS];

        if (!*page)
                *page = calloc(PAGE_SIZE, sizeof(**page));
        return *page ? &(*page)[tid & (PAGE_SIZE - 1)] : NULL;
}

/* What is in the slot of a number: a live task, or a leader that is gone. */
static Task *table_peek(const TaskTable *table, uint32_t tid) {
        Task *const *page = tid < TID_LIMIT ? table->pages[tid >> PAGE_BITS] : NULL;

        return page ? page[tid & (PAGE_SIZE - 1)] : NULL;
}

/**
 * task_table_get() - find a task
 * @table:  the table
 * @tid:    its number
 *
 * Return: The task; NULL if there is none, or if it is gone.
 */
Task *task_table_get(const TaskTable *table, uint32_t tid) {
        Task *task = table_peek(table, tid);

        return task && !(task->flags & TASK_GONE) ? task : NULL;
}

/**
 * task_table_next() - find the next task by number
 * @table:     the table
 * @from_tid:  the least number
 *
 * Return: The live task with the least number from there on; NULL.
 */
Task *task_table_next(const TaskTable *table, uint32_t from_tid) {
        for (uint32_t tid = from_tid; tid < TID_LIMIT; ++tid) {
                Task *task;

                if (!table->pages[tid >> PAGE_BITS]) {
                        tid |= PAGE_SIZE - 1;
                        continue;
                }
                task = task_table_get(table, tid);
                if (task)
                        return task;
        }
        return NULL;
}

/**
 * task_table_get_process() - find a process
 * @table:  the table
 * @pid:    its number
 *
 * Return: The process; NULL if there is none with a live task.
 */
Process *task_table_get_process(const TaskTable *table, uint32_t pid) {
        Task *leader = table_peek(table, pid);

        return leader && leader->process->pid == pid ? leader->process : NULL;
}

static void task_free(TaskTable *table, Task *task) {
        *table_slot(table, task->tid) = NULL;
        list_unlink(&task->link);
        pool_give(&table->tasks, task);
}

static Task *task_new(TaskTable *table, Process *process, uint32_t tid) {
        Task **slot = table_slot(table, tid), *task;

        if (!slot)
                return NULL;
        task = pool_take(&table->tasks);
        if (!task)
                return NULL;
        task->process = process;
        task->tid = tid;
        list_append(&process->tasks, &task->link);
        return *slot = task;
}

static Process *process_new(TaskTable *table, uint32_t pid) {
        Process *process = pool_take(&table->processes);
        Task *leader;

        if (!process)
                return NULL;
        process->pid = pid;
        list_init(&process->tasks);
        leader = task_new(table, process, pid);
        if (!leader) {
                pool_give(&table->processes, process);
                return NULL;
        }
        leader->flags = TASK_GONE;
        return process;
}

static void task_live(TaskTable *table, Task *task) {
        task->flags &= (uint8_t)~TASK_GONE;
        if (task->process->n_live++ == 0)
                ++table->n_live_processes;
        ++table->n_live_tasks;
}

/**
 * task_table_is_free() - whether the table has room for a task's numbers
 * @table:  the table
 * @pid:    its process
 * @tid:    the task
 *
 * Return: Whether nothing that the table holds contradicts such a task: another
 *         task by that number, or a thread by the process' number.
 */
bool task_table_is_free(const TaskTable *table, uint32_t pid, uint32_t tid) {
        const Task *leader = table_peek(table, pid), *task = table_peek(table, tid);

        if (leader && leader->process->pid != pid)
                return false;
        return !task || (tid == pid && (task->flags & TASK_GONE));
}

/**
 * task_table_add() - add a task
 * @table:  the table, where task_table_is_free()
 * @pid:    its process, made if it is not there
 * @tid:    the task
 *
 * Return: The task, all zero but for its place; NULL without memory.
 */
Task *task_table_add(TaskTable *table, uint32_t pid, uint32_t tid) {
        Process *process;
        Task *task;

        assert(pid < TID_LIMIT && tid < TID_LIMIT && task_table_is_free(table, pid, tid));
        process = task_table_get_process(table, pid);
        if (!process)
                process = process_new(table, pid);
        if (!process)
                return NULL;

        if (tid == pid) {
                task = *table_slot(table, tid);
        } else {
                task = task_new(table, process, tid);
                if (!task) {
                        if (process->n_live == 0)
                                task_table_end_process(table, process);
                        return NULL;
                }
        }
        task_live(table, task);
        return task;
}

/**
 * task_table_end_task() - take a task out
 * @table:  the table
 * @task:   a live task
 *
 * If it was the last of its process, the process is still there, with n_live 0,
 * for the caller to read and then to end.
 */
void task_table_end_task(TaskTable *table, Task *task) {
        Process *process = task->process;

        assert(process->n_live > 0);
        --table->n_live_tasks;
        if (--process->n_live == 0)
                --table->n_live_processes;
        if (task->tid == process->pid)
                task->flags |= TASK_GONE;
        else
                task_free(table, task);
}

/**
 * task_table_end_process() - take a process out, with what is left of its tasks
 * @table:    the table
 * @process:  the process
 */
void task_table_end_process(TaskTable *table, Process *process) {
        list_for_each(link, safe, &process->tasks) {
                Task *task = container_of(link, Task, link);

                if (!(task->flags & TASK_GONE)) {
                        --table->n_live_tasks;
                        if (--process->n_live == 0)
                                --table->n_live_processes;
                }
                task_free(table, task);
        }
        pool_give(&table->totals, process->totals);
        pool_give(&table->processes, process);
}

/**
 * task_table_revive() - bring a leader back
 * @table:   the table
 * @leader:  the leader, gone
 *
 * When another thread calls exec, it takes over the number, and the age, of the
 * leader that ended for it.
 */
void task_table_revive(TaskTable *table, Task *leader) {
        assert(leader->flags & TASK_GONE);
        task_live(table, leader);
}

/**
 * task_table_totals() - the totals of a process
 * @table:    the table
 * @process:  the process
 *
 * Return: Its totals, all zero if they were not there; NULL without memory.
 */
TaskStats *task_table_totals(TaskTable *table, Process *process) {
        if (!process->totals)
                process->totals = pool_take(&table->totals);
        return process->totals;
}
