/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel tells nobody that a program forbids to look into it (PR_SET_DUMPABLE), nor
 * that it allows it again; and of a change of ids or an exec of a program with privileges
 * it tells in a queue, while statistics are asked for past it. All of these make the
 * process' files in /proc root's at once, so that whom one belongs to, some two
 * microseconds, is what is looked at.
 *
 * The glance comes after the statistics. What was used in hiding is in /proc too as soon
 * as that is over; but what is in the statistics is never from after the glance.
 *
 * The leader's file speaks for all threads, which share the memory that is hidden or not.
 * That its number is another's by now needs as many births as there are numbers between
 * the kernel's answer and the glance.
 */

#include "broker/tasks/procfs.h"
#include "broker/tasks/ptrace_check.h"

void ptrace_check_init(PtraceCheck *glance, int procfs_fd, const TaskTable *table) {
        *glance = (PtraceCheck){ .procfs_fd = procfs_fd, .table = table };
}

/* The kernel is asked again. */
void ptrace_check_forget(PtraceCheck *glance) {
        glance->pid = 0;
}

/*
 * Files of what has let go of its memory are root's too, and say nothing of what it was
 * before: then what is known stays.
 */
static void ptrace_check_note(const PtraceCheck *glance, Process *process, const Task *task, bool shown) {
        ProcfsTask found;

        if (shown)
                process->nondumpable = false;
        else if (!process->nondumpable && procfs_read_task(glance->procfs_fd, process->pid, task->tid, &found) && !found.exiting)
                process->nondumpable = true;
}

/**
 * ptrace_check_task() - whether /proc shows a process to its owner
 * @glance:  what was seen since ptrace_check_forget()
 * @pid:     the process
 *
 * Return: Whether it does; if it cannot be told, it does not.
 */
bool ptrace_check_task(PtraceCheck *glance, uint32_t pid) {
        Process *process = task_table_get_process(glance->table, pid);
        const Task *task;
        uint32_t owner;

        if (glance->pid == pid)
                return glance->shown;
        if (!process || process->n_live == 0)
                return false;
        task = process_first_live(process);
        glance->pid = pid;
        glance->shown = procfs_read_owner(glance->procfs_fd, pid, task->tid, &owner) && owner == task->euid;
        ptrace_check_note(glance, process, task, glance->shown);
        return glance->shown;
}
