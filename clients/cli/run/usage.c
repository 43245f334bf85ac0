/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The resources that a process and all its descendants used, added up from the events
 * of its subtree.
 *
 * Keeps one sum per name of a command and one per live process, so that a long build
 * takes no more memory than a short one. A process is in the sums after its exit. Pure.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/run/usage.h"

/* PID_MAX_LIMIT of the kernel, and one. */
#define PID_LIMIT 4194305u

typedef struct UsageProcess UsageProcess;
typedef struct UsageSettling UsageSettling;

struct UsageProcess {
        uint32_t pid;
        bool is_root;
        uint64_t start_boot_ns;         /* with pid its identity; 0: not known */
        uint64_t n_reaped;              /* descendants that ended, each waited for by its parent */
        UsageCpu reaped;                /* their use */
};

/* The data of a walk over the processes. */
struct UsageSettling {
        Usage *usage;
        bool (*exists)(uint32_t pid, uint64_t start_boot_ns);
        uint32_t *gone;                 /* NULL: only count them */
        size_t n_gone;
};

static int process_compare(const void *a, const void *b) {
        const UsageProcess *one = a, *other = b;

        return (one->pid > other->pid) - (one->pid < other->pid);
}

static bool usage_is_member(const Usage *usage, uint32_t pid) {
        return pid < PID_LIMIT && usage->members[pid / 8] & 1u << pid % 8;
}

static UsageProcess *usage_find(const Usage *usage, uint32_t pid) {
        UsageProcess key = { .pid = pid }, *const *found;

        found = tfind(&key, &usage->processes, process_compare);
        return found ? *found : NULL;
}

/* Whether a process is the one with a start, as far as both starts are known. */
static bool process_has_start(const UsageProcess *process, uint64_t start_boot_ns) {
        return process->start_boot_ns == 0 || start_boot_ns == 0 || process->start_boot_ns == start_boot_ns;
}

static int usage_born(Usage *usage, uint32_t pid, uint64_t start_boot_ns) {
        UsageProcess *process;

        if (pid >= PID_LIMIT)
                return 0;

        process = calloc(1, sizeof(*process));
        if (!process)
                return -ENOMEM;
        process->pid = pid;
        process->start_boot_ns = start_boot_ns;
        if (!tsearch(process, &usage->processes, process_compare)) {
                free(process);
                return -ENOMEM;
        }

        usage->members[pid / 8] |= (uint8_t)(1u << pid % 8);
        ++usage->n_processes;
        ++usage->n_live;
        if (usage->n_live > usage->n_live_max)
                usage->n_live_max = usage->n_live;

        return 0;
}

static void usage_drop(Usage *usage, UsageProcess *process) {
        tdelete(process, &usage->processes, process_compare);
        free(process);
        --usage->n_live;
}

/**
 * usage_init() - begin
 * @usage:      output
 * @root:       the process at the root of the tree; its own fork needs no event
 *
 * Return: 0, or -ENOMEM.
 */
int usage_init(Usage *usage, uint32_t root) {
        UsageProcess *process;
        int r;

        *usage = (Usage){ .root = root };
        usage->members = calloc(1, PID_LIMIT / 8 + 1);
        if (!usage->members)
                return -ENOMEM;

        r = usage_born(usage, root, 0);
        process = r < 0 ? NULL : usage_find(usage, root);
        if (process)
                process->is_root = true;
        return r;
}

void usage_deinit(Usage *usage) {
        if (usage->processes)
                tdestroy(usage->processes, free);
        usage_commands_deinit(&usage->commands);
        free(usage->members);
        *usage = (Usage){ 0 };
}

/* A number is used again only after an exit: that event was lost. */
static void usage_drop_unseen(Usage *usage, UsageProcess *process) {
        usage->root_ended |= process->is_root;
        usage_drop(usage, process);
        ++usage->n_unseen;
}

static int usage_fork(Usage *usage, const struct tb_event *event) {
        UsageProcess *process;

        if (event->tid != event->pid) {
                ++usage->n_threads;
                return 0;
        }

        /* The fork of the root may come after the subscription. The root is counted already. */
        process = usage_find(usage, event->pid);
        if (process && process->is_root && process_has_start(process, event->start_boot_ns)) {
                process->start_boot_ns = event->start_boot_ns;
                return 0;
        }
        if (process)
                usage_drop_unseen(usage, process);

        return usage_born(usage, event->pid, event->start_boot_ns);
}

static void usage_delay(UsageDelay *sum, const struct tb_delay *delay) {
        if (!delay->known)
                return;

        ++sum->n_processes;
        sum->count += delay->count;
        sum->total_ns += delay->total_ns;
}

/* The start of the process: its leader's. 0 if it is not known. */
static uint64_t usage_start(const struct tb_event *event) {
        return event->tid == event->pid ? event->start_boot_ns : event->exit.leader.start_boot_ns;
}

