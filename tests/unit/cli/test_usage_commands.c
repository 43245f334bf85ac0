/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The usage of processes by the name of their command: sums, order and programs.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/run/usage.h"
#include "tests/unit/usage_rig.h"

static void test_commands(void) {
        const UsageCommand **commands;
        struct tb_event event;
        char name[TB_COMM_SIZE];

        begin();
        program = (struct tb_program){ .cmdline = "cc\0-c\0small.c\0", .n_cmdline = 14 };
        event = make_exit(101, "cc");
        event.exit.program = &program;
        stats.groups = GROUPS;
        stats.cpu.cpu_run_virtual_total_ns = 5 * MS;
        stats.io.read_bytes = 1024;
        stats.memory.hiwater_rss_kib = 7;
        assert(usage_event(&usage, &event) == 0);
        program = (struct tb_program){ .cmdline = "cc\0-c\0large.c\0", .n_cmdline = 14 };
        stats.cpu.cpu_run_virtual_total_ns = 6 * MS;
        event.pid = event.tid = 102;
        event.exit.process_termination.exit_code = 3;
        assert(usage_event(&usage, &event) == 0);
        program = (struct tb_program){ .cmdline = "cc\0-c\0tiny.c\0", .n_cmdline = 13 };
        stats.cpu.cpu_run_virtual_total_ns = 1 * MS;
        /* The process ended with another thread, which has a name of its own. */
        event.pid = 103;
        event.tid = 203;
        snprintf(event.comm, sizeof(event.comm), "worker-7");
        event.exit.leader = (struct tb_process_leader){ .known = true, .comm = "cc" };
        assert(usage_event(&usage, &event) == 0);

        /* By its sampled time, this command is the most expensive. It has no program. */
        event = make_exit(104, "true");
        stats.cpu.cpu_run_virtual_total_ns = 0;
        stats.cpu.cpu_run_real_total_ns = 13 * MS;
        assert(usage_event(&usage, &event) == 0);
        event = make_exit(105, "none");
        event.exit.process_stats = NULL;
        assert(usage_event(&usage, &event) == 0);

        assert(usage_commands_sort(&usage.commands, &commands) == 0);
        assert(usage.commands.n == 3);
        assert(strcmp(commands[0]->name, "true") == 0 && commands[0]->n_runs == 1 && !commands[0]->program);
        assert(strcmp(commands[1]->name, "cc") == 0 && commands[1]->n_runs == 3 && commands[1]->n_failed == 2);
        assert(commands[1]->cpu.measured_ns == 12 * MS && commands[1]->read_bytes == 3072 && commands[1]->n_io == 3);
        assert(commands[1]->peak_rss_kib == 7);
        assert(memcmp(commands[1]->program->cmdline, "cc\0-c\0large.c", 14) == 0);
        assert(strcmp(commands[2]->name, "none") == 0 && commands[2]->n_io == 0);
        free(commands);

        /* However many names there are, the memory is bounded and every run is counted. */
        for (uint32_t i = 0; i < USAGE_COMMANDS_MAX; ++i) {
                snprintf(name, sizeof(name), "n%u", i);
                event = make_exit(1000 + i, name);
                assert(usage_event(&usage, &event) == 0);
        }
        assert(usage.commands.n == USAGE_COMMANDS_MAX && usage.commands.others.n_runs == 3);
        assert(usage.n_ended == USAGE_COMMANDS_MAX + 5);
        end();
}

int main(void) {
        test_commands();
        return 0;
}
