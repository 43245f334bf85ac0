/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a process and all that descends from it used, added up from the events of
 * its subtree.
 *
 * Keeps sums, one per name of a command and one per process that lives, so that
 * the longest build takes no more memory than a short one. A process is in the
 * sums from its end on. Pure.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/program.h"
#include "clients/cli/run/usage.h"

/* PID_MAX_LIMIT of the kernel, and one. */
#define PID_LIMIT 4194305u

typedef struct UsageProcess UsageProcess;
typedef struct UsageSettling UsageSettling;
typedef struct UsageList UsageList;

struct UsageProcess {
        uint32_t pid;
        uint64_t n_reaped;              /* that ended below it, each waited for by its parent */
        UsageCpu reaped;                /* what these used */
};

/* What a walk over the processes carries along. */
struct UsageSettling {
        Usage *tally;
        bool (*exists)(uint32_t pid);
        uint32_t *gone;                 /* NULL: only count them */
        size_t n_gone;
};

struct UsageList {
        const UsageCommand **commands;
        size_t n;
};

static int process_compare(const void *a, const void *b) {
        const UsageProcess *one = a, *other = b;

        return (one->pid > other->pid) - (one->pid < other->pid);
}

static int command_compare(const void *a, const void *b) {
        const UsageCommand *one = a, *other = b;

        return strcmp(one->name, other->name);
}

static void command_free(void *command) {
        free(((UsageCommand *)command)->program);
        free(command);
}

static void cpu_add(UsageCpu *cpu, const UsageCpu *more) {
        cpu->measured_ns += more->measured_ns;
        cpu->sampled_ns += more->sampled_ns;
        cpu->user_us += more->user_us;
        cpu->system_us += more->system_us;
}

static bool usage_is_member(const Usage *tally, uint32_t pid) {
        return pid < PID_LIMIT && tally->members[pid / 8] & 1u << pid % 8;
}

static UsageProcess *usage_find(const Usage *tally, uint32_t pid) {
        UsageProcess key = { .pid = pid }, *const *found;

        found = tfind(&key, &tally->processes, process_compare);
        return found ? *found : NULL;
}

static int usage_born(Usage *tally, uint32_t pid) {
        UsageProcess *process;

        if (pid >= PID_LIMIT)
                return 0;

        process = calloc(1, sizeof(*process));
        if (!process)
                return -ENOMEM;
        process->pid = pid;
        if (!tsearch(process, &tally->processes, process_compare)) {
                free(process);
                return -ENOMEM;
        }

        tally->members[pid / 8] |= (uint8_t)(1u << pid % 8);
        tally->n_processes++;
        tally->n_live++;
        if (tally->n_live > tally->n_live_max)
                tally->n_live_max = tally->n_live;

        return 0;
}

static void usage_drop(Usage *tally, UsageProcess *process) {
        tdelete(process, &tally->processes, process_compare);
        free(process);
        tally->n_live--;
}

/**
 * usage_init() - begin
 * @tally:      output
 * @root:       the process whose tree it is; its own birth needs no event
 *
 * Return: 0, or -ENOMEM.
 */
int usage_init(Usage *tally, uint32_t root) {
        *tally = (Usage){ .root = root };
        tally->members = calloc(1, PID_LIMIT / 8 + 1);
        if (!tally->members)
                return -ENOMEM;

        return usage_born(tally, root);
}

void usage_deinit(Usage *tally) {
        if (tally->processes)
                tdestroy(tally->processes, free);
        if (tally->commands)
                tdestroy(tally->commands, command_free);
        free(tally->others.program);
        free(tally->members);
        *tally = (Usage){ 0 };
}

static int usage_fork(Usage *tally, const struct tb_event *event) {
        UsageProcess *process;

        if (event->tid != event->pid) {
                tally->n_threads++;
                return 0;
        }

        /* The root's own birth, which may be told after the subscription; it is counted. */
        if (event->pid == tally->root && !tally->root_ended)
                return 0;

        /* A number is used again only after its owner's end, which so was lost. */
        process = usage_find(tally, event->pid);
        if (process) {
                usage_drop(tally, process);
                tally->n_unseen++;
        }

        return usage_born(tally, event->pid);
}

