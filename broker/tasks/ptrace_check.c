/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel reports no change of PR_SET_DUMPABLE. It reports a change of ids, or an exec
 * with privileges, in a queue that statistics overtake. In each case /proc/PID becomes
 * owned by root at once. So we check its owner, which takes about 2 us.
 *
 * The check comes after the statistics. Use while a process was not dumpable appears in
 * /proc too as soon as it is dumpable again. No statistics are newer than the check.
 *
 * The leader's file is checked for all threads, as they share the memory. The number would
 * have a new owner only if all numbers were given away between the answer and the check.
 */

#include "broker/tasks/procfs.h"
#include "broker/tasks/ptrace_check.h"

void ptrace_check_init(PtraceCheck *check, int procfs_fd, const TaskTable *table) {
        *check = (PtraceCheck){ .procfs_fd = procfs_fd, .table = table };
}

/* Drops the last result, before the kernel is queried again. */
void ptrace_check_forget(PtraceCheck *check) {
        check->pid = 0;
}

/*
 * The files of a task that has freed its memory belong to root too, whatever it was
 * before. Then the known state stays.
 */
static void ptrace_check_note(const PtraceCheck *check, Process *process, const Task *task, bool accessible) {
        ProcfsTask found;

        if (accessible)
                process->nondumpable = false;
        else if (!process->nondumpable && procfs_read_task(check->procfs_fd, process->pid, task->tid, &found) &&
                 !found.exiting)
                process->nondumpable = true;
}

/**
 * ptrace_check_task() - whether /proc shows a process to its owner
 * @check:   the last result since ptrace_check_forget()
 * @pid:     the process
 *
 * Return: Whether it does; false if /proc cannot be read.
 */
bool ptrace_check_task(PtraceCheck *check, uint32_t pid) {
        Process *process = task_table_get_process(check->table, pid);
        const Task *task;
        uint32_t owner;

        if (check->pid == pid)
                return check->accessible;
        if (!process || process->n_live == 0)
                return false;
        task = task_table_first_live(process);
        check->pid = pid;
        check->accessible = procfs_read_owner(check->procfs_fd, pid, task->tid, &owner) && owner == task->euid;
        ptrace_check_note(check, process, task, check->accessible);
        return check->accessible;
}
