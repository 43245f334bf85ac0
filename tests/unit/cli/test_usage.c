/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The resources that a process and all its descendants used: counts, sums and losses.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/run/usage.h"
#include "tests/unit/usage_rig.h"

static bool all_exist(uint32_t pid, uint64_t start_boot_ns) {
        (void)pid;
        (void)start_boot_ns;
        return true;
}

static void test_counts(void) {
        struct tb_event event;

        begin();
        assert(usage.n_processes == 1 && usage.n_live == 1 && usage.n_live_max == 1);

        /* The fork of the root may be reported after the subscription. The root is counted already. */
        take_fork(ROOT, ROOT);
        assert(usage.n_processes == 1);

        take_fork(101, 101);
        take_fork(101, 201);
        take_fork(101, 202);
        take_fork(102, 102);
        assert(usage.n_processes == 3 && usage.n_threads == 2 && usage.n_live_max == 3);

        /* The exit of a thread is not the exit of its process. */
        event = make_exit(101, "cc");
        event.tid = 201;
        event.exit.process_ended = false;
        assert(usage_event(&usage, &event) == 0);
        assert(usage.n_ended == 0 && usage.n_live == 3);

        take_exit(101, ROOT, "cc", 1);
        take_fork(103, 103);
        assert(usage.n_live == 3 && usage.n_live_max == 3 && usage.n_processes == 4);

        event = make_exit(102, "cc");
        event.exit.process_termination.exit_code = 1;
        assert(usage_event(&usage, &event) == 0);
        event = make_exit(103, "as");
        event.exit.process_termination.term_signal = 9;
        assert(usage_event(&usage, &event) == 0);
        take_fork(104, 104);
        event = make_exit(104, "as");
        event.exit.process_termination.known = false;
        event.exit.process_stats = NULL;
        assert(usage_event(&usage, &event) == 0);
        assert(usage.n_failed == 2 && usage.n_status_unknown == 1 && usage.n_without_stats == 1);
        assert(!usage_complete(&usage) && !usage.root_ended);
        end();
}

static void test_counts_after_losses(void) {
        struct tb_event event;

        begin();

        /* A process whose fork was lost is counted at its exit. */
        take_exit(105, ROOT, "as", 1);
        assert(usage.n_processes == 2);

        /* The number of a process is used again: the exit of the process was lost. */
        take_fork(106, 106);
        take_fork(106, 106);
        assert(usage.n_processes == 4 && usage.n_live == 2 && usage.n_unseen == 1);

        /* Events of other kinds, and of pids that the kernel never gives, are ignored. */
        event = (struct tb_event){ .kind = TB_KIND_EXEC, .pid = 7, .tid = 7 };
        assert(usage_event(&usage, &event) == 0);
        take_fork(4194305, 4194305);
        take_exit(4194305, ROOT, "x", 1);
        assert(usage.n_processes == 4);

        take_exit(ROOT, 1, "make", 1);
        assert(usage.root_ended);
        assert(usage_unreported(&usage, all_exist) == 0 && usage_unreported(&usage, none_exist) == 1);
        assert(usage_settle(&usage, all_exist) == 0);
        assert(usage.n_live == 1 && usage.n_unseen == 1);
        assert(usage_settle(&usage, none_exist) == 0);
        assert(usage.n_live == 0 && usage.n_unseen == 2);
        end();
}