/* The program of the dearest run so far is kept. */
static int command_take_program(UsageCommand *command, const struct tb_program *program, uint64_t cpu_ns) {
        struct tb_program *copy;

        if (!program || !program->n_cmdline || (command->program && cpu_ns <= command->dearest_ns))
                return 0;

        copy = program_copy(program);
        if (!copy)
                return -ENOMEM;

        free(command->program);
        command->program = copy;
        command->dearest_ns = cpu_ns;
        return 0;
}

static UsageCommand *usage_command(Usage *tally, const char name[static TB_COMM_SIZE]) {
        UsageCommand key = { 0 }, *command, *const *found;

        memcpy(key.name, name, sizeof(key.name));
        found = tfind(&key, &tally->commands, command_compare);
        if (found)
                return *found;
        if (tally->n_commands == USAGE_COMMANDS_MAX)
                return &tally->others;

        command = malloc(sizeof(*command));
        if (!command)
                return NULL;
        *command = key;
        if (!tsearch(command, &tally->commands, command_compare)) {
                free(command);
                return NULL;
        }

        tally->n_commands++;
        return command;
}

static void usage_delay(UsageDelay *sum, const struct tb_delay *delay) {
        if (!delay->known)
                return;

        sum->n_processes++;
        sum->count += delay->count;
        sum->total_ns += delay->total_ns;
}

static void usage_memory(Usage *tally, UsageCommand *command, const struct tb_event *event, uint64_t rss_kib) {
        if (rss_kib > command->peak_rss_kib)
                command->peak_rss_kib = rss_kib;
        if (rss_kib <= tally->peak_rss_kib)
                return;

        tally->peak_rss_kib = rss_kib;
        tally->peak_pid = event->pid;
        memcpy(tally->peak_name, event->comm, sizeof(tally->peak_name));
}

/* A group that is not there has zeroes in its fields; that it is not, n_groups says. */
static void usage_stats(Usage *tally,
                        UsageCommand *command,
                        const struct tb_event *event,
                        const struct tb_task_stats *stats) {
        tally->n_stats++;
        tally->n_tasks_missing += stats->tasks_missing;
        for (unsigned int group = 0; group < 32; ++group) {
                tally->n_groups[group] += stats->groups >> group & 1;
                tally->n_uncounted[group] += stats->uncounted_groups >> group & 1;
        }

        tally->minflt += stats->memory.ac_minflt;
        tally->majflt += stats->memory.ac_majflt;
        tally->nvcsw += stats->scheduling.nvcsw;
        tally->nivcsw += stats->scheduling.nivcsw;
        tally->read_char_bytes += stats->io.read_char_bytes;
        tally->write_char_bytes += stats->io.write_char_bytes;
        tally->read_syscalls += stats->io.read_syscalls;
        tally->write_syscalls += stats->io.write_syscalls;
        tally->read_bytes += stats->io.read_bytes;
        tally->write_bytes += stats->io.write_bytes;
        tally->cancelled_write_bytes += stats->io.cancelled_write_bytes;
#define USAGE_DELAY(name, ...) usage_delay(&tally->delays.name, &stats->delays.name);
        TASKSTATS_DELAYS(USAGE_DELAY)
#undef USAGE_DELAY

        command->n_io += stats->groups >> TB_STATS_IO & 1;
        command->read_bytes += stats->io.read_bytes;
        command->write_bytes += stats->io.write_bytes;
        usage_memory(tally, command, event, stats->memory.hiwater_rss_kib);
}

