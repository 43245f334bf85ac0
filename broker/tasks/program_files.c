/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading costs some 20 us: five files, through a descriptor of the task's directory.
 * The descriptor pins the task: once the task has gone, reading through it fails, even if
 * its number has a new owner. Its start, which agrees to 20 ms, shows the right task.
 *
 * The process may call exec between two files, and belong to another user then. So its owner
 * is checked before the first file and after the last one: if it is not the owner that the
 * table has, or was shown to its owner only once, nothing was read.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/lines.h"
#include "broker/base/util.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/program_files.h"

/* So many empty arguments in a row, at the end, are padding. */
#define PADDING_MIN 8u

/* The length of a task's name. */
#define COMM_LENGTH (COMM_SIZE - 1)

static size_t cut(size_t n, size_t n_max, bool *truncated) {
        *truncated |= n > n_max;
        return MIN(n, n_max);
}

/*
 * The rank of a hierarchy, by its line of /proc/PID/cgroup: "0::/path" for version 2, "1:name=systemd:/path" or
 * "4:memory:/path" for version 1. The path of the highest rank is taken. 0: the line is not valid.
 */
static unsigned int cgroup_rank(const char *number, const char *controllers) {
        if (strcmp(number, "0") == 0)
                return *controllers ? 0 : 4;
        if (strcmp(controllers, "name=systemd") == 0)
                return 3;

        return !*controllers ? 0 : strncmp(controllers, "name=", strlen("name=")) == 0 ? 1 : 2;
}

typedef struct Hierarchy Hierarchy;

/* The best hierarchy in which a process is not in the root. */
struct Hierarchy {
        ProgramFiles *files;
        unsigned int rank;              /* 0: none yet */
        bool cut;                       /* its path */
};

/*
 * Takes the path of a line, if its hierarchy is the best so far. A hierarchy that is not used has all processes in its
 * root. Some hosts use only hierarchies of controllers.
 */
static bool hierarchy_take(char *line, void *userdata) {
        char *controllers = strchr(line, ':'), *rest = controllers ? strchr(controllers + 1, ':') : NULL;
        Hierarchy *best = userdata;
        unsigned int rank;

        if (!rest)
                return true;
        *controllers++ = 0;
        *rest++ = 0;
        rank = cgroup_rank(line, controllers);
        if (rank == 0 || *rest != '/')
                return true;
        if (rest[1])
                rank += 10;
        if (rank <= best->rank)
                return true;
        best->rank = rank;
        best->cut = false;
        best->files->n_cgroup = cut(strlen(rest), PROGRAM_PATH_MAX, &best->cut);
        memcpy(best->files->cgroup, rest, best->files->n_cgroup);
        return true;
}

/* Reads the cgroup. With hierarchies of version 1, many long lines stand before the line of version 2. */
static bool cgroup_read(ProgramFiles *files, int dir_fd) {
        Hierarchy best = { .files = files };

        if (lines_each(dir_fd, "cgroup", hierarchy_take, &best) < 0)
                return false;
        files->truncated |= best.cut;
        return true;
}

/* Whether the first argument is the name of the task: the last part of a path, as far as names are long. */
static bool cmdline_begins_with_name(const char *cmdline, const char *comm) {
        const char *slash = strrchr(cmdline, '/'), *name = slash ? slash + 1 : cmdline;

        return *comm && strncmp(name, comm, COMM_LENGTH) == 0;
}

/*
 * The length of a command line without padding. A process that gives itself a title overwrites its arguments, and
 * fills the rest of their memory with NULs. /proc shows the NULs, which look like empty arguments.
 * So a long row of NULs is padding. A single argument with NULs behind it is a title, if it is read later than at
 * the exec and is not the name of the program.
 */
static size_t cmdline_without_padding(const char *cmdline, size_t n, const char *comm, bool at_exec) {
        size_t n_used = n, n_padding;

        while (n_used > 0 && !cmdline[n_used - 1])
                --n_used;
        if (n_used == n)
                return n;

        /* The first NUL ends the last argument. An area of NULs alone is one empty argument. */
        n_padding = n - n_used - 1;
        if (n_padding >= PADDING_MIN)
                return n_used + 1;
        if (n_padding > 0 && n_used > 0 && !at_exec && !memchr(cmdline, 0, n_used) &&
            !cmdline_begins_with_name(cmdline, comm))
                return n_used + 1;

        return n;
}

