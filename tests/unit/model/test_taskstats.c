/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* How the statistics of tasks add up to the totals of a process. */

#include "broker/base/util.h"
#include "broker/model/taskstats.h"
#include "tests/unit/harness.h"

enum { SUM = 1, MAXIMUM, LAST_ONE, LEADERS, FLAGS };

/* The expected rule of each total, independent of the table's third column: names that are not sums are listed. */
static int rule_of(const char *name) {
        static const char *const maxima[] = { "ac_etime_us", "ac_tgetime_us", "hiwater_rss_kib", "hiwater_vm_kib" };
        static const char *const last[] = { "ac_ppid", "ac_exe_dev", "ac_exe_inode", "ac_exitcode" };
        static const char *const leaders[] = {
                "ac_pid", "ac_tgid", "ac_uid", "ac_gid", "ac_btime_s", "ac_btime64_s", "ac_sched", "ac_nice",
        };

        for (size_t i = 0; i < ARRAY_SIZE(maxima); ++i)
                if (!strcmp(name, maxima[i]))
                        return MAXIMUM;
        for (size_t i = 0; i < ARRAY_SIZE(last); ++i)
                if (!strcmp(name, last[i]))
                        return LAST_ONE;
        for (size_t i = 0; i < ARRAY_SIZE(leaders); ++i)
                if (!strcmp(name, leaders[i]))
                        return LEADERS;
        if (!strcmp(name, "ac_flag"))
                return FLAGS;
        return SUM;
}

/* Each field another number, from @seed on. */
static TaskStats stats_new(uint32_t seed) {
        TaskStats stats = { .version = 17 };
        uint32_t value = seed;

        for (uint32_t group = 1; group <= 12; ++group)
                stats.groups |= 1u << group;
        snprintf(stats.ac_comm, sizeof(stats.ac_comm), "task-%u", seed);
#define FIELD(group, name, type, offset, offset_v15, since, total) stats.name = (TASKSTATS_TYPE_##type)(value++);
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        stats.name##_delay = (Delay){ value, value + 1, value + 2, value + 3, value + 4 }; \
        value += 5;
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
        return stats;
}

static uint64_t expected(const char *name, const uint64_t values[static 3], size_t leader) {
        switch (rule_of(name)) {
        case SUM:
                return values[0] + values[1] + values[2];
        case MAXIMUM:
                return values[0] > values[1] ? MAX(values[0], values[2]) : MAX(values[1], values[2]);
        case LEADERS:
                return values[leader];
        case FLAGS:
                return ((values[0] | values[1] | values[2]) & ~1ull) | (values[leader] & 1);
        default:
                return values[2];
        }
}

