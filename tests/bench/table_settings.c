/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Four things bound how many tasks there can be: the numbers (kernel.pid_max), the kernel's own count
 * (kernel.threads-max), each pids cgroup above us, and, where the machine does not overcommit, memory that nobody
 * touches. A process' own limit (RLIMIT_NPROC) does not bind root.
 */

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/table_settings.h"

#define SETTINGS_MAX 32

/* The largest pid_max that a 64-bit kernel accepts; systemd sets it too. */
#define PID_MAX 4194304

struct Setting {
        char path[512];         /* empty: unused */
        char former[64];
};

static int file_read(const char *path, char *buffer, size_t n_buffer) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = read(fd, buffer, n_buffer - 1);
        close(fd);
        if (n <= 0)
                return -1;
        buffer[n] = 0;
        buffer[strcspn(buffer, "\n")] = 0;
        return 0;
}

static int file_write(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = write(fd, text, strlen(text));
        close(fd);
        return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Runs until the benchmark says so, or is no more; signals that are meant for the benchmark do not end it. */
static void keeper_main(const Setting *changed, int parent_fd, int done_fd) {
        struct pollfd fds[] = { { .fd = parent_fd, .events = POLLIN }, { .fd = done_fd, .events = POLLIN } };
        int status = 0;

        while (poll(fds, 2, -1) < 0 && errno == EINTR)
                ;
        for (size_t i = SETTINGS_MAX; i > 0; --i) {
                const Setting *setting = &changed[i - 1];

                if (!*setting->path || file_write(setting->path, setting->former) == 0)
                        continue;
                fprintf(stderr, "bench-table: %s could not be set back to %s: %s\n", setting->path, setting->former,
                        strerror(errno));
                status = 1;
        }
        _exit(status);
}

int settings_init(Settings *settings) {
        int done[2], parent_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

        *settings = (Settings){ .keeper = -1, .done_fd = -1 };
        settings->changed = mmap(NULL, SETTINGS_MAX * sizeof(Setting), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (settings->changed == MAP_FAILED || parent_fd < 0 || pipe2(done, O_CLOEXEC) < 0)
                return -1;
        settings->keeper = fork();
        if (settings->keeper == 0) {
                setsid();
                signal(SIGTERM, SIG_IGN);
                signal(SIGPIPE, SIG_IGN);
                close(done[1]);
                keeper_main(settings->changed, parent_fd, done[0]);
        }
        close(parent_fd);
        close(done[0]);
        settings->done_fd = done[1];
        return settings->keeper < 0 ? -1 : 0;
}

/* The former value is written down before it is changed. */
static int setting_change(Settings *settings, const char *path, const char *former, const char *text) {
        Setting *setting = settings->changed;

        while (*setting->path && strcmp(setting->path, path) != 0) {
                if (++setting == settings->changed + SETTINGS_MAX)
                        return -1;
        }
        if (!*setting->path) {
                if (strlen(path) >= sizeof(setting->path) || strlen(former) >= sizeof(setting->former))
                        return -1;
                strcpy(setting->former, former);
                __atomic_thread_fence(__ATOMIC_RELEASE);
                strcpy(setting->path, path);
        }
        if (file_write(path, text) < 0) {
                fprintf(stderr, "bench-table: %s cannot be set to %s: %s\n", path, text, strerror(errno));
                return -1;
        }
        return 0;
}

static int setting_raise(Settings *settings, const char *path, uint64_t least) {
        char former[64], text[32];

        /* A limit that does not exist does not bind; "max" does not either. */
        if (file_read(path, former, sizeof(former)) < 0 || strcmp(former, "max") == 0 ||
            strtoull(former, NULL, 10) >= least)
                return 0;
        snprintf(text, sizeof(text), "%llu", (unsigned long long)least);
        return setting_change(settings, path, former, text);
}

/* From our own cgroup up to the root, which has no limit. */
static int cgroups_raise(Settings *settings, const char *mount, char *cgroup, uint64_t least) {
        for (;;) {
                char path[512], *slash = strrchr(cgroup, '/');

                if ((size_t)snprintf(path, sizeof(path), "%s%s/pids.max", mount, cgroup) >= sizeof(path) ||
                    setting_raise(settings, path, least) < 0)
                        return -1;
                if (!slash)
                        return 0;
                *slash = 0;
        }
}

/* Our path in the hierarchy of a mount: the line of /proc/self/cgroup without controllers (v2), or with "pids" (v1). */
static bool cgroup_find(bool v2, char path[static 512]) {
        FILE *file = fopen("/proc/self/cgroup", "re");
        char line[512];
        bool found = false;

        while (file && !found && fgets(line, sizeof(line), file)) {
                char *controllers = strchr(line, ':'), *rest = controllers ? strchr(controllers + 1, ':') : NULL;

                if (!rest)
                        continue;
                *rest++ = 0;
                rest[strcspn(rest, "\n")] = 0;
                found = strcmp(controllers + 1, v2 ? "" : "pids") == 0;
                if (found)
                        strcpy(path, rest);
        }
        if (file)
                fclose(file);
        return found;
}

static int cgroups_allow(Settings *settings, uint64_t least) {
        FILE *mounts = setmntent("/proc/self/mounts", "re");
        const struct mntent *mount;
        int r = 0;

        while (mounts && r == 0 && (mount = getmntent(mounts))) {
                bool v2 = strcmp(mount->mnt_type, "cgroup2") == 0;
                char cgroup[512];

                if ((v2 || (strcmp(mount->mnt_type, "cgroup") == 0 && hasmntopt(mount, "pids"))) &&
                    cgroup_find(v2, cgroup))
                        r = cgroups_raise(settings, mount->mnt_dir, cgroup, least);
        }
        if (mounts)
                endmntent(mounts);
        return r;
}

/* @n_tasks: on the whole machine. Failing says why. */
int settings_allow_tasks(Settings *settings, uint64_t n_tasks) {
        char overcommit[64];

        if (setting_raise(settings, "/proc/sys/kernel/pid_max", PID_MAX) < 0 ||
            setting_raise(settings, "/proc/sys/kernel/threads-max", n_tasks) < 0 ||
            cgroups_allow(settings, n_tasks) < 0)
                return -1;
        if (file_read("/proc/sys/vm/overcommit_memory", overcommit, sizeof(overcommit)) == 0 &&
            strcmp(overcommit, "2") == 0)
                return setting_change(settings, "/proc/sys/vm/overcommit_memory", overcommit, "0");
        return 0;
}

/* Everything as it was; -1 where that failed, which the keeper has said. */
int settings_restore(Settings *settings) {
        int status = 1;

        if (settings->keeper <= 0 || write(settings->done_fd, "", 1) != 1)
                return -1;
        close(settings->done_fd);
        while (waitpid(settings->keeper, &status, 0) < 0 && errno == EINTR)
                ;
        settings->keeper = -1;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
