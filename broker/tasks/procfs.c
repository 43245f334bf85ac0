/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/lines.h"
#include "broker/base/util.h"
#include "broker/kernel/proc_message.h"
#include "broker/model/owner.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/task_start.h"

/* PF_KTHREAD of the kernel's task flags. */
#define FLAG_KERNEL_THREAD 0x00200000u

/* PF_FORKNOEXEC: no exec since its fork. */
#define FLAG_FORKED 0x00000040u

/* PF_EXITING. */
#define FLAG_EXITING 0x00000004u

/* Begins a slice of readings, for procfs_slice_is_over(): the processor time of this thread. */
uint64_t procfs_slice_begin(void) {
        return (uint64_t)clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Whether a slice has taken its time. A slice makes one reading at least. */
bool procfs_slice_is_over(uint64_t begin_ns) {
        return (uint64_t)clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns > PROCFS_SLICE_NS;
}

/**
 * procfs_read_file() - read a file of /proc as a text
 * @dir_fd:    its directory
 * @path:      the file
 * @buffer:    output, ended by a NUL
 * @n_buffer:  its size; the rest of the file is cut off
 *
 * It is for files of which the needed part has a known length at most. For others there is lines.h.
 *
 * Return: The number of bytes; -1 where it is not there, or no longer.
 */
ssize_t procfs_read_file(int dir_fd, const char *path, char *buffer, size_t n_buffer) {
        int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = read(fd, buffer, n_buffer - 1);
        close(fd);
        if (n >= 0)
                buffer[n] = 0;
        return n;
}

/* Parses the name of a directory of /proc; 0: it is no number. */
uint32_t procfs_number(const char *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        return *end == 0 && n < PROC_PID_LIMIT ? (uint32_t)n : 0;
}

/* Copies a name, in which the kernel has written "\\n" for a newline and "\\\\" for a backslash. */
static void stat_copy_comm(char ret_comm[static COMM_SIZE], const char *text, const char *end) {
        size_t n = 0;

        memset(ret_comm, 0, COMM_SIZE);
        for (; text < end && n < COMM_SIZE - 1; ++text) {
                bool escaped = *text == '\\' && text + 1 < end;

                text += escaped;
                ret_comm[n++] = escaped && *text == 'n' ? '\n' : *text;
        }
}

/**
 * procfs_parse_stat() - parse /proc/PID/stat
 * @text:       the file
 * @ret_found:  output: all but the ids
 *
 * "tid (comm) state ppid pgrp session tty tpgid flags ... starttime ...": a comm may
 * contain anything, so its end is the last ')'.
 *
 * Return: Whether it could be read.
 */
bool procfs_parse_stat(char *text, ProcfsTask *ret_found) {
        uint64_t tick_ns = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
        char *open = strchr(text, '('), *close = strrchr(text, ')');
        unsigned long long start;
        unsigned int flags;
        char state;

        if (!open || !close || close < open)
                return false;
        if (sscanf(close + 1,
                   " %c %u %*d %u %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %llu",
                   &state, &ret_found->ppid, &ret_found->session, &flags, &ret_found->n_threads, &start) != 6)
                return false;
        ret_found->ended = state == 'Z' || state == 'X';
        ret_found->stopped = state == 't' || state == 'D';
        /* ticks since boot, suspended time included */
        ret_found->start_time_ns = (uint64_t)clock_boot_epoch_ns() + start * tick_ns;
        ret_found->kernel_thread = flags & FLAG_KERNEL_THREAD;
        ret_found->exiting = flags & FLAG_EXITING;
        ret_found->execed = !(flags & FLAG_FORKED);
        stat_copy_comm(ret_found->comm, open + 1, close);
        return true;
}

/**
 * procfs_starts_agree() - whether the present owner of a number is the task that is known
 * @found_ns:  the start that /proc has now
 * @known_ns:  the start of the known task, from its fork event or an earlier read of /proc
 *
 * The kernel sets a start before it makes the fork event, and /proc rounds it down. So the
 * known start is never less than what /proc has of the same task, however long the kernel
 * was interrupted in between. A later owner started after the known task had ended.
 *
 * Return: Whether both are one task. Two owners of one number within a tick look alike.
 */
bool procfs_starts_agree(uint64_t found_ns, uint64_t known_ns) {
        return found_ns <= known_ns + PROCFS_START_TOLERANCE_NS;
}

/* Four ids: real, effective, saved, and of the file system. */
static bool ids_parse(const char *text, const char *label, uint32_t *real, uint32_t *effective, bool *nondumpable) {
        const char *line = strstr(text, label);
        unsigned int saved, fs;

        if (!line || sscanf(line + strlen(label), "%u %u %u %u", real, effective, &saved, &fs) != 4)
                return false;
        *nondumpable |= *real != *effective || *real != saved || *real != fs;
        return true;
}

/*
 * Reads the ids and the capabilities of a task. Between them stand the groups, of which a process can have 65536.
 * Capabilities that are not shown count as held.
 */
static bool status_read(int dir_fd, const char *path, ProcfsTask *task, bool *ret_privileged) {
        static const char *const labels[] = { "Uid:", "Gid:", "CapPrm:", NULL };
        unsigned long long permitted;
        const char *capabilities;
        char text[512];

        if (lines_read(dir_fd, path, labels, text, sizeof(text)) < 0 ||
            !ids_parse(text, "\nUid:", &task->ruid, &task->euid, &task->nondumpable) ||
            !ids_parse(text, "\nGid:", &task->rgid, &task->egid, &task->nondumpable))
                return false;
        capabilities = strstr(text, "\nCapPrm:");
        *ret_privileged = !capabilities || sscanf(capabilities, "\nCapPrm: %llx", &permitted) != 1 || permitted != 0;
        return true;
}

/* Whether a map of a user namespace has all ids. A kernel without user namespaces has no such file. */
static bool map_is_full(int procfs_fd, uint32_t pid, const char *name) {
        unsigned int inside, outside, count;
        char path[32], text[64];

        snprintf(path, sizeof(path), "%u/%s", pid, name);
        if (procfs_read_file(procfs_fd, path, text, sizeof(text)) < 0)
                return true;
        return sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
               count == UINT32_MAX;
}

/**
 * procfs_in_user_namespace() - whether a process is in a user namespace other than the initial one
 * @procfs_fd:  /proc
 * @pid:        the process, which has never changed its ids
 *
 * Only root can make a namespace that has all ids. Nothing but the map of projects, which is
 * seldom set, shows such a namespace (task_read()).
 */
bool procfs_in_user_namespace(int procfs_fd, uint32_t pid) {
        return !map_is_full(procfs_fd, pid, "uid_map");
}

/**
 * procfs_read_owner() - read the owner of a task's files
 * @procfs_fd:  /proc
 * @pid:        its process
 * @tid:        the task
 * @ret_uid:    output: its effective user, or root if it is not dumpable, or has no memory
 *              any more
 *
 * The owner of its directory is no proof: it is always the effective user.
 *
 * Return: Whether the task is there.
 */
bool procfs_read_owner(int procfs_fd, uint32_t pid, uint32_t tid, uint32_t *ret_uid) {
        char path[64];
        struct stat st;

        snprintf(path, sizeof(path), "%u/task/%u/status", pid, tid);
        if (fstatat(procfs_fd, path, &st, 0) < 0)
                return false;
        *ret_uid = st.st_uid;
        return true;
}

/**
 * procfs_read_stat() - read a task, without its ids
 * @procfs_fd:  /proc
 * @pid:        its process
 * @tid:        the task
 * @ret_found:  output: all but the ids
 *
 * Return: Whether it could be read, a zombie or not. If not, procfs_is_short() says whether
 *         that is for lack of descriptors.
 */
bool procfs_read_stat(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found) {
        char buffer[1024], path[64];

        *ret_found = (ProcfsTask){};
        errno = 0;
        snprintf(path, sizeof(path), "%u/task/%u/stat", pid, tid);
        return procfs_read_file(procfs_fd, path, buffer, sizeof(buffer)) > 0 && procfs_parse_stat(buffer, ret_found);
}

static bool ids_agree(const Task *task, const ProcfsTask *found) {
        return found->ruid == task->ruid && found->euid == task->euid && found->rgid == task->rgid &&
               found->egid == task->egid;
}

/**
 * procfs_check_owner() - whether a task's files still belong to the user that the table has
 * @task_fd:    the task's directory in /proc
 * @task:       the task
 * @ret_shown:  output: whether the files belong to its user, and not to root because the
 *              task is not dumpable
 *
 * After an exec with privileges, or a change of ids, the table is behind until it has the
 * event. Then all that /proc shows of the task belongs to another user.
 *
 * Return: Whether they do; true for a task whose ids are not known, which has no owner.
 */
bool procfs_check_owner(int task_fd, const Task *task, bool *ret_shown) {
        ProcfsTask found = {};
        bool privileged;
        struct stat st;

        if (fstatat(task_fd, "status", &st, 0) < 0)
                return false;
        *ret_shown = st.st_uid == task->euid;
        if ((task->flags & TASK_UNKNOWN) || (*ret_shown && st.st_gid == task->egid))
                return true;
        return status_read(task_fd, "status", &found, &privileged) && ids_agree(task, &found);
}

static bool task_read(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found) {
        char path[64];
        bool privileged;
        uint32_t owner;

        if (!procfs_read_stat(procfs_fd, pid, tid, ret_found))
                return false;
        snprintf(path, sizeof(path), "%u/task/%u/status", pid, tid);
        if (!status_read(procfs_fd, path, ret_found, &privileged))
                return false;
        /* The files of root's tasks belong to root in any case. */
        if (ret_found->euid != 0 && !ret_found->nondumpable) {
                ret_found->nondumpable = !procfs_read_owner(procfs_fd, pid, tid, &owner) || owner != ret_found->euid;
                ret_found->in_namespace = !ret_found->nondumpable && (procfs_in_user_namespace(procfs_fd, pid) ||
                                                                      !map_is_full(procfs_fd, pid, "projid_map"));
        }
        ret_found->nondumpable |= ret_found->in_namespace || privileged;
        return true;
}

/**
 * procfs_read_task() - read a task
 * @procfs_fd:  /proc
 * @pid:        its process
 * @tid:        the task
 * @ret_found:  output
 *
 * Return: Whether it lives. A zombie does not: its EXIT came before, and the table has
 *         removed it. If not, procfs_is_short() says whether that is known.
 */
bool procfs_read_task(int procfs_fd, uint32_t pid, uint32_t tid, ProcfsTask *ret_found) {
        return task_read(procfs_fd, pid, tid, ret_found) && !ret_found->ended;
}

/**
 * procfs_is_short() - whether the last read failed for lack of descriptors or memory
 *
 * Then nothing is known of the task.
 */
bool procfs_is_short(void) {
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
}

/**
 * procfs_read_leader() - read the leader of a process, a zombie or not
 * @procfs_fd:  /proc
 * @pid:        the process
 * @ret_found:  output
 *
 * Return: Whether it could be read.
 */
bool procfs_read_leader(int procfs_fd, uint32_t pid, ProcfsTask *ret_found) {
        return task_read(procfs_fd, pid, pid, ret_found);
}

/**
 * procfs_process_lives() - whether a process has a task that lives
 * @procfs_fd:  /proc
 * @leader:     its leader, as the table has it, gone or not; its start, where it is known
 *
 * When a process has ended, its leader may be left as a zombie.
 *
 * Return: Whether it has. If not, procfs_is_short() says whether that is known.
 */
bool procfs_process_lives(int procfs_fd, const Task *leader) {
        ProcfsTask found;

        if (!procfs_read_leader(procfs_fd, leader->process->pid, &found))
                return false;
        if (leader->start_time_ns && !procfs_starts_agree(found.start_time_ns, leader->start_time_ns))
                return false;
        return !found.ended || found.n_threads > 1;
}

/**
 * procfs_note_owner() - store whether /proc shows a task to its owner
 * @task:   the task
 * @found:  the task as it was read in full
 *
 * /proc shows a process in a user namespace to the user who made the namespace, whatever
 * privileges the process has there. It does not say who made it. A process that was not
 * suspect before can only be in a namespace of its own user. From there it cannot get into
 * any other.
 *
 * Nothing is stored if the task is exiting, or if the table has other ids: then a change of
 * ids is in the queue.
 *
 * Return: Whether /proc shows it.
 */
bool procfs_note_owner(Task *task, const ProcfsTask *found) {
        Process *process = task->process;
        bool trusted = process->in_own_namespace ||
                       (!process->suspect && !process->creds_stale && !(task->flags & TASK_NONDUMPABLE));

        /* While a task ends, its files belong to root, whatever it was before. */
        if (found->exiting || !ids_agree(task, found))
                return false;
        if (found->nondumpable && !(found->in_namespace && trusted)) {
                owner_note_hidden(task);
                return false;
        }
        process->in_own_namespace |= found->in_namespace;
        owner_note_shown(task);
        return true;
}

/**
 * procfs_verify_task() - correct what is known of a task's owner by /proc
 * @task:   the task
 * @found:  the task as it was read
 *
 * If /proc shows the task to its owner now, it belongs to that owner, whatever it was
 * before, and even if its ids changed without an event.
 */
void procfs_verify_task(Task *task, const ProcfsTask *found) {
        if (!ids_agree(task, found)) {
                task->ruid = found->ruid;
                task->euid = found->euid;
                task->rgid = found->rgid;
                task->egid = found->egid;
                owner_note_ids(task);
        }
        (void)procfs_note_owner(task, found);
}

/**
 * procfs_fill_task() - set name and ids of a task from /proc
 * @task:   the task
 * @found:  the task as it was read
 */
void procfs_fill_task(Task *task, const ProcfsTask *found) {
        task->ruid = found->ruid;
        task->euid = found->euid;
        task->rgid = found->rgid;
        task->egid = found->egid;
        memcpy(task->comm, found->comm, sizeof(task->comm));
        task->flags &= (uint16_t)~(TASK_UNKNOWN | TASK_KERNEL | TASK_COMM_STALE | TASK_COMM_FROM_RECORD);
        if (found->kernel_thread)
                task->flags |= TASK_KERNEL;
        /* While a task ends, its files belong to root, whatever it was before. */
        if (found->nondumpable && !found->ended)
                task->flags |= TASK_NONDUMPABLE;
        if (found->nondumpable && !found->exiting)
                task->process->suspect = true;
        /* A leader that ends, or has ended: nothing shows whose it was. */
        if (found->exiting && task->tid == task->process->pid)
                task->process->creds_stale = true;
        /* Nothing is known of its life until now. */
        task->process->privileged_before = task->process->execed = true;
        task->process->session = found->session;
}

/**
 * procfs_fill_parent() - set the parent of a process from /proc
 * @table:    the table
 * @process:  the process, with the start of its leader
 * @found:    one of its tasks as it was read
 *
 * Return: Whether the parent is known now: the table has it.
 */
bool procfs_fill_parent(TaskTable *table, Process *process, const ProcfsTask *found) {
        parents_set_origin(table, process, found->ppid, false);
        return parents_set(table, process, found->ppid);
}

/**
 * procfs_add_task() - put a task that was read into the table
 * @table:  the table
 * @pid:    its process
 * @tid:    the task
 * @found:  the task as it was read
 *
 * Return: The task; NULL without memory.
 */
Task *procfs_add_task(TaskTable *table, uint32_t pid, uint32_t tid, const ProcfsTask *found) {
        Task *task = task_table_add(table, pid, tid);

        if (!task)
                return NULL;
        task_start_find(table, task, found->start_time_ns);
        task->flags |= TASK_SEEDED;
        task->process->seeded = true;
        procfs_fill_task(task, found);
        procfs_fill_parent(table, task->process, found);
        return task;
}
