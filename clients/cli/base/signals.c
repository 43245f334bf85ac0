/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SIGINT and SIGTERM of verbs that print until a signal comes. The signal ends the
 * waiting for the broker, or for a stuck reader of the output. A second signal of the
 * same kind ends the program at once.
 *
 * SIGPIPE is ignored in all verbs: a closed pipe is an error of write(2) there.
 *
 * Owns the flag that the signals set, and the disposition of SIGPIPE that our caller chose.
 */

#include <errno.h>
#include <time.h>

#include "clients/cli/base/signals.h"

#define NS_PER_S 1000000000u

static volatile sig_atomic_t signals_came;

/* Zeroed, it is the default disposition. */
static struct sigaction signals_pipe;

/* Called once, before any output. */
void signals_ignore_pipe(void) {
        sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, &signals_pipe);
}

/* For a process that becomes another program: it gets the disposition that this program was started with. */
void signals_restore_pipe(void) {
        sigaction(SIGPIPE, &signals_pipe, NULL);
}

static void signals_on_signal(int signal_number) {
        (void)signal_number;
        signals_came = 1;
}

void signals_catch(void) {
        struct sigaction action = { .sa_handler = signals_on_signal, .sa_flags = (int)SA_RESETHAND };

        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

/* Whether a signal came. */
bool signals_caught(void) { return signals_came; }

/* The flag itself, for output_init(). */
const volatile sig_atomic_t *signals_flag(void) { return &signals_came; }

/**
 * signals_poll() - poll() that also returns if a signal came before the call
 * @pfds:       as poll() takes them
 * @n_pfds:     their number
 * @deadline:   the latest time to return, in nanoseconds; 0: none
 * @now:        the time on the same clock; after the deadline the call does not wait
 *
 * Return: As poll(); 0 also if a signal came before; a negative errno, -EINTR if a
 *         signal came during the call.
 */
int signals_poll(struct pollfd *pfds, nfds_t n_pfds, uint64_t deadline, uint64_t now) {
        struct timespec timeout = { 0 };
        sigset_t ours, before;
        int r;

        if (deadline > now) {
                timeout.tv_sec = (time_t)((deadline - now) / NS_PER_S);
                timeout.tv_nsec = (long)((deadline - now) % NS_PER_S);
        }
        sigemptyset(&ours);
        sigaddset(&ours, SIGINT);
        sigaddset(&ours, SIGTERM);
        sigprocmask(SIG_BLOCK, &ours, &before);
        r = signals_came ? 0 : ppoll(pfds, n_pfds, deadline ? &timeout : NULL, &before);
        if (r < 0)
                r = -errno;
        sigprocmask(SIG_SETMASK, &before, NULL);

        return r;
}
