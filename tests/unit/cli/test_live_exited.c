/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The use of ended tasks by the name of their command: sums, and the bound of their memory.
 */

#include "clients/cli/model/live_exited.h"
#include "tests/unit/live_rig.h"

static void test_exited(void) {
        char name[TB_COMM_SIZE];
        LiveExited exited = {0};
        struct tb_task_stats stats;
        struct tb_task_sample sample;
        Made made = {.pid = 1, .start = 0, .cpu_ns = 3};

        for (uint32_t i = 0; i < LIVE_COMMANDS_MAX + 10; ++i) {
                snprintf(name, sizeof(name), "%" PRIu32, i);
                made.comm = name;
                stats = made_stats(&made);
                sample = made_sample(&made, 1 + i % 2);
                sample.stats = &stats;
                sample.termination = (struct tb_termination){.known = true, .exit_code = i % 2};
                assert(live_exited_add(&exited, &sample) == 0);
                assert(live_exited_add(&exited, &sample) == 0);
        }
        assert(exited.n_commands == LIVE_COMMANDS_MAX);
        assert(exited.others.n_ended == 20 && exited.total.n_ended == 2 * (LIVE_COMMANDS_MAX + 10));
        for (size_t i = 0; i < exited.n_commands; ++i) {
                const LiveCommand *command = exited.commands[i];

                assert(command->n_ended == 2 && command->used[METRIC_CPU] == 6 && command->n_known[METRIC_CPU] == 2);
                assert(command->n_failed == 0 || command->n_failed == 2);
                assert(command->longest_ns == (command->n_failed ? 2 : 1) * SECOND_NS);
        }
        live_exited_reset(&exited);
        assert(exited.n_commands == 0 && exited.total.n_ended == 0);
        live_exited_deinit(&exited);
}

int main(void) {
        test_exited();
        return 0;
}