/*
 * Who has waited for a process that ended, and so has its processor time in the
 * sums that wait4(2) tells of the root in the end?
 *
 * Its parent, if that is in the tree: ac_ppid is the parent at the end, when
 * orphans have been given away. What it and those below it used is kept with the
 * parent until that ends itself: was the parent waited for in the tree, so were
 * they; was it not, they were not either. Numbers of processes that the tree had
 * before count as the tree's: the kernel tells the end of a process a little after
 * its parent can have waited for it, and may have told that parent's end first.
 * Such a process is in the sums, or is left out of the account, but never in it
 * twice.
 *
 * That the parent does wait for it is taken for granted: one that ignores SIGCHLD,
 * or ends without waiting, makes the account too small, and nobody can tell.
 */
static void usage_reaped(Usage *tally,
                         const UsageProcess *process,
                         const UsageCpu *own,
                         const struct tb_task_stats *stats) {
        UsageCpu cpu = process->reaped;
        UsageProcess *parent;

        cpu_add(&cpu, own);
        if (process->pid == tally->root || !stats || !(stats->groups & TB_STATS_BIT(TB_STATS_IDENTITY)))
                return;

        parent = usage_find(tally, stats->identity.ac_ppid);
        if (parent) {
                cpu_add(&parent->reaped, &cpu);
                parent->n_reaped += process->n_reaped + 1;
        } else if (!usage_is_member(tally, stats->identity.ac_ppid)) {
                cpu_add(&tally->orphans, &cpu);
                tally->n_orphans += process->n_reaped + 1;
        }
}

static int usage_process_ended(Usage *tally, const struct tb_event *event) {
        const struct tb_termination *termination = &event->exit.process_termination;
        const struct tb_task_stats *stats = event->exit.process_stats;
        bool failed = termination->known && (termination->exit_code || termination->term_signal);
        UsageProcess *process;
        UsageCommand *command;
        UsageCpu own = { 0 };
        int r;

        process = usage_find(tally, event->pid);
        if (!process) {
                /* Its birth was lost. */
                r = usage_born(tally, event->pid);
                if (r < 0)
                        return r;
                process = usage_find(tally, event->pid);
                if (!process)
                        return 0;
        }
        command = usage_command(tally, event->comm);
        if (!command)
                return -ENOMEM;

        tally->n_ended++;
        tally->n_failed += failed;
        tally->n_status_unknown += !termination->known;
        command->n_runs++;
        command->n_failed += failed;

        if (stats) {
                own = (UsageCpu){
                        .measured_ns = stats->cpu.cpu_run_virtual_total_ns,
                        .sampled_ns = stats->cpu.cpu_run_real_total_ns,
                        .user_us = stats->cpu.ac_utime_us,
                        .system_us = stats->cpu.ac_stime_us,
                };
                usage_stats(tally, command, event, stats);
        } else {
                tally->n_without_stats++;
        }
        cpu_add(&tally->cpu, &own);
        cpu_add(&command->cpu, &own);
        r = command_take_program(command, event->exit.program, own.measured_ns);

        usage_reaped(tally, process, &own, stats);
        if (event->pid == tally->root)
                tally->root_ended = true;
        usage_drop(tally, process);

        return r;
}

static void usage_loss(Usage *tally, const struct tb_event *event) {
        unsigned int source = event->loss.source <= TB_LOSS_SOURCE_READER ? (unsigned int)event->loss.source : 0;

        tally->n_lost[source] += event->loss.count;
        if (event->loss.at_least)
                tally->lost_at_least = true;
}

/**
 * usage_event() - take an event of the subtree
 * @tally:      the tally
 * @event:      a fork, an exit or a loss; others mean nothing to it
 *
 * Return: 0, or -ENOMEM: the event may be in the sums half.
 */
int usage_event(Usage *tally, const struct tb_event *event) {
        switch (event->kind) {
        case TB_KIND_FORK:
                return usage_fork(tally, event);
        case TB_KIND_EXIT:
                return event->exit.process_ended ? usage_process_ended(tally, event) : 0;
        case TB_KIND_LOSS:
                usage_loss(tally, event);
                return 0;
        default:
                return 0;
        }
}

