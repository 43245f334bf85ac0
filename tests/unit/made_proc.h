/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A directory that plays /proc: tasks as the kernel shows them, as far as the
 * broker reads them.
 *
 * Include it behind #undef NDEBUG.
 */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "tests/unit/harness.h"

#define PROC_TICK_NS (10 * NSEC_PER_MSEC)

typedef struct ProcTask ProcTask;

/* A member that is 0 stands for the value that most tasks have. */
struct ProcTask {
        uint32_t pid, tid;
        const char *comm;
        uint32_t ppid;
        unsigned long long start;       /* ticks since boot */
        char state;                     /* 0: S */
        uint32_t session;               /* 0: 700 */
        bool kernel_thread;
        bool exiting;                   /* a zombie is, too */
        bool execed;                    /* since its fork */
        uint32_t n_threads;             /* threads of its process; 0: 3 */
};

/* In 10 ms since boot, as the kernel has it, of a time since the epoch. */
static inline unsigned long long proc_ticks(uint64_t wall_ns) {
        return (wall_ns - (uint64_t)clock_boot_epoch_ns()) / PROC_TICK_NS;
}

static inline uint64_t proc_wall(unsigned long long ticks) {
        return (uint64_t)clock_boot_epoch_ns() + ticks * PROC_TICK_NS;
}

static inline void proc_write(const Tree *tree, uint32_t pid, uint32_t tid, const char *file, const void *data,
                              size_t n) {
        char path[64];

        snprintf(path, sizeof(path), "%u/task/%u/%s", pid, tid, file);
        tree_write(tree, path, data, n);
}

static inline void proc_add_stat(const Tree *tree, const ProcTask *task) {
        bool exiting = task->exiting || task->state == 'Z' || task->state == 'X';
        char text[512];
        int n;

        n = snprintf(text, sizeof(text),
                     "%u (%s) %c %u 700 %u 34816 700 %u 123 456 7 8 90 12 34 56 20 0 %u 0 %llu 12345678 321 "
                     "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
                     task->tid, task->comm, task->state ? task->state : 'S', task->ppid,
                     task->session ? task->session : 700,
                     (task->kernel_thread ? 0x208000u : 0x400000u) | (exiting ? 0x4u : 0) | (task->execed ? 0 : 0x40u),
                     task->n_threads ? task->n_threads : 3, task->start);
        assert(n > 0 && (size_t)n < sizeof(text));
        proc_write(tree, task->pid, task->tid, "stat", text, (size_t)n);
        proc_write(tree, task->pid, task->tid, "statm", "273 49 47 171 0 41 0\n", 21);
}

static inline void proc_add_status(const Tree *tree, uint32_t pid, uint32_t tid, const char *comm, const char *ids) {
        char text[512];
        int n;

        n = snprintf(text, sizeof(text),
                     "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t%u\nPid:\t%u\n%sFDSize:\t64\n%s", comm, pid,
                     tid, ids, strstr(ids, "CapPrm:") ? "" : "CapPrm:\t0000000000000000\n");
        assert(n > 0 && (size_t)n < sizeof(text));
        proc_write(tree, pid, tid, "status", text, (size_t)n);
}

static inline void proc_add(const Tree *tree, const ProcTask *task) {
        proc_add_stat(tree, task);
        proc_add_status(tree, task->pid, task->tid, task->comm,
                        "Uid:\t1000\t1001\t1002\t1003\nGid:\t2000\t2001\t2002\t2003\n");
}

static inline void proc_add_task(const Tree *tree, uint32_t pid, uint32_t tid, const char *comm, uint32_t ppid,
                                 unsigned long long start) {
        proc_add(tree, &(ProcTask){ .pid = pid, .tid = tid, .comm = comm, .ppid = ppid, .start = start });
}

/* Adds the program that a task's process runs. @exe NULL: no executable, as for a kernel thread or a zombie. */
static inline void proc_add_program(const Tree *tree, uint32_t pid, uint32_t tid, const void *cmdline, size_t n_cmdline,
                                    const char *exe, const char *cgroup) {
        char path[64];

        proc_write(tree, pid, tid, "cmdline", cmdline, n_cmdline);
        proc_write(tree, pid, tid, "cgroup", cgroup, strlen(cgroup));
        snprintf(path, sizeof(path), "%u/task/%u/exe", pid, tid);
        assert(unlinkat(tree->fd, path, 0) == 0 || errno == ENOENT);
        if (exe)
                assert(symlinkat(exe, tree->fd, path) == 0);
}

static inline void proc_remove_file(const Tree *tree, uint32_t pid, uint32_t tid, const char *file) {
        char path[64];

        snprintf(path, sizeof(path), "%u/task/%u/%s", pid, tid, file);
        assert(unlinkat(tree->fd, path, 0) == 0);
}

/* A task goes; tid 0: its process, with all. */
static inline void proc_remove(const Tree *tree, uint32_t pid, uint32_t tid) {
        char path[128];

        if (tid)
                snprintf(path, sizeof(path), "%s/%u/task/%u", tree->path, pid, tid);
        else
                snprintf(path, sizeof(path), "%s/%u", tree->path, pid);
        assert(nftw(path, tree_remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}
