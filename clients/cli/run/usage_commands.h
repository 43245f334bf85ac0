/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct UsageCommand UsageCommand;
typedef struct UsageCommands UsageCommands;
typedef struct UsageCpu UsageCpu;

/* So many names have a line of their own; the processes of all others share one. */
#define USAGE_COMMANDS_MAX 16384

/* Processor time, as the records have it. */
struct UsageCpu {
        uint64_t measured_ns;           /* cpu_run_virtual_total */
        uint64_t sampled_ns;            /* cpu_run_real_total */
        uint64_t user_us;               /* sampled */
        uint64_t system_us;
};

/* The processes that ended under one name. */
struct UsageCommand {
        char name[TB_COMM_SIZE];
        uint64_t n_runs;
        uint64_t n_failed;
        uint64_t n_status_unknown;      /* runs of which more may have failed */
        uint64_t n_cpu;                 /* runs whose processor time is known */
        UsageCpu cpu;
        uint64_t n_io;                  /* runs whose input and output is known */
        uint64_t read_bytes;
        uint64_t write_bytes;
        uint64_t peak_rss_kib;          /* 0: not known */
        uint64_t most_expensive_ns;     /* processor time of the run of @program */
        struct tb_program *program;     /* the most expensive run; NULL: no command line is known */
};

/* Zeroed, it is empty. */
struct UsageCommands {
        size_t n;
        UsageCommand others;            /* all names beyond USAGE_COMMANDS_MAX */
        void *by_name;                  /* a tree, see tsearch(3) */
};

void usage_cpu_add(UsageCpu *cpu, const UsageCpu *more);
UsageCommand *usage_commands_find(UsageCommands *commands, const char name[static TB_COMM_SIZE]);
int usage_command_take_program(UsageCommand *command, const struct tb_program *program, uint64_t cpu_ns);
UsageCommand usage_commands_sum(const UsageCommand *const *commands, size_t n);
int usage_commands_sort(const UsageCommands *commands, const UsageCommand ***ret_commands);
void usage_commands_deinit(UsageCommands *commands);
