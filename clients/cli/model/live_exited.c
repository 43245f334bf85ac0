/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What has ended, summed by name: most processes live too briefly to be seen, and
 * here they are.
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

static int ranking_make_room(LiveExited *ranking) {
        size_t n_room = ranking->n_room ? 2 * ranking->n_room : 64;
        LiveCommand **commands;

        if (ranking->n_commands < ranking->n_room)
                return 0;

        commands = reallocarray(ranking->commands, n_room, sizeof(*commands));
        if (!commands)
                return -ENOMEM;

        ranking->commands = commands;
        ranking->n_room = n_room;
        return 0;
}

/* NULL: there is too little memory. */
static LiveCommand *ranking_command(LiveExited *ranking, const char comm[static TB_COMM_SIZE]) {
        LiveCommand key = {0}, *command, *const * found;

        memcpy(key.comm, comm, sizeof(key.comm));
        found = tfind(&key, &ranking->by_name, command_compare);
        if (found)
                return *found;
        if (ranking->n_commands == LIVE_COMMANDS_MAX)
                return &ranking->others;
        if (ranking_make_room(ranking) < 0)
                return NULL;

        command = malloc(sizeof(*command));
        if (!command)
                return NULL;
        *command = key;
        if (!tsearch(command, &ranking->by_name, command_compare)) {
                free(command);
                return NULL;
        }

        ranking->commands[ranking->n_commands++] = command;
        return command;
}

static void command_add(LiveCommand *command, const struct tb_task_sample *ended) {
        const struct tb_termination *termination = &ended->termination;
        uint64_t values[N_METRICS], life_ns = 0;

        command->n_ended++;
        command->n_failed += termination->known && (termination->exit_code || termination->term_signal);
        command->n_status_unknown += !termination->known;
        command->n_without_stats += !ended->stats;
        command->last_end_ns = ended->time_ns;

        if (ended->start_time_ns && ended->time_ns > ended->start_time_ns)
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
 * live_exited_add() - take one that has ended
 * @ranking:    the ranking; zeroed, it is empty
 * @ended:      its last values, or that there are none
 *
 * Return: 0, or -ENOMEM.
 */
int live_exited_add(LiveExited *ranking, const struct tb_task_sample *ended) {
        LiveCommand *command;

        command = ranking_command(ranking, ended->comm);
        if (!command)
                return -ENOMEM;

        command_add(command, ended);
        command_add(&ranking->total, ended);
        return 0;
}

/* Begins anew: nothing has ended. */
void live_exited_reset(LiveExited *ranking) { live_exited_deinit(ranking); }

void live_exited_deinit(LiveExited *ranking) {
        if (ranking->by_name)
                tdestroy(ranking->by_name, free);
        free(ranking->commands);
        *ranking = (LiveExited){0};
}
