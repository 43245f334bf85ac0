/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel reports no change of PR_SET_DUMPABLE. It reports a change of ids, or an exec
 * with privileges, in a queue that statistics overtake. In each case /proc/PID becomes
 * owned by root at once. So we check its owner, which takes about 2 us.
 *
 * The check comes after the statistics. Use while a process was not dumpable appears in
 * /proc too as soon as it is dumpable again. No statistics are newer than the check.
 *
 * One file is checked for all threads, as they share the memory. The number would have a new
 * owner only if all numbers were given away between the answer and the check.
 *
 * A task that /proc did not show before, or whose ids are in question, is read in full: ids,
 * capabilities and user namespace. A process can make that reading slow. So the time for all
 * tasks of a query is bounded.
 */

#include "broker/tasks/procfs.h"
#include "broker/tasks/ptrace_check.h"

/* Hundreds of ordinary readings take less. */
#define FULL_NS (20 * NSEC_PER_MSEC)

void ptrace_check_init(PtraceCheck *check, int procfs_fd, const TaskTable *table) {
        *check = (PtraceCheck){ .procfs_fd = procfs_fd, .table = table };
}

/* Drops the last result, before the kernel is queried again. */
void ptrace_check_forget(PtraceCheck *check) {
        check->pid = 0;
        check->full_ns = 0;
}

/*
 * Checks the owner of a file in /proc. The files of a task that has freed its memory belong
 * to root too, whatever it was before. Then the known state stays.
 */
static bool check_file(const PtraceCheck *check, Process *process, const Task *task) {
        ProcfsTask found;
        uint32_t owner;

        if (procfs_read_owner(check->procfs_fd, process->pid, task->tid, &owner) && owner == task->euid) {
                process->nondumpable = false;
                return true;
        }
        if (!process->nondumpable && procfs_read_task(check->procfs_fd, process->pid, task->tid, &found) &&
            !found.exiting)
                process->nondumpable = true;
        return false;
}

/*
 * Reads the task, unless such readings have taken too long. If /proc shows it now, its owner gets it in full from
 * now on, and its exit.
 */
static bool check_in_full(PtraceCheck *check, Task *task) {
        Process copy = *task->process;
        uint64_t begin_ns;
        Task now = *task;
        ProcfsTask found;
        bool read;

        if (check->full_ns > FULL_NS)
                return false;
        begin_ns = procfs_slice_begin();
        read = procfs_read_task(check->procfs_fd, task->process->pid, task->tid, &found);
        check->full_ns += procfs_slice_begin() - begin_ns;
        if (!read || !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return false;
        now.process = &copy;
        return procfs_note_owner(&now, &found) && procfs_note_owner(task, &found);
}

/* Finds the task that is read: for a process its leader, as in /proc/PID. */
static Task *check_find_task(const PtraceCheck *check, uint32_t pid, uint32_t tid) {
        Process *process = task_table_get_process(check->table, pid);
        Task *task = task_table_get(check->table, tid);

        if (!process || process->n_live == 0)
                return NULL;
        if (task)
                return task->process == process ? task : NULL;
        return tid == pid ? task_table_first_live(process) : NULL;
}

/**
 * ptrace_check_task() - whether /proc shows a task to its owner
 * @check:    the last result since ptrace_check_forget()
 * @pid:      its process
 * @tid:      the task; @pid: the process as a whole
 * @in_full:  whether its ids and privileges are not known for certain. Then its files are
 *            read in full, and only for that task: the threads share memory, but not ids.
 *
 * Return: Whether it does; false if /proc cannot be read.
 */
bool ptrace_check_task(PtraceCheck *check, uint32_t pid, uint32_t tid, bool in_full) {
        Task *task;

        if (check->pid == pid && check->in_full == in_full && (check->tid == tid || !in_full))
                return check->accessible;
        task = check_find_task(check, pid, tid);
        if (!task)
                return false;
        check->pid = pid;
        check->tid = tid;
        check->in_full = in_full;
        if (in_full)
                check->accessible = check_in_full(check, task);
        else
                check->accessible = check_file(check, task->process, task);
        return check->accessible;
}
