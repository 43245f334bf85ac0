/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When a process ends, the kernel gives its children to init or to a subreaper, and sends
 * no event. From then on their parent is unknown (parents.c). A pass over the table finds
 * them and reads their parents in /proc, in slices, while the kernel's queue is empty.
 *
 * A reading of /proc may be newer than the table. If the adopter has ended since, its exit
 * is in the queue, and makes them orphans again. A parent that the table does not have is
 * read again later, at growing intervals.
 */

#include "broker/base/util.h"
#include "broker/tasks/join_adoption.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/procfs.h"

/* Processes that a slice passes at most, and processes that it reads (some 10 us each). */
#define WALK_MAX 32768u
#define READS_MAX 64u

/* Ticks between two passes that find nothing new. */
#define WAIT_TICKS_MAX 64u

/* Whether a slice has work now. */
bool join_adoption_is_due(const Join *join) {
        return join->adoption.next_pid > 0 || join->table.has_orphans;
}

/* Return: whether the parent is still to be read. */
static bool adoption_read_process(Join *join, const Task *leader) {
        ProcfsTask found;

        if (!procfs_read_stat(join->comm_reader.procfs_fd, leader->process->pid, leader->process->pid, &found))
                return procfs_is_short();
        if (leader->start_time_ns && !procfs_starts_agree(found.start_time_ns, leader->start_time_ns))
                return false;
        return !procfs_fill_parent(&join->table, leader->process, &found);
}

static void adoption_finish(Join *join) {
        JoinAdoption *adoption = &join->adoption;

        adoption->next_pid = 0;
        adoption->wait_ticks = adoption->n_left ? MIN(2 * adoption->wait_ticks + 1, WAIT_TICKS_MAX) : 0;
        adoption->ticks = adoption->wait_ticks;
}

/**
 * join_adoption_read() - read the parents of orphans, a slice
 * @join:  the join; the kernel's queue was read empty
 */
void join_adoption_read(Join *join) {
        JoinAdoption *adoption = &join->adoption;
        unsigned int n_reads = 0;

        if (!join_adoption_is_due(join))
                return;
        if (adoption->next_pid == 0) {
                adoption->next_pid = 1;
                adoption->n_left = 0;
                join->table.has_orphans = false;
        }
        for (unsigned int i = 0; i < WALK_MAX && n_reads < READS_MAX; ++i) {
                const Task *leader = task_table_next_leader(&join->table, adoption->next_pid);
                bool others = join->table.has_orphans;

                if (!leader)
                        return adoption_finish(join);
                adoption->next_pid = leader->tid + 1;
                if (parents_is_known(&join->table, leader->process))
                        continue;
                ++n_reads;
                adoption->n_left += adoption_read_process(join, leader);
                /* a parent that is not there is read after the interval, and not at once */
                join->table.has_orphans = others;
        }
}

/* Begins a pass for what the last one left. */
void join_adoption_tick(Join *join) {
        JoinAdoption *adoption = &join->adoption;

        if (adoption->ticks > 0 && --adoption->ticks == 0)
                join->table.has_orphans = true;
}
