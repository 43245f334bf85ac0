/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does something while the proc connector is silent, without any privilege: silence NAME WHAT
 * [COMMAND]. Calls itself NAME, prints the number of the process that acts, and waits for a
 * line on its standard input before that. NAME is -: keeps its name.
 *
 *   exec COMMAND       the process executes the command
 *   thread COMMAND     a thread of it does
 *   child COMMAND      a child does, which was forked before
 *   whole COMMAND      a child is forked, executes the command, and ends, all in the silence
 *   fork               a child is forked, and lives until standard input ends
 *
 * mute.c explains how the connector is silenced. A process that was forked before ends the
 * silence when the exec has closed its pipe, and the kernel has had time to report it.
 */

#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than the listeners that a test has. */
#define DEPTH 8

#define INVALID 0x5a5a

static int connector = -1;
static char **command;

static void op_send(uint32_t op) {
        char buffer[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(op))] = {};
        struct nlmsghdr header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(op)),
                                   .nlmsg_type = NLMSG_DONE };
        struct cn_msg message = { .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC }, .len = sizeof(op) };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + NLMSG_HDRLEN, &message, sizeof(message));
        memcpy(buffer + NLMSG_HDRLEN + sizeof(message), &op, sizeof(op));
        if (send(connector, buffer, header.nlmsg_len, 0) != (ssize_t)header.nlmsg_len)
                _exit(90);
}

static void silence(uint32_t op) {
        for (int i = 0; i < DEPTH; ++i) {
                op_send(INVALID);
                op_send(op);
        }
}

static void await_input(void) {
        char c;

        while (read(STDIN_FILENO, &c, 1) > 0)
                if (c == '\n')
                        return;
}

/* Forks the process that ends the silence when the returned descriptor is closed. */
static int fork_ender(void) {
        int fds[2];

        if (pipe(fds) < 0)
                _exit(91);
        if (fork() == 0) {
                char c;

                close(fds[1]);
                (void)!read(fds[0], &c, 1);
                usleep(3000);
                silence(PROC_CN_MCAST_LISTEN);
                _exit(0);
        }
        close(fds[0]);
        return fds[1];
}

static void execute_silently(int ender) {
        if (fcntl(ender, F_SETFD, FD_CLOEXEC) < 0)
                _exit(92);
        silence(PROC_CN_MCAST_IGNORE);
        execv(command[0], command);
        _exit(93);
}

static void *thread_main(void *data) {
        execute_silently(*(int *)data);
        return NULL;
}

static void act(const char *what, int ender) {
        pthread_t thread;
        pid_t child;

        if (strcmp(what, "exec") == 0)
                execute_silently(ender);
        if (strcmp(what, "thread") == 0) {
                pthread_create(&thread, NULL, thread_main, &ender);
                pthread_join(thread, NULL);
        }
        silence(PROC_CN_MCAST_IGNORE);
        if (strcmp(what, "whole") == 0 || strcmp(what, "fork") == 0) {
                child = fork();
                if (child == 0 && *what == 'w') {
                        execv(command[0], command);
                        _exit(93);
                }
                if (*what == 'w')
                        (void)waitpid(child, NULL, 0);
                if (child > 0)
                        printf("%d\n", child);
        }
        silence(PROC_CN_MCAST_LISTEN);
        await_input();
}

int main(int argc, char **argv) {
        int ender;

        (void)argc;
        command = argv + 3;
        connector = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (strcmp(argv[1], "-") != 0)
                prctl(PR_SET_NAME, argv[1]);
        ender = fork_ender();
        if (strcmp(argv[2], "child") == 0) {
                pid_t child = fork();

                if (child == 0) {
                        await_input();
                        execute_silently(ender);
                }
                close(ender);
                printf("%d\n", child);
                (void)waitpid(child, NULL, 0);
                return 0;
        }
        printf("%d\n", getpid());
        await_input();
        act(argv[2], ender);
        return 0;
}
