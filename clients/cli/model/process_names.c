/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names of processes, as a subscription reports them: for views that name a relative.
 *
 * Owns the names. watch fills the table with the snapshot and then with each event. A
 * process is found by number and start, so that a later process with its number never
 * lends it a name. Names of ended processes stay for a while. If there is too little
 * memory, a name is not kept, and is then unknown. Pure.
 */

#include <stdlib.h>
#include <string.h>

#include "clients/cli/model/process_names.h"

#define PROCESS_NAMES_BUCKETS_MIN 1024u

static size_t process_names_bucket(uint32_t pid, size_t n_buckets) {
        return (pid * UINT32_C(2654435769)) & (n_buckets - 1);
}

static ProcessName *process_names_get(const ProcessNames *names, uint32_t pid, uint64_t start_boot_ns) {
        ProcessName *name;

        if (!names->n_buckets || !start_boot_ns)
                return NULL;

        name = names->buckets[process_names_bucket(pid, names->n_buckets)];
        while (name && (name->pid != pid || name->start_boot_ns != start_boot_ns))
                name = name->next_same_hash;

        return name;
}

static bool process_names_grow(ProcessNames *names) {
        size_t n_buckets = names->n_buckets ? 2 * names->n_buckets : PROCESS_NAMES_BUCKETS_MIN;
        ProcessName **buckets, *name, *next;

        if (names->n_names < names->n_buckets)
                return true;

        buckets = calloc(n_buckets, sizeof(*buckets));
        if (!buckets)
                return false;
        for (size_t i = 0; i < names->n_buckets; ++i)
                for (name = names->buckets[i]; name; name = next) {
                        ProcessName **bucket = buckets + process_names_bucket(name->pid, n_buckets);

                        next = name->next_same_hash;
                        name->next_same_hash = *bucket;
                        *bucket = name;
                }
        free(names->buckets);
        names->buckets = buckets;
        names->n_buckets = n_buckets;

        return true;
}

static ProcessName *process_names_make(ProcessNames *names, uint32_t pid, uint64_t start_boot_ns) {
        ProcessName *name, **bucket;

        if (!process_names_grow(names))
                return NULL;
        name = calloc(1, sizeof(*name));
        if (!name)
                return NULL;

        bucket = names->buckets + process_names_bucket(pid, names->n_buckets);
        name->pid = pid;
        name->start_boot_ns = start_boot_ns;
        name->next_same_hash = *bucket;
        *bucket = name;
        ++names->n_names;

        return name;
}

/*
 * Sets the name of a process. @comm NULL: it is not known. Returns the process; NULL: it
 * has no identity, or there is too little memory.
 */
static ProcessName *process_names_set(ProcessNames *names,
                                      uint32_t pid,
                                      uint64_t start_boot_ns,
                                      const char *comm,
                                      bool stale) {
        ProcessName *name = process_names_get(names, pid, start_boot_ns);

        if (!name && start_boot_ns && comm)
                name = process_names_make(names, pid, start_boot_ns);
        if (name && comm) {
                memcpy(name->comm, comm, sizeof(name->comm));
                name->comm_stale = stale;
                name->n_gaps = names->n_gaps;
        }

        return name;
}

static void process_names_drop_oldest(ProcessNames *names) {
        ProcessName *name = names->ended_first, **at;

        names->ended_first = name->next_ended;
        if (!names->ended_first)
                names->ended_last = NULL;
        --names->n_ended;

        at = names->buckets + process_names_bucket(name->pid, names->n_buckets);
        while (*at != name)
                at = &(*at)->next_same_hash;
        *at = name->next_same_hash;
        free(name);
        --names->n_names;
}

static void process_names_end(ProcessNames *names, ProcessName *name) {
        if (name->ended)
                return;

        name->ended = true;
        if (names->ended_last)
                names->ended_last->next_ended = name;
        else
                names->ended_first = name;
        names->ended_last = name;
        if (++names->n_ended > PROCESS_NAMES_ENDED_MAX)
                process_names_drop_oldest(names);
}

/* Keeps the name of a task of the snapshot. */
void process_names_add_task(ProcessNames *names, const struct tb_task *task) {
        bool known = task->comm[0] || !task->task_unknown;

        if (task->pid == task->tid)
                process_names_set(names, task->pid, task->start_boot_ns, known ? task->comm : NULL, task->comm_stale);
}

/*
 * A gap makes each name uncertain: an exec may be missing. After a loss at the kernel the
 * broker itself finds the names that changed, and sends them.
 */
static void process_names_add_loss(ProcessNames *names, const struct tb_event *event) {
        if (event->loss.source == TB_LOSS_SOURCE_READER || event->loss.source == TB_LOSS_SOURCE_FILTER)
                ++names->n_gaps;
}

/**
 * process_names_add_event() - keep what an event says about the name of its process
 * @names:      the names; zeroed, the table is empty
 * @event:      an event; every event has the name after it, and a fork has the name of the new process
 */
void process_names_add_event(ProcessNames *names, const struct tb_event *event) {
        bool process_ended = event->kind == TB_KIND_EXIT && event->exit.process_ended;
        const char *comm = event->comm[0] || !event->task_unknown ? event->comm : NULL;
        ProcessName *name = NULL;

        if (event->kind == TB_KIND_LOSS) {
                process_names_add_loss(names, event);
                return;
        }

        /* The name of a process is the name of its first thread. */
        if (event->pid == event->tid)
                name = process_names_set(names, event->pid, event->start_boot_ns, comm, event->comm_stale);
        else if (process_ended && event->exit.leader.known)
                name = process_names_set(names, event->pid, event->exit.leader.start_boot_ns,
                                         event->exit.leader.comm, false);
        if (!name)
                return;

        /* No further event comes about a task that left the filter. */
        name->comm_stale |= event->left_filter;
        if (process_ended || event->left_filter)
                process_names_end(names, name);
}

/**
 * process_names_find() - find the name of a process
 * @names:      the names
 * @id:         the process by its identity
 * @ret_stale:  output: it may be the name before an exec
 *
 * Return: The name; NULL: it is not known.
 */
const char *process_names_find(const ProcessNames *names, const struct tb_process_id *id, bool *ret_stale) {
        const ProcessName *name = id->known && id->pid ? process_names_get(names, id->pid, id->start_boot_ns) : NULL;

        *ret_stale = name && (names->partial || name->comm_stale || name->n_gaps != names->n_gaps);
        return name ? name->comm : NULL;
}

/* Forgets all names: a new snapshot follows. */
void process_names_clear(ProcessNames *names) {
        bool partial = names->partial;

        for (size_t i = 0; i < names->n_buckets; ++i)
                while (names->buckets[i]) {
                        ProcessName *name = names->buckets[i];

                        names->buckets[i] = name->next_same_hash;
                        free(name);
                }
        free(names->buckets);
        *names = (ProcessNames){ .partial = partial };
}

/* The process that event->ppid names: the maker, or else the parent that the broker found first. */
struct tb_process_id process_names_parent_of_event(const struct tb_event *event) {
        if (event->maker.known)
                return event->maker;

        return event->parent.pid == event->ppid ? event->parent : (struct tb_process_id){ 0 };
}
