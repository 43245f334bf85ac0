/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Executes programs as an ordinary user, one order a line of standard input:
 *
 *   HOW SILENCE N US SIGNAL PROGRAM ARGUMENT...
 *
 * HOW is the way to the exec:
 *   leader   a child process
 *   again    a child process that has executed this program before
 *   thread   a second thread of a child
 *   left     a second thread, whose leader has ended by itself
 *   spawn    posix_spawn()
 *   fd       execveat() of a descriptor
 *   sibling  a child of a child, with this process as its parent (CLONE_PARENT)
 *   vfork    vfork()
 *   bound    a child that can gain no privileges (PR_SET_NO_NEW_PRIVS)
 *   nested   a child in a user namespace of its own, which knows no ids but the user's
 *   traced   a child that this process traces, so that the exec gives no privileges
 *
 * SILENCE says when the connector is silent, as a sum: 1 at the fork, 2 at the exec, 4 at
 * the end. N is how often its count of listeners is turned down, US for how many
 * microseconds it stays silent after each. PROGRAM has a pipe as standard input.
 *
 * The answer is a line when PROGRAM runs: its process, and 0 or the error of the exec. The
 * next line of standard input ends the pipe, and SIGNAL, unless it is 0, is sent to the
 * process. Then the second line of the answer: the wait status, and the times on the boot
 * clock before the fork and after the end.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "silence.h"

#define ARGUMENTS_MAX 16
#define WORDS_MAX (5 + ARGUMENTS_MAX)

/* Descriptors that an exec of this program keeps. */
#define KEPT 4

extern char **environ;

typedef struct Order Order;

struct Order {
        const char *how;
        int silence, n, us, signal;
        char *arguments[ARGUMENTS_MAX + 1];
        int in[2];              /* standard input of the program */
        int go[2];              /* a byte: call exec */
        int executed[2];        /* its end: the exec was done; a number: its error */
        int other[2];           /* the number of a sibling, or that the first of two execs was done */
};

static Order order;

static void fail(const char *what) {
        perror(what);
        exit(1);
}

static uint64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pipe_new(int fds[2]) {
        if (pipe2(fds, O_CLOEXEC) < 0)
                fail("pipe2");
}

static void silence(int fd, int when, bool on) {
        if (!(order.silence & when))
                return;
        if (!on)
                usleep((unsigned)order.us);
        if (silence_turn(fd, order.n, on) < 0)
                fail("send");
}

/* In the child: waits for the order to go, and executes the program. */
static void *execute(void *unused) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC), error;
        char c;

        if (dup2(order.in[0], STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
            read(order.go[0], &c, 1) != 1)
                _exit(96);
        if (!strcmp(order.how, "fd"))
                syscall(SYS_execveat, open(*order.arguments, O_PATH), "", order.arguments, environ,
                        AT_EMPTY_PATH);
        else
                execv(*order.arguments, order.arguments);
        error = errno;
        if (write(order.executed[1], &error, sizeof(error)) != sizeof(error))
                _exit(97);
        _exit(98);
        return unused;
}

/* Executes this program, which then executes the other one: the descriptors stay open. */
static void execute_this(void) {
        const int kept[KEPT] = { order.in[0], order.go[0], order.executed[1], order.other[1] };
        char name[] = "orders", how[] = "again", numbers[KEPT][12];
        char *arguments[2 + KEPT + ARGUMENTS_MAX + 1] = { name, how };

        for (int i = 0; i < KEPT; ++i) {
                if (fcntl(kept[i], F_SETFD, 0) < 0)
                        _exit(91);
                snprintf(numbers[i], sizeof(numbers[i]), "%d", kept[i]);
                arguments[2 + i] = numbers[i];
        }
        memcpy(arguments + 2 + KEPT, order.arguments, sizeof(order.arguments));
        execv("/proc/self/exe", arguments);
        _exit(90);
}

/* The executed program. */
static int go_on(char **arguments) {
        int kept[KEPT];

        for (int i = 0; i < KEPT; ++i) {
                kept[i] = atoi(arguments[i]);
                if (fcntl(kept[i], F_SETFD, FD_CLOEXEC) < 0)
                        return 89;
        }
        order = (Order){ .how = "again", .in = { kept[0] }, .go = { kept[1] }, .executed = { -1, kept[2] } };
        for (int i = 0; i < ARGUMENTS_MAX && arguments[KEPT + i]; ++i)
                order.arguments[i] = arguments[KEPT + i];
        if (write(kept[3], "r", 1) != 1)
                return 88;
        execute(NULL);
        return 87;
}

