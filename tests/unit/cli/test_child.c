/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The process of a command: its gate, its exit, and the signals passed on to it.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/run/child.h"
#include "tests/unit/usage_rig.h"

/* Waits until the child has ended, as the verb does. */
static int wait_for(Child *child, int *ret_error) {
        struct rusage rusage;
        int status, r;

        for (;;) {
                assert(poll(&(struct pollfd){ .fd = child->signals, .events = POLLIN }, 1, -1) == 1);
                if (!child_pass_signals(child))
                        continue;
                r = child_wait(child, &status, &rusage);
                assert(r >= 0);
                if (r == 0)
                        continue;
                *ret_error = child_exec_error(child);
                child_abandon(child);
                return status;
        }
}

static void test_child(void) {
        char *fails[] = { (char *)"sh", (char *)"-c", (char *)"exit 7", NULL };
        char *missing[] = { (char *)"/nonexistent/command", NULL };
        char *directory[] = { (char *)"/", NULL };
        char *sleeps[] = { (char *)"sleep", (char *)"1000", NULL };
        Child child = CHILD_NULL;
        int error, status;

        assert(child_start(&child, fails) == 0);
        assert(child_release(&child) == 0);
        status = wait_for(&child, &error);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 7 && error == 0);
        assert(child.pid == 0 && child.gate == -1 && child.report == -1 && child.signals == -1);

        assert(child_start(&child, missing) == 0 && child_release(&child) == 0);
        wait_for(&child, &error);
        assert(error == -ENOENT);
        assert(child_start(&child, directory) == 0 && child_release(&child) == 0);
        wait_for(&child, &error);
        assert(error == -EACCES);

        /* A signal that asks this program to end is passed on to the command. */
        assert(child_start(&child, sleeps) == 0 && child_release(&child) == 0);
        assert(kill(getpid(), SIGTERM) == 0);
        status = wait_for(&child, &error);
        assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && error == 0);

        /* The signal also ends a child that still waits at its gate. */
        assert(child_start(&child, sleeps) == 0);
        assert(kill(getpid(), SIGHUP) == 0);
        status = wait_for(&child, &error);
        assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP && error == 0);

        /* A command that was not released never runs. */
        assert(child_start(&child, sleeps) == 0);
        child_abandon(&child);
        assert(child.pid == 0 && waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}

/* The command starts with our signal handling. While it runs, we ignore an interrupt. */
static void test_child_signals(void) {
        char *command[] = { (char *)"sh", (char *)"-c", (char *)"grep -E '^Sig(Blk|Ign)' /proc/self/status", NULL };
        struct sigaction action;
        Child child = CHILD_NULL;
        int error, out[2], saved;
        char text[512];
        sigset_t mask;
        ssize_t n;

        signal(SIGQUIT, SIG_IGN);
        assert(pipe2(out, O_CLOEXEC) == 0);
        saved = dup(STDOUT_FILENO);
        assert(dup2(out[1], STDOUT_FILENO) >= 0);
        assert(child_start(&child, command) == 0);
        assert(dup2(saved, STDOUT_FILENO) >= 0);
        close(out[1]);
        close(saved);

        assert(sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
        assert(kill(getpid(), SIGINT) == 0);
        assert(child_release(&child) == 0);
        assert(wait_for(&child, &error) == 0 && error == 0);
        n = read(out[0], text, sizeof(text) - 1);
        assert(n > 0);
        text[n] = 0;
        check_has(text, "SigBlk:\t0000000000000000");
        check_has(text, "SigIgn:\t0000000000000004");
        close(out[0]);

        assert(sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
        assert(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
        assert(!sigismember(&mask, SIGCHLD) && !sigismember(&mask, SIGTERM));
}

/* The parent of the test may have left some signals blocked or ignored. */
static void take_usual_signals(void) {
        sigset_t none;

        for (int number = 1; number < SIGRTMIN; ++number)
                signal(number, SIG_DFL);
        sigemptyset(&none);
        assert(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
        signal(SIGPIPE, SIG_IGN);
}

int main(void) {
        alarm(60);
        take_usual_signals();

        test_child();
        test_child_signals();
        return 0;
}
