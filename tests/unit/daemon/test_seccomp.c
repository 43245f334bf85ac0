/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The filter refuses the calls in a list and allows those that the loop needs. Each case runs in a
 * child, because the filter cannot be removed.
 */

#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "broker/base/util.h"
#include "broker/daemon/seccomp.h"
#include "tests/unit/harness.h"

static int refuse_exec(void) {
        return execl("/bin/true", "true", NULL);
}

static int refuse_fork(void) {
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        return pid;
}

static int refuse_write_open(void) {
        return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int refuse_create(void) {
        return openat(AT_FDCWD, "/tmp/never-made", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int refuse_unlink(void) {
        return unlink("/nowhere/nothing");
}

static int refuse_inet(void) {
        return socket(AF_INET, SOCK_STREAM, 0);
}

static int refuse_netlink(void) {
        return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int refuse_connect(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/nowhere" };
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

        assert(fd >= 0);
        return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int refuse_ptrace(void) {
        return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int refuse_kill(void) {
        return kill(getppid(), 0);
}

static int refuse_executable_map(void) {
        return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int refuse_executable_change(void) {
        static char page[8192] __attribute__((__aligned__(4096)));

        return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int refuse_prctl(void) {
        return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int refuse_mount(void) {
        return (int)syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL);
}

static int refuse_setuid(void) {
        return setuid(0);
}

static int refuse_limit(void) {
        return setrlimit(RLIMIT_CORE, &(struct rlimit){});
}

static int refuse_unknown(void) {
        return (int)syscall(100000);
}

static const struct {
        const char *name;
        int (*call)(void);
} refused[] = {
        { "exec", refuse_exec },
        { "fork", refuse_fork },
        { "open for writing", refuse_write_open },
        { "create", refuse_create },
        { "unlink", refuse_unlink },
        { "AF_INET", refuse_inet },
        { "AF_NETLINK", refuse_netlink },
        { "connect", refuse_connect },
        { "ptrace", refuse_ptrace },
        { "kill", refuse_kill },
        { "executable memory", refuse_executable_map },
        { "memory made executable", refuse_executable_change },
        { "prctl", refuse_prctl },
        { "mount", refuse_mount },
        { "setuid", refuse_setuid },
        { "setrlimit", refuse_limit },
        { "a call that does not exist", refuse_unknown },
};

/* Runs @test in a child; returns its status. */
static int in_child(void (*test)(const void *), const void *argument) {
        pid_t pid = fork();
        int status;

        assert(pid >= 0);
        if (pid == 0) {
                test(argument);
                _exit(0);
        }
        assert(waitpid(pid, &status, 0) == pid);
        return status;
}

static void child_refused(const void *argument) {
        int (*const *call)(void) = argument;

        assert(seccomp_confine(false, false) == 0);
        errno = 0;
        assert((*call)() == -1);
        assert(errno == EPERM);
}

static void child_fails_to_refuse(const void *argument) {
        int (*const *call)(void) = argument;

        /* the same call without the filter */
        errno = 0;
        if ((*call)() == -1 && errno == EPERM)
                _exit(1);
}

static void child_allowed(const void *argument) {
        struct epoll_event event = { .events = EPOLLIN };
        char buffer[64];
        int fds[2], fd, epoll_fd;
        struct rlimit limit;
        void *memory;

        assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        assert(seccomp_confine(true, true) == 0);
        assert(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == -1 && errno == EPERM);

        assert(write(fds[0], "x", 1) == 1);
        assert(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[1], &event) == 0);
        assert(epoll_wait(epoll_fd, &event, 1, -1) == 1);
        assert(recv(fds[1], buffer, sizeof(buffer), 0) == 1);

        fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
        assert(fd >= 0 && read(fd, buffer, sizeof(buffer)) > 0 && close(fd) == 0);
        assert(unlink("/nowhere/nothing") == -1 && errno == ENOENT);

        assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);

        memory = malloc(64 << 20);
        assert(memory);
        memset(memory, 1, 64 << 20);
        free(memory);
        (void)argument;
}

static void child_aborts(const void *argument) {
        assert(seccomp_confine(false, false) == 0);
        (void)argument;
        abort();
}

int main(void) {
        int status;

        for (size_t i = 0; i < ARRAY_SIZE(refused); ++i) {
                status = in_child(child_refused, &refused[i].call);
                if (status != 0)
                        fprintf(stderr, "not refused: %s\n", refused[i].name);
                assert(status == 0);
        }
        /* without the filter these calls are allowed, so the filter refused them above */
        for (size_t i = 1; i < 3; ++i)
                assert(in_child(child_fails_to_refuse, &refused[i].call) == 0);
        assert(in_child(child_allowed, NULL) == 0);

        /* an assertion that fails must still end the broker */
        status = in_child(child_aborts, NULL);
        assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        return 0;
}