static void child(void) {
        pthread_t thread;

        close(order.in[1]);
        close(order.go[1]);
        if (!strcmp(order.how, "bound") && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                _exit(95);
        if (!strcmp(order.how, "nested") && unshare(CLONE_NEWUSER) < 0)
                _exit(86);
        if (!strcmp(order.how, "traced") && ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
                _exit(94);
        if (!strcmp(order.how, "sibling")) {
                pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

                if (pid == 0)
                        execute(NULL);
                if (pid < 0 || write(order.other[1], &pid, sizeof(pid)) != sizeof(pid))
                        _exit(93);
                _exit(0);
        }
        if (!strcmp(order.how, "again"))
                execute_this();
        if (strcmp(order.how, "thread") && strcmp(order.how, "left"))
                execute(NULL);
        if (pthread_create(&thread, NULL, execute, NULL))
                _exit(92);
        if (!strcmp(order.how, "left"))
                syscall(SYS_exit, 0);
        for (;;)
                pause();
}

/* The child shares the memory of this process, which waits until the exec. So the order to go comes first. */
static pid_t make_vfork_child(void) {
        pid_t pid;

        if (write(order.go[1], "x", 1) != 1)
                fail("write");
        pid = vfork();
        if (pid == 0)
                execute(NULL);
        return pid;
}

static pid_t make_child(void) {
        pid_t pid = !strcmp(order.how, "vfork") ? make_vfork_child() : fork(), sibling;
        char c;

        if (pid < 0)
                fail("fork");
        if (pid == 0)
                child();
        if (!strcmp(order.how, "again") && read(order.other[0], &c, 1) != 1)
                fail("the first exec");
        if (strcmp(order.how, "sibling"))
                return pid;
        if (read(order.other[0], &sibling, sizeof(sibling)) != sizeof(sibling) || waitpid(pid, NULL, 0) != pid)
                fail("the sibling");
        return sibling;
}

static pid_t spawn(int *ret_error) {
        posix_spawn_file_actions_t actions;
        pid_t pid = 0;

        if (posix_spawn_file_actions_init(&actions) ||
            posix_spawn_file_actions_adddup2(&actions, order.in[0], STDIN_FILENO) ||
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ||
            posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO))
                fail("posix_spawn_file_actions");
        *ret_error = posix_spawn(&pid, *order.arguments, &actions, NULL, order.arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        return pid;
}

/* Lets the child call exec, and returns when it has: 0, or the error. */
static int let_execute(pid_t pid) {
        int error = 0, status;

        close(order.executed[1]);
        if (write(order.go[1], "x", 1) != 1)
                fail("write");
        if (!strcmp(order.how, "traced") &&
            (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || ptrace(PTRACE_DETACH, pid, 0, 0) < 0))
                fail("the traced child");
        return read(order.executed[0], &error, sizeof(error)) > 0 ? error : 0;
}

static void obey(int silencer) {
        uint64_t begin = now_ns();
        bool at_once;
        int error = 0, status;
        pid_t pid;
        char line[8];

        pipe_new(order.in);
        pipe_new(order.go);
        pipe_new(order.executed);
        pipe_new(order.other);
        silence(silencer, 1, true);
        at_once = !strcmp(order.how, "spawn") || !strcmp(order.how, "vfork");
        if (at_once)
                silence(silencer, 2, true);
        pid = strcmp(order.how, "spawn") ? make_child() : spawn(&error);
        if (!at_once) {
                silence(silencer, 1, false);
                silence(silencer, 2, true);
        }
        if (strcmp(order.how, "spawn"))
                error = let_execute(pid);
        else
                close(order.executed[1]);
        silence(silencer, 2, false);
        if (at_once)
                silence(silencer, 1, false);
        printf("%d %d\n", pid, error);
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
                fail("standard input");
        silence(silencer, 4, true);
        close(order.in[1]);
        if (order.signal)
                kill(pid, order.signal);
        if (waitpid(pid, &status, 0) != pid)
                fail("waitpid");
        silence(silencer, 4, false);
        close(order.in[0]);
        close(order.executed[0]);
        for (int i = 0; i < 2; ++i) {
                close(order.go[i]);
                close(order.other[i]);
        }
        printf("%d %llu %llu\n", status, (unsigned long long)begin, (unsigned long long)now_ns());
        fflush(stdout);
}

/* Returns whether @line is an order. */
static bool parse(char *line) {
        char *words[WORDS_MAX] = {}, *next = NULL;
        size_t n = 0;

        for (char *word = strtok_r(line, " \n", &next); word && n < WORDS_MAX; word = strtok_r(NULL, " \n", &next))
                words[n++] = word;
        if (n < 6)
                return false;
        order = (Order){ .how = words[0], .silence = atoi(words[1]), .n = atoi(words[2]), .us = atoi(words[3]),
                         .signal = atoi(words[4]) };
        memcpy(order.arguments, words + 5, (n - 5) * sizeof(*words));
        return true;
}

int main(int argc, char **argv) {
        int silencer;
        char line[4096];

        if (argc > 2 + KEPT && !strcmp(argv[1], "again"))
                return go_on(argv + 2);
        silencer = silence_open();
        if (silencer < 0)
                fail("socket");
        while (fgets(line, sizeof(line), stdin)) {
                if (!parse(line))
                        return 2;
                obey(silencer);
        }
        return 0;
}
