/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many tasks that cost little: sleepers N. Has N threads, says "ready" on standard
 * output when all are there, and ends at the end of standard input.
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A page, and one for signals; none of them comes far. */
#define STACK_SIZE 8192u

static int sleeper_main(void *userdata) {
        (void)userdata;
        /* the maker's TLS is this thread's too: nothing but bare system calls here */
        for (;;)
                syscall(SYS_ppoll, NULL, 0, NULL, NULL);
        return 0;
}

int main(int argc, char **argv) {
        size_t n = argc > 1 ? (size_t)atoi(argv[1]) : 1;
        char c, *stacks;

        stacks = mmap(NULL, n * STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED) {
                perror("mmap");
                return 1;
        }
        for (size_t i = 0; i < n; ++i)
                while (clone(sleeper_main, stacks + (i + 1) * STACK_SIZE,
                             CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                             NULL) < 0) {
                        if (errno != EAGAIN) {
                                perror("clone");
                                return 1;
                        }
                        usleep(1000);
                }
        puts("ready");
        fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) < 0 && errno == EINTR)
                ;
        return 0;
}
