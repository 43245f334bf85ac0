/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The process of a command: forked, and held at a gate until the broker watches it,
 * so that no event is missed.
 *
 * Owns the process until it was waited for, and the signals of this program meanwhile.
 * As in time(1), an interrupt from the keyboard is for the command, and SIGTERM and
 * SIGHUP are passed on to it, so that the report is still written. The command starts
 * with the signals that this program was started with.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/base/signals.h"
#include "clients/cli/run/child.h"

static const int child_passed_on[] = { SIGTERM, SIGHUP };

#define N_PASSED_ON (sizeof(child_passed_on) / sizeof(*child_passed_on))

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* Our parent may have had SIGCHLD ignored: then wait4(2) would not find the child. */
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

static void child_give_back_signals(const Child *child) {
        sigaction(SIGINT, &child->interrupt, NULL);
        sigaction(SIGQUIT, &child->quit, NULL);
        sigaction(SIGCHLD, &child->child, NULL);
        sigprocmask(SIG_SETMASK, &child->mask, NULL);
}

/* Runs in the child. The gate is closed without a byte if the parent ended or gave up. */
static _Noreturn void child_run(const Child *child, char *const *command, int gate, int report) {
        int error;
        ssize_t n;
        char byte;

        child_give_back_signals(child);
        signals_restore_pipe();
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
 * @command:    the arguments, ended by NULL; the program is looked up in PATH
 *
 * Return: 0, or a negative errno; child_abandon() must follow in either case,
 *         unless the child was waited for.
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

/* Opens the gate: the child runs the command. Returns 0, or a negative errno: the child has ended. */
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
 * child_wait() - wait for the child, if it has ended
 * @child:      the child
 * @ret_status: from wait4(2)
 * @ret_usage:  the same; also of descendants that were waited for
 *
 * Return: 1: the child has ended; 0: not yet; a negative errno.
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
 * child_pass_signals() - take pending signals, and pass them on to the child
 * @child:      the child
 *
 * Return: Whether one of them was SIGCHLD.
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

/* After the child has ended: why it could not run the command, as a negative errno; 0: it could. */
int child_exec_error(Child *child) {
        int error;

        if (read(child->report, &error, sizeof(error)) == (ssize_t)sizeof(error))
                return -error;

        return 0;
}

/* Ends a child that still waits at its gate, and releases everything. */
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
