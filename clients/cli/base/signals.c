/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SIGINT and SIGTERM of what prints until it is told to stop: they end the waiting for
 * the broker, and for a reader of our output that is stuck; a second one of its kind
 * ends the program at once.
 *
 * Owns the flag that they set.
 */

#include <errno.h>
#include <time.h>

#include "clients/cli/base/signals.h"

#define NS_PER_S 1000000000u

static volatile sig_atomic_t stop_wanted;

static void signals_on_signal(int signal_number) {
        (void)signal_number;
        stop_wanted = 1;
}

void signals_catch(void) {
        struct sigaction action = { .sa_handler = signals_on_signal, .sa_flags = (int)SA_RESETHAND };

        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

/* Whether one of them came. */
bool signals_stop_wanted(void) { return stop_wanted; }

/* The flag itself, for output_init(). */
const volatile sig_atomic_t *signals_flag(void) { return &stop_wanted; }

/**
 * signals_poll() - poll(), but a signal that came before is not slept over
 * @pfds:       as of poll()
 * @n_pfds:     their number
 * @deadline:   when to return at the latest, in nanoseconds; 0: never
 * @now:        on the same clock; if it is past the deadline, nothing is waited for
 *
 * Return: As poll(); 0 too where a signal came before; a negative errno, -EINTR where
 *         one came meanwhile.
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
        r = stop_wanted ? 0 : ppoll(pfds, n_pfds, deadline ? &timeout : NULL, &before);
        if (r < 0)
                r = -errno;
        sigprocmask(SIG_SETMASK, &before, NULL);

        return r;
}