static void test_sums(void) {
        struct tb_event event;

        begin();
        stats.memory.ac_minflt = 10;
        stats.memory.ac_majflt = 1;
        stats.memory.hiwater_rss_kib = 2048;
        stats.scheduling.nvcsw = 5;
        stats.scheduling.nivcsw = 6;
        stats.io.read_char_bytes = 1024;
        stats.io.write_char_bytes = 2048;
        stats.io.read_syscalls = 3072;
        stats.io.write_syscalls = 4096;
        stats.io.read_bytes = 5120;
        stats.io.write_bytes = 6144;
        stats.io.cancelled_write_bytes = 7168;
        stats.delays.cpu = (struct tb_delay){ .known = true, .count = 2, .total_ns = 20 };
        stats.uncounted_groups = TB_STATS_BIT(TB_STATS_DELAYS);
        take_fork(101, 101);
        take_exit(101, ROOT, "cc", 8);
        stats.memory.hiwater_rss_kib = 4096;
        stats.tasks = 3;
        stats.tasks_missing = 1;
        take_fork(102, 102);
        take_exit(102, ROOT, "ld", 8);
        stats.tasks_missing = 0;
        stats.memory.hiwater_rss_kib = 1024;
        take_exit(ROOT, 1, "make", 8);

        assert(usage.n_stats == 3 && usage.n_groups[TB_STATS_CPU] == 3 && usage.n_groups[TB_STATS_DELAYS] == 0);
        assert(usage.n_uncounted[TB_STATS_DELAYS] == 3);
        assert(usage.cpu.measured_ns == 24 * MS && usage.cpu.sampled_ns == 24 * MS);
        assert(usage.cpu.user_us == 18000 && usage.cpu.system_us == 6000);
        assert(usage.minflt == 30 && usage.majflt == 3 && usage.nvcsw == 15 && usage.nivcsw == 18);
        assert(usage.read_char_bytes == 3072 && usage.write_char_bytes == 6144);
        assert(usage.read_syscalls == 9216 && usage.write_syscalls == 12288);
        assert(usage.read_bytes == 15360 && usage.write_bytes == 18432 && usage.cancelled_write_bytes == 21504);
        assert(usage.delays.cpu.n_processes == 3 && usage.delays.cpu.count == 6 && usage.delays.cpu.total_ns == 60);
        assert(usage.delays.blkio.n_processes == 0);
        assert(usage.peak_rss_kib == 4096 && usage.peak_pid == 102 && strcmp(usage.peak_name, "ld") == 0);
        assert(usage.n_tasks_missing == 1 && !usage_complete(&usage));

        /* A process without a group is not counted for the group. */
        stats.groups = 0;
        event = make_exit(110, "x");
        stats = (struct tb_task_stats){ 0 };
        assert(usage_event(&usage, &event) == 0);
        assert(usage.n_stats == 4 && usage.n_groups[TB_STATS_CPU] == 3);
        end();
}

static void test_losses(void) {
        begin();
        assert(usage_complete(&usage));
        take_loss(TB_LOSS_SOURCE_CONNECTOR, 3, false);
        take_loss(TB_LOSS_SOURCE_READER, 4, false);
        take_loss((enum tb_loss_source)77, 5, false);
        assert(usage_lost(&usage) == 12 && !usage.lost_at_least && !usage_complete(&usage));
        assert(usage.n_lost[0] == 5);
        end();

        begin();
        take_loss(TB_LOSS_SOURCE_CONNECTOR, 0, true);
        assert(usage_lost(&usage) == 0 && usage.lost_at_least && !usage_complete(&usage));
        end();
}

static void fork_at(uint32_t pid, uint64_t start_boot_ns) {
        struct tb_event event = { .kind = TB_KIND_FORK, .pid = pid, .tid = pid, .start_boot_ns = start_boot_ns };

        assert(usage_event(&usage, &event) == 0);
}

/* @parent_start_boot_ns is the start of the present parent, which has the number @ppid. */
static void exit_at(uint32_t pid, uint64_t start_boot_ns, uint32_t ppid, uint64_t parent_start_boot_ns) {
        struct tb_event event = make_exit(pid, "cc");

        event.start_boot_ns = start_boot_ns;
        event.parent = (struct tb_process_id){ .known = true, .pid = ppid, .start_boot_ns = parent_start_boot_ns };
        stats.groups = GROUPS;
        stats.identity.ac_ppid = ppid;
        stats.cpu.cpu_run_virtual_total_ns = MS;
        assert(usage_event(&usage, &event) == 0);
}

static bool started_at_5(uint32_t pid, uint64_t start_boot_ns) {
        return pid == 101 && start_boot_ns == 5;
}

/* After an exit that was lost, a number belongs to another process. */
static void test_reuse(void) {
        begin();
        fork_at(ROOT, 1);
        fork_at(101, 5);
        fork_at(102, 6);

        /* the fork of the second 101 was lost too */
        exit_at(101, 7, 102, 6);
        assert(usage.n_unseen == 1 && usage.n_ended == 1 && usage.n_live == 2 && usage.n_processes == 4);
        /* the second 102 waits for the child of no process of its number */
        fork_at(102, 8);
        assert(usage.n_unseen == 2 && usage.n_orphans == 0);
        fork_at(103, 9);
        exit_at(103, 9, 102, 6);
        exit_at(102, 8, 110, 2);
        assert(usage.n_orphans == 1 && usage.n_live == 1);

        /* a process of the root's number that is not the root */
        fork_at(ROOT, 10);
        assert(usage.root_ended && usage.n_unseen == 3 && usage.n_live == 1);
        exit_at(ROOT, 10, 110, 2);
        assert(usage.n_orphans == 2 && usage.n_live == 0);

        /* the process itself runs, not a later one with its number */
        fork_at(101, 5);
        assert(usage_unreported(&usage, started_at_5) == 0);
        fork_at(101, 11);
        assert(usage_unreported(&usage, started_at_5) == 1);
        end();
}

int main(void) {
        test_reuse();
        test_counts();
        test_counts_after_losses();
        test_sums();
        test_losses();
        return 0;
}
