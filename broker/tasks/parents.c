/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A relation between two processes is kept as number and serial (Process.serial). So a
 * process that ended is never taken for the later owner of its number, and its end changes
 * nothing in its children: no lookup finds their parent any more.
 */

#include "broker/tasks/parents.h"

/**
 * parents_get() - find the present parent of a process
 * @table:    the table
 * @process:  the process
 *
 * Return: The parent; NULL: none, or not known, for example because the last known parent
 *         ended.
 */
Process *parents_get(const TaskTable *table, const Process *process) {
        Process *parent = process->parent_serial ? task_table_get_process(table, process->parent_pid) : NULL;

        return parent && parent->serial == process->parent_serial ? parent : NULL;
}

static void parents_leave(const TaskTable *table, Process *process) {
        Process *parent = parents_get(table, process);

        if (parent)
                --parent->n_children;
        process->parent_serial = 0;
        process->has_no_parent = false;
        process->sampled = false;
}

/* Whether it is known which parent a process has, or that it has none. */
bool parents_is_known(const TaskTable *table, const Process *process) {
        return process->has_no_parent || parents_get(table, process);
}

/* The present parent of a process. */
ProcessId parents_present(const TaskTable *table, const Process *process) {
        const Process *parent = parents_get(table, process);

        if (!parent)
                return (ProcessId){ .known = process->has_no_parent };
        return (ProcessId){
                .pid = parent->pid,
                .known = true,
                .start_time_ns = process_leader(parent)->start_time_ns,
        };
}

/* The process with a number, if it can be the parent: no parent is younger than its child, as far as both are known. */
static Process *parents_candidate(const TaskTable *table, const Process *process, uint32_t parent_pid) {
        const Task *leader = process_leader(process);
        const Task *parent = parent_pid ? task_table_get_leader(table, parent_pid) : NULL;
        uint64_t tolerance = parent && (leader->flags | parent->flags) & TASK_SEEDED ? TASK_FORK_DELAY_NS : 0;

        if (!parent || parent->process == process ||
            (leader->start_time_ns && parent->start_time_ns > leader->start_time_ns + tolerance))
                return NULL;
        return parent->process;
}

/**
 * parents_session() - the leader of a process' session
 * @table:    the table
 * @process:  the process
 *
 * The kernel gives the number of a session to no process while the session has members. So a
 * leader is never younger than a member. A younger process with the number is a stranger, and
 * the member has ended unseen.
 *
 * Return: The leader, without a start if the table does not have it.
 */
ProcessId parents_session(const TaskTable *table, const Process *process) {
        const Process *leader = process;

        if (process->session == 0)
                return (ProcessId){ .known = !(process_leader(process)->flags & TASK_UNKNOWN) };
        if (process->session != process->pid)
                leader = parents_candidate(table, process, process->session);
        if (leader && leader->session != leader->pid)
                leader = NULL;
        return (ProcessId){
                .pid = process->session,
                .known = true,
                .start_time_ns = leader ? process_leader(leader)->start_time_ns : 0,
        };
}

/**
 * parents_find() - complete a parent's number
 * @table:       the table
 * @process:     the process
 * @parent_pid:  the number of its parent; 0: it has none
 *
 * Return: The parent, without a start if the table does not have it.
 */
ProcessId parents_find(const TaskTable *table, const Process *process, uint32_t parent_pid) {
        const Process *parent = parents_candidate(table, process, parent_pid);

        return (ProcessId){
                .pid = parent_pid,
                .known = true,
                .start_time_ns = parent ? process_leader(parent)->start_time_ns : 0,
        };
}

/*
 * The process that has the origin's number, and is not younger than the child, is the origin. If messages were lost,
 * the table may get it after the child.
 */
static void parents_complete_origin(const TaskTable *table, Process *process) {
        if (process->origin_known && process->origin_start_ns == 0 && process_leader(process)->start_time_ns > 0)
                process->origin_start_ns = parents_find(table, process, process->origin_pid).start_time_ns;
}

/**
 * parents_set() - set the present parent of a process
 * @table:       the table
 * @process:     the process; the start of its leader is set, if it is known
 * @parent_pid:  the number of its parent, as the kernel has it; 0: it has none
 *
 * Return: Whether the parent is known now: the table has it.
 */
bool parents_set(TaskTable *table, Process *process, uint32_t parent_pid) {
        Process *parent = parents_candidate(table, process, parent_pid);

        parents_leave(table, process);
        process->parent_pid = process_number(parent_pid);
        process->has_no_parent = parent_pid == 0;
        if (parent) {
                process->parent_serial = parent->serial;
                ++parent->n_children;
        } else if (parent_pid) {
                table->has_orphans = true;
        }
        parents_complete_origin(table, process);
        return parent || parent_pid == 0;
}

/**
 * parents_set_origin() - set the first parent of a process
 * @table:       the table
 * @process:     the process; nothing is changed if its origin is known
 * @parent_pid:  the number of the parent; 0: it has none
 * @is_maker:    the kernel named it at the fork
 */
void parents_set_origin(TaskTable *table, Process *process, uint32_t parent_pid, bool is_maker) {
        if (process->origin_known)
                return;
        process->origin_known = true;
        process->origin_pid = process_number(parent_pid);
        process->origin_start_ns = parents_find(table, process, parent_pid).start_time_ns;
        /* No process adopts one: a process without a parent has none from its fork on. */
        process->origin_is_maker = is_maker || parent_pid == 0;
}

/**
 * parents_note_end() - a process is about to be taken out of the table
 * @table:    the table
 * @process:  the process
 */
void parents_note_end(TaskTable *table, Process *process) {
        if (process->n_children > 0)
                table->has_orphans = true;
        parents_leave(table, process);
}

/**
 * parents_bind() - find the parents that were read before the table had them
 * @table:  the table, which was just filled from /proc
 */
void parents_bind(TaskTable *table) {
        for (const Task *task = task_table_next_leader(table, 1); task;
             task = task_table_next_leader(table, task->tid + 1)) {
                Process *process = task->process;

                if (process->parent_pid && process->parent_serial == 0)
                        (void)parents_set(table, process, process->parent_pid);
                parents_complete_origin(table, process);
        }
}
