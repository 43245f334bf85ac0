/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* A suspension of the machine moves the offset of the clocks. A step of the wall clock is only logged. */

#include "broker/daemon/clock_watch.h"
#include "tests/unit/join_rig.h"

#define SECOND_NS ((int64_t)NSEC_PER_SEC)

/* Calls a check. Return: the lines that it logged; valid until the next call. */
static const char *log_of(void (*check)(void *), void *object) {
        static char text[512];
        int fds[2], saved = dup(STDERR_FILENO);
        ssize_t n;

        assert(saved >= 0 && pipe2(fds, O_CLOEXEC) == 0 && dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
        log_init(LOG_LEVEL_NOTICE);
        check(object);
        assert(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
        log_init(LOG_LEVEL_NOTICE);
        close(saved);
        close(fds[1]);
        n = read(fds[0], text, sizeof(text) - 1);
        assert(n >= 0);
        text[n] = 0;
        close(fds[0]);
        return text;
}

static void check_suspension(void *join) {
        clock_watch_check_suspension(join);
}

static void check_wall_clock(void *watch) {
        clock_watch_check_wall_clock(watch);
}

static bool is_about(int64_t ns, int64_t expected_ns) {
        return ns - expected_ns < SECOND_NS / 2 && expected_ns - ns < SECOND_NS / 2;
}

static void test_suspension(void) {
        int64_t right_ns = clock_offset_ns(CLOCK_BOOTTIME, CLOCK_MONOTONIC) + clock_boot_epoch_ns();
        Rig *rig = rig_new();
        Join *join = &rig->join;

        join_set_time_offset(join, right_ns);
        assert(strcmp(log_of(check_suspension, join), "") == 0 && join->time_offset_ns == right_ns);

        /* The offset of before a suspension of five seconds. */
        join_set_time_offset(join, right_ns - 5 * SECOND_NS);
        assert(strstr(log_of(check_suspension, join), "The machine was suspended for "));
        assert(is_about(join->time_offset_ns, right_ns));
        assert(rig->connector.time_offset_ns == join->time_offset_ns);
        assert(join->programs.time_offset_ns == join->time_offset_ns);
        assert(strcmp(log_of(check_suspension, join), "") == 0);
        rig_free(rig);
}

static void test_wall_clock(void) {
        static const char *const texts[] = { "The wall clock was set by -", "The wall clock was set by " };
        int64_t right_ns = clock_offset_ns(CLOCK_REALTIME, CLOCK_BOOTTIME) - clock_boot_epoch_ns();
        int64_t epoch_ns = clock_boot_epoch_ns();

        for (size_t i = 0; i < ARRAY_SIZE(texts); ++i) {
                ClockWatch watch = { .step_ns = right_ns + (i ? -3 : 3) * SECOND_NS };

                assert(strstr(log_of(check_wall_clock, &watch), texts[i]));
                assert(is_about(watch.step_ns, right_ns) && clock_boot_epoch_ns() == epoch_ns);
                assert(strcmp(log_of(check_wall_clock, &watch), "") == 0);
        }
}

int main(void) {
        test_suspension();
        test_wall_clock();
        return 0;
}
