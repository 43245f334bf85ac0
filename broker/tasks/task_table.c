/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tasks, processes and totals are objects of pools; 2^22 of each is the kernel's
 * own limit. Totals, the large ones, exist only for processes one of whose
 * tasks ended before the last.
 *
 * A process is found through its leader's slot: a leader that ended before its
 * process stays there, marked as gone, and so does one that was never seen. A
 * process may be there without a live task: forks were lost, and the tasks that
 * keep it alive are not known yet (join_exit.c).
 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/util.h"
#include "broker/tasks/program_charge.h"
#include "broker/tasks/task_table.h"

#define TID_LIMIT TASK_PAGES_LIMIT

void task_table_init(TaskTable *table) {
        *table = (TaskTable){};
        pool_init(&table->tasks, sizeof(Task), TID_LIMIT);
        pool_init(&table->processes, sizeof(Process), TID_LIMIT);
        pool_init(&table->totals, sizeof(TaskStats), TID_LIMIT);
        recheck_queue_init(&table->recheck_queue);
}

void task_table_deinit(TaskTable *table) {
        for (const Task *leader = task_table_next_leader(table, 0); leader;
             leader = task_table_next_leader(table, leader->tid + 1))
                task_table_set_program(table, leader->process, NULL);
        task_pages_deinit(&table->pages);
        pool_deinit(&table->tasks);
        pool_deinit(&table->processes);
        pool_deinit(&table->totals);
        *table = (TaskTable){};
}

/**
 * task_table_get() - find a task
 * @table:  the table
 * @tid:    its number
 *
 * Return: The task; NULL if it is not there, or gone.
 */
Task *task_table_get(const TaskTable *table, uint32_t tid) {
        Task *task = task_pages_get(&table->pages, tid);

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
        Task *task = task_pages_next(&table->pages, from_tid);

        while (task && (task->flags & TASK_GONE))
                task = task_pages_next(&table->pages, task->tid + 1);
        return task;
}

/**
 * task_table_next_kept() - find what next keeps a process in the table
 * @table:     the table
 * @from_tid:  the least number
 *
 * Return: The live task, or the leader of a process without one, with the least
 *         number from there on; NULL.
 */
Task *task_table_next_kept(const TaskTable *table, uint32_t from_tid) {
        Task *task = task_pages_next(&table->pages, from_tid);

        while (task && (task->flags & TASK_GONE) && task->process->n_live > 0)
                task = task_pages_next(&table->pages, task->tid + 1);
        return task;
}

/**
 * task_table_next_leader() - find the next process by number
 * @table:     the table
 * @from_pid:  the least number
 *
 * Return: The leader, gone or not, of the process with the least number from
 *         there on; NULL.
 */
Task *task_table_next_leader(const TaskTable *table, uint32_t from_pid) {
        Task *task = task_pages_next(&table->pages, from_pid);

        while (task && task->tid != task->process->pid)
                task = task_pages_next(&table->pages, task->tid + 1);
        return task;
}

/**
 * task_table_get_leader() - find a process' leader
 * @table:  the table
 * @pid:    the process' number
 *
 * Return: The leader, gone or not; NULL if the process is not there.
 */
Task *task_table_get_leader(const TaskTable *table, uint32_t pid) {
        Task *leader = task_pages_get(&table->pages, pid);

        return leader && leader->process->pid == pid ? leader : NULL;
}

/**
 * task_table_get_process() - find a process
 * @table:  the table
 * @pid:    its number
 *
 * Return: The process; NULL if it is not there.
 */
Process *task_table_get_process(const TaskTable *table, uint32_t pid) {
        Task *leader = task_table_get_leader(table, pid);

        return leader ? leader->process : NULL;
}

/**
 * task_table_first_live() - one of a process' live tasks
 * @process:  a process with n_live above 0
 *
 * Return: The first: its leader, if that lives.
 */
Task *task_table_first_live(const Process *process) {
        Task *task = NULL;

        list_for_each(link, safe, &process->tasks) {
                task = container_of(link, Task, link);
                if (!(task->flags & TASK_GONE))
                        break;
        }
        return task;
}

/**
 * task_table_leader_is_unseen() - whether a leader only holds its process' number
 * @leader:  the leader
 *
 * Return: Whether it was never seen. Then only its other tasks have been reported.
 */
bool task_table_leader_is_unseen(const Task *leader) {
        return (leader->flags & TASK_GONE) && (leader->flags & TASK_UNKNOWN) && leader->start_time_ns == 0;
}

static void task_free(TaskTable *table, Task *task) {
        task_pages_clear(&table->pages, task->tid);
        if (table->starts)
                start_store_clear(table->starts, task->tid);
        recheck_queue_drop(&table->recheck_queue, task);
        list_unlink(&task->link);
        pool_free(&table->tasks, task);
}

static Task *task_new(TaskTable *table, Process *process, uint32_t tid) {
        Task *task = pool_alloc(&table->tasks);

        if (!task)
                return NULL;
        if (!task_pages_put(&table->pages, task, tid)) {
                pool_free(&table->tasks, task);
                return NULL;
        }
        task->process = process;
        task->tid = tid;
        list_init(&task->recheck_link);
        list_append(&process->tasks, &task->link);
        return task;
}