/* The name of the process: its leader's. Empty if it ended with another thread and its leader is not known. */
static const char *usage_name(const struct tb_event *event) {
        return event->tid == event->pid ? event->comm : event->exit.leader.comm;
}

static void usage_memory(Usage *usage, UsageCommand *command, const struct tb_event *event, uint64_t rss_kib) {
        if (rss_kib > command->peak_rss_kib)
                command->peak_rss_kib = rss_kib;
        if (rss_kib <= usage->peak_rss_kib)
                return;

        usage->peak_rss_kib = rss_kib;
        usage->peak_pid = event->pid;
        memcpy(usage->peak_name, usage_name(event), sizeof(usage->peak_name));
}

/* The fields of a missing group are zeroes; n_groups counts how many processes have it. */
static void usage_stats(Usage *usage,
                        UsageCommand *command,
                        const struct tb_event *event,
                        const struct tb_task_stats *stats) {
        ++usage->n_stats;
        usage->n_tasks_missing += stats->tasks_missing;
        for (unsigned int group = 0; group < 32; ++group) {
                usage->n_groups[group] += stats->groups >> group & 1;
                usage->n_uncounted[group] += stats->uncounted_groups >> group & 1;
        }

        usage->minflt += stats->memory.ac_minflt;
        usage->majflt += stats->memory.ac_majflt;
        usage->nvcsw += stats->scheduling.nvcsw;
        usage->nivcsw += stats->scheduling.nivcsw;
        usage->read_char_bytes += stats->io.read_char_bytes;
        usage->write_char_bytes += stats->io.write_char_bytes;
        usage->read_syscalls += stats->io.read_syscalls;
        usage->write_syscalls += stats->io.write_syscalls;
        usage->read_bytes += stats->io.read_bytes;
        usage->write_bytes += stats->io.write_bytes;
        usage->cancelled_write_bytes += stats->io.cancelled_write_bytes;
#define USAGE_DELAY(name, ...) usage_delay(&usage->delays.name, &stats->delays.name);
        TASKSTATS_DELAYS(USAGE_DELAY)
#undef USAGE_DELAY

        command->n_cpu += stats->groups >> TB_STATS_CPU & 1;
        command->n_io += stats->groups >> TB_STATS_IO & 1;
        command->read_bytes += stats->io.read_bytes;
        command->write_bytes += stats->io.write_bytes;
        usage_memory(usage, command, event, stats->memory.hiwater_rss_kib);
}

/*
 * Finds the process that waited for a process that ended. The time of a process that
 * was waited for in the tree is in the result of wait4(2) for the root.
 *
 * The parent waited for it, if it is in the tree: ac_ppid is the parent at the exit,
 * after orphans were given to another parent. The parent keeps the time of the process
 * and its descendants until it ends itself. If the parent was waited for in the tree,
 * so were they; if it was not, they were not either.
 *
 * A pid that was ever a process of the tree counts as one: the kernel reports an exit a
 * little after the parent can have waited, and may report the exit of the parent first.
 * The time of such a process is counted once or not at all, but never twice.
 *
 * We assume that the parent waits. A parent that ignores SIGCHLD, or ends without
 * waiting, makes the total too small, and this cannot be noticed.
 */
static void usage_reaped(Usage *usage,
                         const UsageProcess *process,
                         const UsageCpu *own,
                         const struct tb_process_id *present,
                         const struct tb_task_stats *stats) {
        UsageCpu cpu = process->reaped;
        UsageProcess *parent;

        usage_cpu_add(&cpu, own);
        if (process->is_root || !stats || !(stats->groups & TB_STATS_BIT(TB_STATS_IDENTITY)))
                return;

        parent = usage_find(usage, stats->identity.ac_ppid);
        if (parent && present->pid == parent->pid && !process_has_start(parent, present->start_boot_ns))
                parent = NULL;
        if (parent) {
                usage_cpu_add(&parent->reaped, &cpu);
                parent->n_reaped += process->n_reaped + 1;
        } else if (!usage_is_member(usage, stats->identity.ac_ppid)) {
                usage_cpu_add(&usage->orphans, &cpu);
                usage->n_orphans += process->n_reaped + 1;
        }
}

