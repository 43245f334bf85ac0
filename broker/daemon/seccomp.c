/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A system call that is not on the list fails with EPERM, and the kernel logs it (as type
 * SECCOMP, in the audit log or dmesg). Killing the process was rejected. It confines no
 * better, and C libraries begin to use new calls each year: a kill would end the stream
 * of all clients, while an error is handled where each call can fail. The error is EPERM
 * and not ENOSYS, because ENOSYS would mean that this kernel lacks the call.
 *
 * Reading files stays allowed, because the broker reads /proc. The user and the lack of
 * capabilities limit which files. The filter refuses to open a file for writing, to
 * execute a program, to make a process, to make memory executable and to connect. It
 * allows only Unix sockets, which the messages to the service manager need.
 */

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/daemon/seccomp.h"

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/* The calls that the C library uses on this kernel, and those that it falls back to. */
static const int allowed[] = {
        /* event loop and time */
        SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(epoll_create1),
        SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait),
        SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(restart_syscall),
        SCMP_SYS(time),
        /* open sockets */
        SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt),
        SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg),
        SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
        /* descriptors */
        SCMP_SYS(close), SCMP_SYS(fallocate), SCMP_SYS(fcntl), SCMP_SYS(lseek), SCMP_SYS(pread64), SCMP_SYS(read),
        SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
        /* /proc */
        SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(fstat), SCMP_SYS(fstatfs),
        SCMP_SYS(getdents64), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
        SCMP_SYS(stat), SCMP_SYS(statx),
        /* memory */
        SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap),
        /* the process itself */
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
        SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(gettid),
        SCMP_SYS(getuid), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sched_yield), SCMP_SYS(sigreturn), SCMP_SYS(uname),
};

static int filter_allow(scmp_filter_ctx filter, int call, unsigned int n, struct scmp_arg_cmp argument) {
        int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, n, &argument);

        /* -EDOM: this architecture does not have the call. */
        return r == -EDOM ? 0 : r;
}

static int filter_fill(scmp_filter_ctx filter, bool removes_files) {
        const struct {
                int call;
                struct scmp_arg_cmp argument;
        } conditional[] = {
                { SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, 0) },
                { SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, 0) },
                { SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
                { SCMP_SYS(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
                { SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
                { SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0) },
                /* limits are read, not set */
                { SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0) },
                /* for abort() */
                { SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0) },
        };
        static const int removing[] = { SCMP_SYS(unlink), SCMP_SYS(unlinkat) };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(allowed) && !r; ++i)
                r = filter_allow(filter, allowed[i], 0, (struct scmp_arg_cmp){});
        for (size_t i = 0; i < ARRAY_SIZE(conditional) && !r; ++i)
                r = filter_allow(filter, conditional[i].call, 1, conditional[i].argument);
        for (size_t i = 0; i < ARRAY_SIZE(removing) && removes_files && !r; ++i)
                r = filter_allow(filter, removing[i], 0, (struct scmp_arg_cmp){});
        return r;
}

/**
 * seccomp_confine() - let the kernel refuse each system call that the loop does not need
 * @removes_files:  true: the socket must be removed at the end
 * @threads:        whether there are other threads, which the filter is for too
 *
 * It cannot be undone. libseccomp sets no_new_privs, which the kernel requires.
 *
 * Return: 0; SECCOMP_E_ABSENT; SECCOMP_E_THREADS; a negative errno.
 */
int seccomp_confine(bool removes_files, bool threads) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r;

        if (!filter)
                return error_origin(-ENOMEM);
        /* Logging, and a tree in place of a list, are optional: an old kernel or library lacks them. */
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        r = threads ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : 0;
        if (r) {
                seccomp_release(filter);
                return SECCOMP_E_THREADS;
        }
        r = filter_fill(filter, removes_files);
        if (!r)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return error_origin(r);
}