static Process *process_new(TaskTable *table, uint32_t pid) {
        Process *process = pool_alloc(&table->processes);
        Task *leader;

        if (!process)
                return NULL;
        process->pid = pid;
        process->serial = ++table->last_serial;
        if (process->serial == 0)
                process->serial = ++table->last_serial;
        list_init(&process->tasks);
        leader = task_new(table, process, pid);
        if (!leader) {
                pool_free(&table->processes, process);
                return NULL;
        }
        leader->flags = TASK_GONE | TASK_UNKNOWN;
        leader->exit_signal = TASK_EXIT_SIGNAL_UNKNOWN;
        ++table->n_live_processes;
        return process;
}

static void task_live(TaskTable *table, Task *task) {
        task->flags &= (uint16_t)~TASK_GONE;
        task->exit_signal = TASK_EXIT_SIGNAL_UNKNOWN;
        ++task->process->n_live;
        task->process->sampled = false;
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
        const Task *leader = task_pages_get(&table->pages, pid), *task = task_pages_get(&table->pages, tid);

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
        bool made;

        assert(pid < TID_LIMIT && tid < TID_LIMIT && task_table_is_free(table, pid, tid));
        process = task_table_get_process(table, pid);
        made = !process;
        if (made)
                process = process_new(table, pid);
        if (!process)
                return NULL;

        if (tid == pid) {
                task = task_pages_get(&table->pages, tid);
                assert(task);
                task->flags = 0;
        } else {
                task = task_new(table, process, tid);
                if (!task) {
                        if (made)
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
 * until the caller ends it.
 */
void task_table_end_task(TaskTable *table, Task *task) {
        Process *process = task->process;

        assert(process->n_live > 0);
        --table->n_live_tasks;
        --process->n_live;
        process->sampled = false;
        recheck_queue_drop(&table->recheck_queue, task);
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

                if (!(task->flags & TASK_GONE))
                        --table->n_live_tasks;
                task_free(table, task);
        }
        --table->n_live_processes;
        task_table_set_program(table, process, NULL);
        pool_free(&table->totals, process->totals);
        pool_free(&table->processes, process);
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
                process->totals = pool_alloc(&table->totals);
        return process->totals;
}

/**
 * task_table_set_program() - say what a process runs
 * @table:    the table
 * @process:  the process
 * @program:  its program, of which a use is taken over; NULL: none
 */
void task_table_set_program(TaskTable *table, Process *process, Program *program) {
        Program *old = process->program;

        /* Its first process: only then is it the table's. */
        if (program && program->n_users == 1)
                table->n_program_bytes += program_size(program);
        process->program = program;
        if (!old || --old->n_users > 0)
                return;
        table->n_program_bytes -= program_size(old);
        program_free(old);
}

/**
 * task_table_inherit() - give a new process what it has from its parent
 * @table:    the table
 * @process:  the process
 * @parent:   its parent; NULL: not known
 */
void task_table_inherit(TaskTable *table, Process *process, const Process *parent) {
        process->never_compared = !parent || parent->never_compared;
        if (!parent)
                return;
        process->n_acks_compared = parent->n_acks_compared;
        process->session = parent->session;
        process->creds_stale |= parent->creds_stale;
        process->nondumpable = parent->nondumpable;
        process->in_own_namespace = parent->in_own_namespace;
        process->exe_known = parent->exe_known;
        process->exe = parent->exe;
        process->marks = parent->marks;
        if (parent->program) {
                ++parent->program->n_users;
                task_table_set_program(table, process, parent->program);
        }
}

/**
 * task_table_is_compared() - whether all processes with a live task were compared with /proc
 * @table:   the table
 * @n_acks:  after so many foreign acknowledgements
 */
bool task_table_is_compared(const TaskTable *table, uint32_t n_acks) {
        for (const Task *task = task_table_next_leader(table, 1); task;
             task = task_table_next_leader(table, task->tid + 1))
                if (task->process->n_live > 0 && !process_is_compared(task->process, n_acks))
                        return false;
        return true;
}

/**
 * task_table_forget_compared() - mark all processes as never compared that were not compared lately
 * @table:   the table
 * @n_acks:  the connector's foreign acknowledgements
 */
void task_table_forget_compared(TaskTable *table, uint32_t n_acks) {
        for (const Task *task = task_table_next_leader(table, 1); task;
             task = task_table_next_leader(table, task->tid + 1))
                task->process->never_compared |= !process_is_compared(task->process, n_acks);
}

/**
 * task_table_mark_creds_stale() - mark the ids of all processes as possibly outdated
 * @table:  the table
 *
 * Messages of the connector were lost: each process may have other ids by now. Until it
 * was checked in /proc, its owner gets its public fields only.
 */
void task_table_mark_creds_stale(TaskTable *table) {
        for (const Task *task = task_table_next_leader(table, 1); task;
             task = task_table_next_leader(table, task->tid + 1))
                task->process->creds_stale = true;
}

/**
 * task_table_bytes() - the memory that the table has
 * @table:  the table
 *
 * Return: Bytes: the pages, the objects that were made for the most tasks so far, which
 *         stay, and the programs.
 */
size_t task_table_bytes(const TaskTable *table) {
        return task_pages_bytes(&table->pages) +
               table->tasks.n_made * table->tasks.n_object + table->processes.n_made * table->processes.n_object +
               table->totals.n_made * table->totals.n_object + table->n_program_bytes;
}