static int usage_process_ended(Usage *usage, const struct tb_event *event) {
        const struct tb_termination *termination = &event->exit.process_termination;
        const struct tb_task_stats *stats = event->exit.process_stats;
        bool failed = termination->known && (termination->exit_code || termination->term_signal);
        UsageProcess *process;
        UsageCommand *command;
        UsageCpu own = { 0 };
        int r;

        process = usage_find(usage, event->pid);
        if (process && !process_has_start(process, usage_start(event))) {
                usage_drop_unseen(usage, process);
                process = NULL;
        }
        if (!process) {
                /* Its fork was lost. */
                r = usage_born(usage, event->pid, usage_start(event));
                if (r < 0)
                        return r;
                process = usage_find(usage, event->pid);
                if (!process)
                        return 0;
        }
        command = usage_commands_find(&usage->commands, usage_name(event));
        if (!command)
                return -ENOMEM;

        ++usage->n_ended;
        usage->n_failed += failed;
        usage->n_status_unknown += !termination->known;
        ++command->n_runs;
        command->n_failed += failed;
        command->n_status_unknown += !termination->known;

        if (stats) {
                own = (UsageCpu){
                        .measured_ns = stats->cpu.cpu_run_virtual_total_ns,
                        .sampled_ns = stats->cpu.cpu_run_real_total_ns,
                        .user_us = stats->cpu.ac_utime_us,
                        .system_us = stats->cpu.ac_stime_us,
                };
                usage_stats(usage, command, event, stats);
        } else {
                ++usage->n_without_stats;
        }
        usage_cpu_add(&usage->cpu, &own);
        usage_cpu_add(&command->cpu, &own);
        r = usage_command_take_program(command, event->exit.program, own.measured_ns);

        usage_reaped(usage, process, &own, &event->parent, stats);
        usage->root_ended |= process->is_root;
        usage_drop(usage, process);

        return r;
}

static void usage_loss(Usage *usage, const struct tb_event *event) {
        unsigned int source = event->loss.source <= TB_LOSS_SOURCE_FILTER ? (unsigned int)event->loss.source : 0;

        usage->n_lost[source] += event->loss.count;
        if (event->loss.at_least)
                usage->lost_at_least = true;
}

/**
 * usage_event() - take an event of the subtree
 * @usage:      the usage
 * @event:      a fork, an exit or a loss; others are ignored
 *
 * Return: 0, or -ENOMEM: only a part of the event may be in the sums.
 */
int usage_event(Usage *usage, const struct tb_event *event) {
        switch (event->kind) {
        case TB_KIND_FORK:
                return usage_fork(usage, event);
        case TB_KIND_EXIT:
                return event->exit.process_ended ? usage_process_ended(usage, event) : 0;
        case TB_KIND_LOSS:
                usage_loss(usage, event);
                return 0;
        default:
                return 0;
        }
}

static void usage_visit(const void *node, VISIT visit, void *closure) {
        const UsageProcess *process = *(UsageProcess *const *)node;
        UsageSettling *settling = closure;
        Usage *usage = settling->usage;

        if (visit != postorder && visit != leaf)
                return;

        if (!settling->exists(process->pid, process->start_boot_ns)) {
                if (settling->gone)
                        settling->gone[settling->n_gone] = process->pid;
                ++settling->n_gone;
        } else if (settling->gone && !process->is_root) {
                usage_cpu_add(&usage->orphans, &process->reaped);
                usage->n_orphans += process->n_reaped;
        }
}

/* The number of processes that have gone, by @exists, and whose exit was not reported yet. */
size_t usage_unreported(Usage *usage, bool (*exists)(uint32_t pid, uint64_t start_boot_ns)) {
        UsageSettling settling = { .usage = usage, .exists = exists };

        twalk_r(usage->processes, usage_visit, &settling);
        return settling.n_gone;
}

/**
 * usage_settle() - complete the sums
 * @usage:      the usage, after the root was waited for and its last event taken
 * @exists:     whether the process with that pid and that start exists; a start of 0 is not known
 *
 * Processes that are left still run, or their exit was lost. The root has not waited for
 * tasks that ended below running processes: they are added to the orphans. Tasks that
 * ended below a process whose exit was lost are left out: the root may have waited for
 * them.
 *
 * Return: 0, or -ENOMEM.
 */
int usage_settle(Usage *usage, bool (*exists)(uint32_t pid, uint64_t start_boot_ns)) {
        UsageSettling settling = { .usage = usage, .exists = exists };

        settling.gone = calloc(usage->n_live + 1, sizeof(*settling.gone));
        if (!settling.gone)
                return -ENOMEM;

        twalk_r(usage->processes, usage_visit, &settling);
        for (size_t i = 0; i < settling.n_gone; ++i)
                usage_drop(usage, usage_find(usage, settling.gone[i]));
        usage->n_unseen += settling.n_gone;
        free(settling.gone);

        return 0;
}

/* The number of lost events and records that the broker counts. */
uint64_t usage_lost(const Usage *usage) {
        uint64_t n = 0;

        for (size_t i = 0; i <= TB_LOSS_SOURCE_FILTER; ++i)
                n += usage->n_lost[i];

        return n;
}

/* Whether the sums have everything that has ended. */
bool usage_complete(const Usage *usage) {
        return usage_lost(usage) == 0 && !usage->lost_at_least && usage->n_unseen == 0 &&
               usage->n_without_stats == 0 && usage->n_tasks_missing == 0;
}