static void usage_visit(const void *node, VISIT visit, void *closure) {
        const UsageProcess *process = *(UsageProcess *const *)node;
        UsageSettling *settling = closure;
        Usage *tally = settling->tally;

        if (visit != postorder && visit != leaf)
                return;

        if (!settling->exists(process->pid)) {
                if (settling->gone)
                        settling->gone[settling->n_gone] = process->pid;
                settling->n_gone++;
        } else if (settling->gone && process->pid != tally->root) {
                cpu_add(&tally->orphans, &process->reaped);
                tally->n_orphans += process->n_reaped;
        }
}

/* How many processes have gone, by @exists, and their end was not told yet. */
size_t usage_unreported(Usage *tally, bool (*exists)(uint32_t pid)) {
        UsageSettling settling = { .tally = tally, .exists = exists };

        twalk_r(tally->processes, usage_visit, &settling);
        return settling.n_gone;
}

/**
 * usage_settle() - close the account
 * @tally:      the tally, after the root was waited for and its last event taken
 * @exists:     whether there is a process of that number
 *
 * Processes that are left still run, or their end was lost. What ended below those
 * that run is not in what was waited for; where those went that were below a
 * process whose end was lost, nobody knows, and they are left out.
 *
 * Return: 0, or -ENOMEM.
 */
int usage_settle(Usage *tally, bool (*exists)(uint32_t pid)) {
        UsageSettling settling = { .tally = tally, .exists = exists };

        settling.gone = calloc(tally->n_live + 1, sizeof(*settling.gone));
        if (!settling.gone)
                return -ENOMEM;

        twalk_r(tally->processes, usage_visit, &settling);
        for (size_t i = 0; i < settling.n_gone; ++i)
                usage_drop(tally, usage_find(tally, settling.gone[i]));
        tally->n_unseen += settling.n_gone;
        free(settling.gone);

        return 0;
}

/* How many events and records were lost, of those that the broker counts. */
uint64_t usage_lost(const Usage *tally) {
        uint64_t n = 0;

        for (size_t i = 0; i <= TB_LOSS_SOURCE_READER; ++i)
                n += tally->n_lost[i];

        return n;
}

/* Whether the sums lack nothing of what has ended. */
bool usage_complete(const Usage *tally) {
        return usage_lost(tally) == 0 && !tally->lost_at_least && tally->n_unseen == 0 &&
               tally->n_without_stats == 0 && tally->n_tasks_missing == 0;
}

static void usage_list(const void *node, VISIT visit, void *closure) {
        UsageList *list = closure;

        if (visit == postorder || visit == leaf)
                list->commands[list->n++] = *(UsageCommand *const *)node;
}

static uint64_t command_price(const UsageCommand *command) {
        return command->cpu.measured_ns > command->cpu.sampled_ns ? command->cpu.measured_ns : command->cpu.sampled_ns;
}

static int command_compare_prices(const void *a, const void *b) {
        const UsageCommand *one = *(const UsageCommand *const *)a, *other = *(const UsageCommand *const *)b;
        uint64_t price = command_price(one), other_price = command_price(other);

        if (price != other_price)
                return price > other_price ? -1 : 1;
        if (one->n_runs != other->n_runs)
                return one->n_runs > other->n_runs ? -1 : 1;

        return strcmp(one->name, other->name);
}

/**
 * usage_top() - the commands, the most expensive first
 * @tally:              the tally
 * @ret_commands:       output: n_commands of them, to be freed with free(); they are the tally's
 *
 * By processor time, measured or sampled, whichever is more: what is measured
 * lacks the last timer tick of each process, which is all of a short one.
 *
 * Return: 0, or -ENOMEM.
 */
int usage_top(const Usage *tally, const UsageCommand ***ret_commands) {
        UsageList list = { 0 };

        list.commands = calloc(tally->n_commands + 1, sizeof(*list.commands));
        if (!list.commands)
                return -ENOMEM;

        twalk_r(tally->commands, usage_list, &list);
        qsort(list.commands, list.n, sizeof(*list.commands), command_compare_prices);

        *ret_commands = list.commands;
        return 0;
}
