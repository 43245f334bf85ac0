/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tasks that have ended, added up by name. Most processes live too short to be seen in a
 * table; here they are counted.
 *
 * Owns the sums, one for each name. Pure.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/live_exited.h"

static int command_compare(const void *a, const void *b) {
        const LiveCommand *one = a, *other = b;

        return strcmp(one->comm, other->comm);
}

static int exited_make_room(LiveExited *exited) {
        size_t n_room = exited->n_room ? 2 * exited->n_room : 64;
        LiveCommand **commands;

        if (exited->n_commands < exited->n_room)
                return 0;

        commands = reallocarray(exited->commands, n_room, sizeof(*commands));
        if (!commands)
                return -ENOMEM;

        exited->commands = commands;
        exited->n_room = n_room;
        return 0;
}

/* NULL: there is too little memory. */
static LiveCommand *exited_command(LiveExited *exited, const char comm[static TB_COMM_SIZE]) {
        LiveCommand key = {0}, *command, *const * found;

        memcpy(key.comm, comm, sizeof(key.comm));
        found = tfind(&key, &exited->by_name, command_compare);
        if (found)
                return *found;
        if (exited->n_commands == LIVE_COMMANDS_MAX)
                return &exited->others;
        if (exited_make_room(exited) < 0)
                return NULL;

        command = malloc(sizeof(*command));
        if (!command)
                return NULL;
        *command = key;
        if (!tsearch(command, &exited->by_name, command_compare)) {
                free(command);
                return NULL;
        }

        exited->commands[exited->n_commands++] = command;
        return command;
}

static void command_add(LiveCommand *command, const struct tb_task_sample *ended) {
        const struct tb_termination *termination = &ended->termination;
        uint64_t values[N_METRICS], life_ns = 0;

        ++command->n_ended;
        command->n_failed += termination->known && (termination->exit_code || termination->term_signal);
        command->n_status_unknown += !termination->known;
        command->n_without_stats += !ended->stats;
        command->last_end_ns = ended->time_ns;

        if (ended->start_time_ns && ended->time_ns > ended->start_time_ns &&
            ended->stats_missing != TB_STATS_MISSING_NOT_WITNESSED)
                life_ns = ended->time_ns - ended->start_time_ns;
        if (life_ns > command->longest_ns)
                command->longest_ns = life_ns;

        if (!ended->stats)
                return;
        metrics_read(ended->stats, values);
        for (unsigned int i = 0; i < N_METRICS; ++i) {
                command->used[i] += values[i];
                command->n_known[i] += metric_known(ended->stats, i) == METRIC_KNOWN;
        }
}

/**
 * live_exited_add() - count a task that has ended
 * @exited:     the sums; zeroed, they are empty
 * @ended:      the task, with its last values if they are known
 *
 * Return: 0, or -ENOMEM.
 */
int live_exited_add(LiveExited *exited, const struct tb_task_sample *ended) {
        LiveCommand *command;

        command = exited_command(exited, ended->comm);
        if (!command)
                return -ENOMEM;

        command_add(command, ended);
        command_add(&exited->total, ended);
        return 0;
}

/* Forgets everything. */
void live_exited_reset(LiveExited *exited) { live_exited_deinit(exited); }

void live_exited_deinit(LiveExited *exited) {
        if (exited->by_name)
                tdestroy(exited->by_name, free);
        free(exited->commands);
        *exited = (LiveExited){0};
}