/* The largest in the middle, so that sum, maximum and last differ. */
static void check_every_field(size_t leader, bool known) {
        const TaskStats tasks[3] = { stats_new(100), stats_new(5000), stats_new(1000) };
        TaskStats total = {};

        for (size_t i = 0; i < 3; ++i)
                task_stats_add(&total, &tasks[i], known && i == leader);

        assert(total.tasks == 3);
        assert(total.tasks_missing == 0);
        assert(total.version == 17);
        assert(total.groups == tasks[0].groups);
        assert(total.has_leader == known && strcmp(total.ac_comm, tasks[leader].ac_comm) == 0);
#define FIELD(group, name, type, offset, offset_v15, since, rule)                                                      \
        assert((uint64_t)total.name ==                                                                                 \
               expected(#name,                                                                                         \
                        (uint64_t[]){ (uint64_t)tasks[0].name, (uint64_t)tasks[1].name, (uint64_t)tasks[2].name },  \
                        leader));
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        assert(total.name##_delay.count ==                                    \
               tasks[0].name##_delay.count + tasks[1].name##_delay.count + tasks[2].name##_delay.count); \
        assert(total.name##_delay.total_ns ==                                 \
               tasks[0].name##_delay.total_ns + tasks[1].name##_delay.total_ns + tasks[2].name##_delay.total_ns); \
        assert(total.name##_delay.max_ns == tasks[1].name##_delay.max_ns);    \
        assert(total.name##_delay.max_time_ns == tasks[1].name##_delay.max_time_ns); \
        assert(total.name##_delay.min_ns == tasks[0].name##_delay.min_ns);
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}

static void test_every_field(void) {
        for (size_t leader = 0; leader < 3; ++leader)
                check_every_field(leader, true);
        /* without its record, the last task stands for the leader */
        check_every_field(2, false);
}

static void test_signed_fields_stay_signed(void) {
        TaskStats total = {}, task = stats_new(1);

        task.ac_nice = -20;
        task_stats_add(&total, &task, false);
        assert(total.ac_nice == -20);
        task.ac_nice = 19;
        task_stats_add(&total, &task, false);
        assert(total.ac_nice == 19);
}

static void test_delay_extremes(void) {
        static const struct {
                Delay tasks[3];
                Delay total;
        } rows[] = {
                /* nobody waited */
                { { {}, {}, {} }, {} },
                /* a task that never waited has no shortest wait, at any place in the list */
                { { {}, { 2, 30, 20, 10, 7 }, {} }, { 2, 30, 20, 10, 7 } },
                { { { 2, 30, 20, 10, 7 }, {}, {} }, { 2, 30, 20, 10, 7 } },
                { { {}, {}, { 2, 30, 20, 10, 7 } }, { 2, 30, 20, 10, 7 } },
                /* the longest takes its time along */
                { { { 1, 5, 5, 5, 100 }, { 1, 9, 9, 9, 200 }, { 1, 7, 7, 7, 300 } }, { 3, 21, 9, 5, 200 } },
                /* a shortest wait of 0 ns counts as a wait */
                { { { 2, 9, 9, 4, 1 }, { 1, 0, 0, 0, 2 }, { 1, 3, 3, 3, 3 } }, { 4, 12, 9, 0, 1 } },
                /* the first of two equally long waits is kept */
                { { { 1, 9, 9, 9, 50 }, { 1, 9, 9, 9, 60 }, {} }, { 2, 18, 9, 9, 50 } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                TaskStats total = {};

                for (size_t k = 0; k < 3; ++k) {
                        TaskStats task = { .version = 17, .irq_delay = rows[i].tasks[k] };

                        task_stats_add(&total, &task, false);
                }
                assert(memcmp(&total.irq_delay, &rows[i].total, sizeof(Delay)) == 0);
        }
}

static void test_groups(void) {
        static const struct {
                uint32_t tasks[2], total;
        } rows[] = {
                { { STATS_CPU | STATS_IO, STATS_CPU | STATS_IO }, STATS_CPU | STATS_IO },
                /* the totals lack each group that one task lacks */
                { { STATS_CPU | STATS_DELAYS, STATS_CPU }, STATS_CPU },
                { { STATS_CPU, STATS_CPU | STATS_DELAYS }, STATS_CPU },
                { { STATS_CPU, STATS_IO }, 0 },
                /* the executable is known if one task knows it */
                { { STATS_CPU | STATS_EXECUTABLE, STATS_CPU }, STATS_CPU | STATS_EXECUTABLE },
                { { STATS_CPU, STATS_CPU | STATS_EXECUTABLE }, STATS_CPU | STATS_EXECUTABLE },
                { { STATS_CPU, STATS_CPU }, STATS_CPU },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                TaskStats total = {};

                for (size_t k = 0; k < 2; ++k)
                        task_stats_add(&total, &(TaskStats){ .version = 16, .groups = rows[i].tasks[k] }, false);
                assert(total.groups == rows[i].total);
        }
}

/* Tasks that ended without statistics before the first with some leave the groups alone. */
static void test_groups_after_missing(void) {
        TaskStats total = { .tasks_missing = 2 };

        task_stats_add(&total, &(TaskStats){ .version = 16, .groups = STATS_CPU | STATS_IO }, false);
        assert(total.groups == (STATS_CPU | STATS_IO));
        assert(total.tasks == 1 && total.tasks_missing == 2);
}

static void test_masks_unite(void) {
        TaskStats total = {};

        task_stats_add(&total,
                       &(TaskStats){ .version = 14, .unsupported = STATS_IO, .uncounted = STATS_DELAYS },
                       false);
        task_stats_add(&total, &(TaskStats){ .version = 14, .unsupported = STATS_DELAY_PEAKS }, false);
        assert(total.unsupported == (STATS_IO | STATS_DELAY_PEAKS));
        assert(total.uncounted == STATS_DELAYS);
        assert(total.version == 14);
}

static void test_executable(void) {
        const TaskStats none = { .version = 16 };
        const TaskStats one = { .version = 16, .groups = STATS_EXECUTABLE, .ac_exe_dev = 8, .ac_exe_inode = 11 };
        const TaskStats two = { .version = 16, .groups = STATS_EXECUTABLE, .ac_exe_dev = 9, .ac_exe_inode = 22 };
        TaskStats total = {};

        task_stats_add(&total, &none, false);
        assert(!(total.groups & STATS_EXECUTABLE));
        task_stats_add(&total, &one, false);
        task_stats_add(&total, &none, false);
        assert(total.groups & STATS_EXECUTABLE);
        assert(total.ac_exe_dev == 8 && total.ac_exe_inode == 11);
        task_stats_add(&total, &two, false);
        task_stats_add(&total, &none, false);
        assert(total.ac_exe_dev == 9 && total.ac_exe_inode == 22);
}

/* The kernel's own sums: which fields they raise, and that they lower none. */
static void test_raise(void) {
        static const char *const raised[] = {
                "cpu_run_virtual_total_ns", "cpu_run_real_total_ns", "cpu_scaled_run_real_total_ns", "ac_utime_us",
                "ac_stime_us",              "nvcsw",                 "nivcsw",
        };
        const TaskStats small = stats_new(20), large = stats_new(9000);
        TaskStats total = small;

        task_stats_raise(&total, &large);
#define FIELD(group, name, type, offset, offset_v15, since, rule)             \
        {                                                                     \
                bool is_raised = false;                                       \
                for (size_t i = 0; i < ARRAY_SIZE(raised); ++i)               \
                        is_raised = is_raised || !strcmp(raised[i], #name);   \
                assert(total.name == (is_raised ? large.name : small.name));  \
        }
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        assert(total.name##_delay.count == large.name##_delay.count);         \
        assert(total.name##_delay.total_ns == large.name##_delay.total_ns);   \
        assert(total.name##_delay.max_ns == small.name##_delay.max_ns);       \
        assert(total.name##_delay.min_ns == small.name##_delay.min_ns);       \
        assert(total.name##_delay.max_time_ns == small.name##_delay.max_time_ns);
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
        assert(total.tasks == small.tasks && total.groups == small.groups);
        assert(strcmp(total.ac_comm, small.ac_comm) == 0);

        total = large;
        task_stats_raise(&total, &small);
        assert(memcmp(&total, &large, sizeof(total)) == 0);
}

int main(void) {
        test_every_field();
        test_signed_fields_stay_signed();
        test_delay_extremes();
        test_groups();
        test_groups_after_missing();
        test_masks_unite();
        test_executable();
        test_raise();
        return 0;
}
