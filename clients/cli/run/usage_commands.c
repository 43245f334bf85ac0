/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The resources that processes used, added up by the name of their command.
 *
 * Owns one sum per name, up to USAGE_COMMANDS_MAX; all further names share one. Pure.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/run/usage_commands.h"

typedef struct UsageList UsageList;

struct UsageList {
        const UsageCommand **commands;
        size_t n;
};

static int command_compare(const void *a, const void *b) {
        const UsageCommand *one = a, *other = b;

        return strcmp(one->name, other->name);
}

static void command_free(void *command) {
        free(((UsageCommand *)command)->program);
        free(command);
}

void usage_cpu_add(UsageCpu *cpu, const UsageCpu *more) {
        cpu->measured_ns += more->measured_ns;
        cpu->sampled_ns += more->sampled_ns;
        cpu->user_us += more->user_us;
        cpu->system_us += more->system_us;
}

void usage_commands_deinit(UsageCommands *commands) {
        if (commands->by_name)
                tdestroy(commands->by_name, command_free);
        free(commands->others.program);
        *commands = (UsageCommands){ .n = 0 };
}

/* Keeps the program if the run is the most expensive one so far. Returns 0, or -ENOMEM. */
int usage_command_take_program(UsageCommand *command, const struct tb_program *program, uint64_t cpu_ns) {
        struct tb_program *copy;

        if (!program || !program->n_cmdline || (command->program && cpu_ns <= command->most_expensive_ns))
                return 0;

        copy = program_copy(program);
        if (!copy)
                return -ENOMEM;

        free(command->program);
        command->program = copy;
        command->most_expensive_ns = cpu_ns;
        return 0;
}

/* Finds the command of a name, or makes it; the others if there are too many. NULL: there is too little memory. */
UsageCommand *usage_commands_find(UsageCommands *commands, const char name[static TB_COMM_SIZE]) {
        UsageCommand key = { .n_runs = 0 }, *command, *const *found;

        memcpy(key.name, name, sizeof(key.name));
        found = tfind(&key, &commands->by_name, command_compare);
        if (found)
                return *found;
        if (commands->n == USAGE_COMMANDS_MAX)
                return &commands->others;

        command = malloc(sizeof(*command));
        if (!command)
                return NULL;
        *command = key;
        if (!tsearch(command, &commands->by_name, command_compare)) {
                free(command);
                return NULL;
        }

        ++commands->n;
        return command;
}

/**
 * usage_commands_sum() - add up the commands that have no line of their own
 * @commands:   the commands
 * @n:          their number
 *
 * Return: The sum, without a name and without a command line.
 */
UsageCommand usage_commands_sum(const UsageCommand *const *commands, size_t n) {
        UsageCommand sum = { .n_runs = 0 };

        for (size_t i = 0; i < n; ++i) {
                const UsageCommand *one = commands[i];

                sum.n_runs += one->n_runs;
                sum.n_failed += one->n_failed;
                sum.n_status_unknown += one->n_status_unknown;
                sum.n_cpu += one->n_cpu;
                usage_cpu_add(&sum.cpu, &one->cpu);
                sum.n_io += one->n_io;
                sum.read_bytes += one->read_bytes;
                sum.write_bytes += one->write_bytes;
                if (one->peak_rss_kib > sum.peak_rss_kib)
                        sum.peak_rss_kib = one->peak_rss_kib;
        }

        return sum;
}

static void command_list(const void *node, VISIT visit, void *closure) {
        UsageList *list = closure;

        if (visit == postorder || visit == leaf)
                list->commands[list->n++] = *(UsageCommand *const *)node;
}

static uint64_t command_cost(const UsageCommand *command) {
        return command->cpu.measured_ns > command->cpu.sampled_ns ? command->cpu.measured_ns : command->cpu.sampled_ns;
}

static int command_compare_costs(const void *a, const void *b) {
        const UsageCommand *one = *(const UsageCommand *const *)a, *other = *(const UsageCommand *const *)b;
        uint64_t cost = command_cost(one), other_cost = command_cost(other);

        if (cost != other_cost)
                return cost > other_cost ? -1 : 1;
        if (one->n_runs != other->n_runs)
                return one->n_runs > other->n_runs ? -1 : 1;

        return strcmp(one->name, other->name);
}

/**
 * usage_commands_sort() - list the commands, the most expensive first
 * @commands:           the commands
 * @ret_commands:       output: @commands->n pointers into it; the caller frees the list with free()
 *
 * The cost is processor time, measured or sampled, whichever is more. The measured time
 * lacks the last timer tick of each process: a short process may have no other.
 *
 * Return: 0, or -ENOMEM.
 */
int usage_commands_sort(const UsageCommands *commands, const UsageCommand ***ret_commands) {
        UsageList list = { .n = 0 };

        list.commands = calloc(commands->n + 1, sizeof(*list.commands));
        if (!list.commands)
                return -ENOMEM;

        twalk_r(commands->by_name, command_list, &list);
        qsort(list.commands, list.n, sizeof(*list.commands), command_compare_costs);

        *ret_commands = list.commands;
        return 0;
}
