/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A program for the tests' users. Copies of it get the privileges of files; the first
 * argument says what a copy does. All read and write a little, so that there are figures
 * to keep from others.
 *
 *   act leave CODE           ends with it
 *   act use CODE             uses a privilege first (chroot to where it is), if it has one
 *   act wait CODE            ends with it when its standard input ends
 *   act using CODE           as `use`, but waits as `wait` does
 *   act alone CODE           as `using`, in a user namespace that it makes by itself
 *   act drop UID GID CODE    changes its ids, and goes on as `wait` without an exec
 *   act permit UID GID CODE  the same, and allows others to look into it again
 *   act part UID GID CODE    the same, but a second thread keeps its ids
 *   act hide CODE            forbids others to look into it, then as `wait`
 *   act switch CODE          as `wait`, but does so at each 0 it is sent, and allows it at
 *                            each 1
 *   act become UID GID ...   changes its ids as su does, works, and executes the rest
 *   act repeat N ...         when its standard input ends, N times: makes a child that
 *                            executes the rest, and one that only works and ends with 3
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(void) {
        static char bytes[8192];
        int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        for (int i = 0; i < 4; ++i)
                if (read(zero, bytes, sizeof(bytes)) != sizeof(bytes) ||
                    write(null, bytes, sizeof(bytes)) != sizeof(bytes))
                        _exit(99);
        close(zero);
        close(null);
}

static void await_end(void) {
        char c;

        while (read(STDIN_FILENO, &c, 1) > 0 || errno == EINTR)
                ;
}

static int switch_at_will(int code) {
        char c = '1';

        do {
                if ((c == '0' || c == '1') &&
                    (prctl(PR_SET_DUMPABLE, c - '0') < 0 || dprintf(STDOUT_FILENO, "%c\n", c) < 0))
                        return 93;
                work();
        } while (read(STDIN_FILENO, &c, 1) > 0);
        return code;
}

static void *sleep_on(void *unused) {
        while (!unused)
                pause();
        return NULL;
}

/* Changes the ids of the calling thread alone. */
static int change_ids(const char *mode, uid_t uid, gid_t gid, int code) {
        pthread_t thread;

        if (!strcmp(mode, "part") && pthread_create(&thread, NULL, sleep_on, NULL))
                return 92;
        if (setgroups(0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
            syscall(SYS_setresuid, uid, uid, uid) < 0)
                return 96;
        if (strcmp(mode, "drop") && prctl(PR_SET_DUMPABLE, 1) < 0)
                return 93;
        work();
        puts("ready");
        fflush(stdout);
        await_end();
        return code;
}

static void run(char **argv) {
        execv(argv[0], argv);
        _exit(98);
}

static int repeat(long n, char **argv) {
        await_end();
        for (long i = 0; i < n; ++i) {
                pid_t child = fork();

                if (child == 0)
                        run(argv);
                if (child < 0 || waitpid(child, NULL, 0) != child)
                        return 97;
                child = fork();
                if (child == 0) {
                        work();
                        _exit(3);
                }
                if (child < 0 || waitpid(child, NULL, 0) != child)
                        return 97;
        }
        return 0;
}

int main(int argc, char **argv) {
        work();
        if (argc > 4 && !strcmp(argv[1], "become")) {
                gid_t gid = (gid_t)atol(argv[3]);
                uid_t uid = (uid_t)atol(argv[2]);

                if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                        return 96;
                work();
                run(argv + 4);
        }
        if (argc > 3 && !strcmp(argv[1], "repeat"))
                return repeat(atol(argv[2]), argv + 3);
        if (argc == 5)
                exit(change_ids(argv[1], (uid_t)atol(argv[2]), (gid_t)atol(argv[3]), atoi(argv[4])));
        if (argc != 3)
                return 95;
        if (!strcmp(argv[1], "switch"))
                return switch_at_will(atoi(argv[2]));
        if (!strcmp(argv[1], "alone") && unshare(CLONE_NEWUSER) < 0)
                return 91;
        if ((!strcmp(argv[1], "use") || !strcmp(argv[1], "using") || !strcmp(argv[1], "alone")) && chroot("/") < 0)
                return 94;
        if (!strcmp(argv[1], "hide") && prctl(PR_SET_DUMPABLE, 0) < 0)
                return 93;
        if (!strcmp(argv[1], "wait") || !strcmp(argv[1], "hide") || !strcmp(argv[1], "using") ||
            !strcmp(argv[1], "alone")) {
                puts("ready");
                fflush(stdout);
                await_end();
        }
        return atoi(argv[2]);
}