/* "size resident ...": the kernel shows a task without memory as nothing but zeros. */
static bool memory_is_gone(int dir_fd) {
        char buffer[64];

        return procfs_read_file(dir_fd, "statm", buffer, sizeof(buffer)) > 0 && !strncmp(buffer, "0 ", 2);
}

static bool files_fill(ProgramFiles *files, int dir_fd) {
        char buffer[1024];
        ProcfsTask found;
        ssize_t n;

        files->truncated = false;
        files->n_cmdline = files->n_exe = files->n_cgroup = 0;
        if (procfs_read_file(dir_fd, "stat", buffer, sizeof(buffer)) <= 0 || !procfs_parse_stat(buffer, &found) ||
            found.ended || !procfs_starts_agree(found.start_time_ns, files->task.start_time_ns))
                return false;

        n = procfs_read_file(dir_fd, "cmdline", files->cmdline, files->cmdline_max + 2);
        if (n < 0)
                return false;
        n = (ssize_t)cmdline_without_padding(files->cmdline, (size_t)n, found.comm, files->at_exec);
        files->n_cmdline = cut((size_t)n, files->cmdline_max, &files->truncated);

        n = readlinkat(dir_fd, "exe", files->exe, sizeof(files->exe));
        /*
         * With neither it has no memory any more, and has all but ended; a kernel thread never had. Without
         * CAP_SYS_PTRACE the executables of others are refused, and that it has none does not show.
         */
        if (n < 0 && files->n_cmdline == 0 && !found.kernel_thread && (errno == ENOENT || memory_is_gone(dir_fd)))
                return false;
        files->n_exe = cut(n < 0 ? 0 : (size_t)n, PROGRAM_PATH_MAX, &files->truncated);

        /* Last, because this one fails for those that ended meanwhile. */
        return cgroup_read(files, dir_fd);
}

/* Whether a task runs on that could not be read. */
static bool task_runs(int dir_fd, const Task *task) {
        char buffer[1024];
        ProcfsTask found;

        return procfs_read_file(dir_fd, "stat", buffer, sizeof(buffer)) > 0 && procfs_parse_stat(buffer, &found) &&
               !found.ended && !found.exiting && procfs_starts_agree(found.start_time_ns, task->start_time_ns);
}

/*
 * Reads the files between two checks of the owner. LATE: the task has gone. SKIPPED: its owner
 * is not the owner that the table has yet, or descriptors were missing.
 */
static ProgramState files_fill_owned(ProgramFiles *files, int dir_fd) {
        const Task *task = &files->task;
        bool shown_before, shown_after;

        errno = 0;
        if (procfs_check_owner(dir_fd, task, &shown_before)) {
                if (!files_fill(files, dir_fd))
                        return procfs_is_short() ? PROGRAM_SKIPPED : PROGRAM_LATE;
                if (procfs_check_owner(dir_fd, task, &shown_after) && shown_before == shown_after) {
                        files->nondumpable = !shown_after && !(task->flags & TASK_UNKNOWN);
                        return PROGRAM_CAPTURED;
                }
        }
        return procfs_is_short() || task_runs(dir_fd, task) ? PROGRAM_SKIPPED : PROGRAM_LATE;
}

/**
 * program_files_init() - say what is to be read
 * @files:        output; its large members stay as they are
 * @procfs_fd:    /proc
 * @task:         a task of the process, with the owner that the table has
 * @at_exec:      whether the process has just called exec
 * @cmdline_max:  a longer command line is cut
 */
void program_files_init(ProgramFiles *files, int procfs_fd, const Task *task, bool at_exec, size_t cmdline_max) {
        files->procfs_fd = procfs_fd;
        files->pid = task->process->pid;
        files->task = *task;
        files->task.process = NULL;
        files->at_exec = at_exec;
        files->cmdline_max = cmdline_max;
}

/**
 * program_files_read() - read the files
 * @userdata:  the ProgramFiles, as program_files_init() left them
 *
 * It uses nothing else, so that any thread can call it.
 */
void program_files_read(void *userdata) {
        uint64_t begin_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        ProgramFiles *files = userdata;
        char path[64];
        int fd;

        files->nondumpable = false;
        snprintf(path, sizeof(path), "%u/task/%u", files->pid, files->task.tid);
        fd = openat(files->procfs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                files->state = procfs_is_short() ? PROGRAM_SKIPPED : PROGRAM_LATE;
                return;
        }
        files->state = files_fill_owned(files, fd);
        files->duration_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - begin_ns;
        close(fd);
}
