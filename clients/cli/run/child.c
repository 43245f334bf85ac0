/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The process of a command that is to be watched from its first moment: forked,
 * and held at a gate until somebody watches.
 *
 * Owns the process until it was waited for, and this program's signals meanwhile,
 * as time(1) handles them: an interrupt from the keyboard is the command's affair,
 * and what asks this program to end is passed on, so that the account is still
 * told. The command starts with the signals as this program was given them.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/run/child.h"

static const int child_passed_on[] = { SIGTERM, SIGHUP };

#define N_PASSED_ON (sizeof(child_passed_on) / sizeof(*child_passed_on))

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* SIGCHLD must not be ignored, as a parent may have left it: nothing could be waited for. */
static int child_take_signals(Child *child) {
        struct sigaction ignore = { .sa_handler = SIG_IGN }, usual = { .sa_handler = SIG_DFL };
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        for (size_t i = 0; i < N_PASSED_ON; ++i)
                sigaddset(&mask, child_passed_on[i]);

        child->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (child->signals < 0)
                return -errno;

        sigprocmask(SIG_BLOCK, &mask, &child->mask);
        sigaction(SIGINT, &ignore, &child->interrupt);
        sigaction(SIGQUIT, &ignore, &child->quit);
        sigaction(SIGCHLD, &usual, &child->child);
        return 0;
}

/* SIGPIPE is ignored by main(), which did not keep what it was. */
static void child_give_back_signals(const Child *child) {
        sigaction(SIGINT, &child->interrupt, NULL);
        sigaction(SIGQUIT, &child->quit, NULL);
        sigaction(SIGCHLD, &child->child, NULL);
        sigprocmask(SIG_SETMASK, &child->mask, NULL);
}

/* In the child. Its end of the gate tells nothing where the parent has gone, or changed its mind. */
static _Noreturn void child_run(const Child *child, char *const *command, int gate, int report) {
        int error;
        ssize_t n;
        char byte;

        child_give_back_signals(child);
        signal(SIGPIPE, SIG_DFL);
        close(child->gate);
        do
                n = read(gate, &byte, 1);
        while (n < 0 && errno == EINTR);
        if (n != 1)
                _exit(0);

        execvp(command[0], command);
        error = errno;
        while (write(report, &error, sizeof(error)) < 0 && errno == EINTR)
                ;
        _exit(0);
}

/**
 * child_start() - make the process
 * @child:      output; CHILD_NULL before
 * @command:    its arguments, ended by NULL; the first is looked for as a shell does
 *
 * Return: 0, or a negative errno; child_abandon() must follow in either case,
 *         unless it was waited for.
 */
int child_start(Child *child, char *const *command) {
        int gate[2] = { -1, -1 }, report[2] = { -1, -1 };
        int r;

        if (pipe2(gate, O_CLOEXEC) < 0)
                return -errno;
        child->gate = gate[1];
        if (pipe2(report, O_CLOEXEC) < 0) {
                r = -errno;
                close(gate[0]);
                return r;
        }
        child->report = report[0];

        r = child_take_signals(child);
        if (r == 0) {
                child->pid = fork();
                if (child->pid == 0)
                        child_run(child, command, gate[0], report[1]);
                if (child->pid < 0) {
                        r = -errno;
                        child->pid = 0;
                }
        }
        close(gate[0]);
        close(report[1]);

        return r;
}

/* Lets it run the command. Return: 0, or a negative errno: it has ended. */
int child_release(Child *child) {
        ssize_t n;

        do
                n = write(child->gate, "", 1);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        close_fd(&child->gate);
        return 0;
}

/**
 * child_wait() - wait for it, if it has ended
 * @child:      the child
 * @ret_status: as wait4(2) tells it
 * @ret_usage:  the same; of its descendants too, where they were waited for
 *
 * Return: 1: it has ended, and is gone; 0: not yet; a negative errno.
 */
int child_wait(Child *child, int *ret_status, struct rusage *ret_usage) {
        pid_t pid;

        pid = wait4(child->pid, ret_status, WNOHANG, ret_usage);
        if (pid < 0)
                return -errno;
        if (pid == 0)
                return 0;

        child->pid = 0;
        return 1;
}

/**
 * child_pass_signals() - take the signals that came
 * @child:      the child
 *
 * Return: Whether there was a SIGCHLD.
 */
bool child_pass_signals(Child *child) {
        struct signalfd_siginfo info;
        bool ended = false;

        while (read(child->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGCHLD)
                        ended = true;
                else if (child->pid > 0)
                        kill(child->pid, (int)info.ssi_signo);
        }

        return ended;
}

/* Why it could not run the command: a negative errno; 0: it could. To be asked when it has ended. */
int child_exec_error(Child *child) {
        int error;

        if (read(child->report, &error, sizeof(error)) == (ssize_t)sizeof(error))
                return -error;

        return 0;
}

/* Ends it, if it still waits at its gate, and gives everything back. */
void child_abandon(Child *child) {
        close_fd(&child->gate);
        close_fd(&child->report);
        if (child->pid > 0) {
                while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                child->pid = 0;
        }
        if (child->signals >= 0)
                child_give_back_signals(child);
        close_fd(&child->signals);
}
