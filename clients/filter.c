/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which events a person wants to see: those that match one of each sort of
 * criteria that is given. A loss passes always. Pure.
 */

#include <fnmatch.h>

#include "clients/filter.h"

static bool filter_has(const uint32_t *numbers, size_t n_numbers, uint32_t number) {
        for (size_t i = 0; i < n_numbers; i++)
                if (numbers[i] == number)
                        return true;

        return false;
}

static bool filter_has_comm(const Filter *filter, const char *comm) {
        for (size_t i = 0; i < filter->n_comms; i++)
                if (fnmatch(filter->comms[i], comm, 0) == 0)
                        return true;

        return false;
}

/* What is not known matches nothing: uid 0 of an unknown task is not root. */
static bool filter_passes_uid(const Filter *filter, const struct tb_event *event) {
        if (event->task_unknown && event->uid == 0)
                return false;

        return filter_has(filter->uids, filter->n_uids, event->uid);
}

/* A process with its children: whoever follows a shell wants to see what it runs, and how that ended. */
static bool filter_passes_pid(const Filter *filter, const struct tb_event *event) {
        return filter_has(filter->pids, filter->n_pids, event->pid) ||
               filter_has(filter->pids, filter->n_pids, event->ppid) ||
               (event->kind == TB_KIND_FORK && filter_has(filter->pids, filter->n_pids, event->fork.parent_pid));
}

static bool filter_passes_comm(const Filter *filter, const struct tb_event *event) {
        if (event->task_unknown && !event->comm[0])
                return false;
        if (filter_has_comm(filter, event->comm))
                return true;

        return event->kind == TB_KIND_COMM && filter_has_comm(filter, event->comm_change.old_comm);
}

bool filter_passes(const Filter *filter, const struct tb_event *event) {
        if (event->kind == TB_KIND_LOSS)
                return true;

        return (!filter->n_uids || filter_passes_uid(filter, event)) &&
               (!filter->n_pids || filter_passes_pid(filter, event)) &&
               (!filter->n_comms || filter_passes_comm(filter, event));
}
