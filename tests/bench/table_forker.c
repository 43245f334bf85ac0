/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/table_forker.h"

static void sleep_until(uint64_t when_ns) {
        const struct timespec when = { .tv_sec = (time_t)(when_ns / 1000000000),
                                       .tv_nsec = (long)(when_ns % 1000000000) };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) != 0)
                ;
}

/* Runs until SIGTERM. Each operation is a child that was forked, has ended, and was waited for. */
int forker_main(void *userdata, CrewSeat *seat) {
        const ForkerOptions *options = userdata;
        uint64_t next_ns;

        crew_ready(seat);
        next_ns = now_ns();
        for (;;) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(0);
                if (pid < 0 || waitpid(pid, NULL, 0) != pid)
                        return 1;
                __atomic_add_fetch(&seat->slot->operations, 1, __ATOMIC_RELAXED);
                next_ns += options->interval_ns;
                /* a forker that was held up does not catch up in a burst */
                if (next_ns < now_ns())
                        next_ns = now_ns();
                else if (options->interval_ns > 0)
                        sleep_until(next_ns);
        }
}
