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

#include "clients/program.h"
#include "clients/tally.h"

/* PID_MAX_LIMIT of the kernel, and one. */
#define PID_LIMIT 4194305u

typedef struct TallyProcess TallyProcess;
typedef struct TallySettling TallySettling;
typedef struct TallyList TallyList;

struct TallyProcess {
        uint32_t pid;
        uint64_t n_reaped;              /* that ended below it, each waited for by its parent */
        TallyCpu reaped;                /* what these used */
};

/* What a walk over the processes carries along. */
struct TallySettling {
        Tally *tally;
        bool (*exists)(uint32_t pid);
        uint32_t *gone;                 /* NULL: only count them */
        size_t n_gone;
};

struct TallyList {
        const TallyCommand **commands;
        size_t n;
};

static int process_compare(const void *a, const void *b) {
        const TallyProcess *one = a, *other = b;

        return (one->pid > other->pid) - (one->pid < other->pid);
}

static int command_compare(const void *a, const void *b) {
        const TallyCommand *one = a, *other = b;

        return strcmp(one->name, other->name);
}

static void command_free(void *command) {
        free(((TallyCommand *)command)->program);
        free(command);
}

static void cpu_add(TallyCpu *cpu, const TallyCpu *more) {
        cpu->measured_ns += more->measured_ns;
        cpu->sampled_ns += more->sampled_ns;
        cpu->user_us += more->user_us;
        cpu->system_us += more->system_us;
}

static bool tally_is_member(const Tally *tally, uint32_t pid) {
        return pid < PID_LIMIT && tally->members[pid / 8] & 1u << pid % 8;
}

static TallyProcess *tally_find(const Tally *tally, uint32_t pid) {
        TallyProcess key = { .pid = pid }, *const *found;

        found = tfind(&key, &tally->processes, process_compare);
        return found ? *found : NULL;
}

static int tally_born(Tally *tally, uint32_t pid) {
        TallyProcess *process;

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

static void tally_drop(Tally *tally, TallyProcess *process) {
        tdelete(process, &tally->processes, process_compare);
        free(process);
        tally->n_live--;
}

/**
 * tally_init() - begin
 * @tally:      output
 * @root:       the process whose tree it is; its own birth needs no event
 *
 * Return: 0, or -ENOMEM.
 */
int tally_init(Tally *tally, uint32_t root) {
        *tally = (Tally){ .root = root };
        tally->members = calloc(1, PID_LIMIT / 8 + 1);
        if (!tally->members)
                return -ENOMEM;

        return tally_born(tally, root);
}

void tally_deinit(Tally *tally) {
        if (tally->processes)
                tdestroy(tally->processes, free);
        if (tally->commands)
                tdestroy(tally->commands, command_free);
        free(tally->others.program);
        free(tally->members);
        *tally = (Tally){ 0 };
}

static int tally_fork(Tally *tally, const struct tb_event *event) {
        TallyProcess *process;

        if (event->tid != event->pid) {
                tally->n_threads++;
                return 0;
        }

        /* The root's own birth, which may be told after the subscription; it is counted. */
        if (event->pid == tally->root && !tally->root_ended)
                return 0;

        /* A number is used again only after its owner's end, which so was lost. */
        process = tally_find(tally, event->pid);
        if (process) {
                tally_drop(tally, process);
                tally->n_unseen++;
        }

        return tally_born(tally, event->pid);
}

/* The program of the dearest run so far is kept. */
static int command_take_program(TallyCommand *command, const struct tb_program *program, uint64_t cpu_ns) {
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

static TallyCommand *tally_command(Tally *tally, const char name[static TB_COMM_SIZE]) {
        TallyCommand key = { 0 }, *command, *const *found;

        memcpy(key.name, name, sizeof(key.name));
        found = tfind(&key, &tally->commands, command_compare);
        if (found)
                return *found;
        if (tally->n_commands == TALLY_COMMANDS_MAX)
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

static void tally_delay(TallyDelay *sum, const struct tb_delay *delay) {
        if (!delay->known)
                return;

        sum->n_processes++;
        sum->count += delay->count;
        sum->total_ns += delay->total_ns;
}

static void tally_memory(Tally *tally, TallyCommand *command, const struct tb_event *event, uint64_t rss_kib) {
        if (rss_kib > command->peak_rss_kib)
                command->peak_rss_kib = rss_kib;
        if (rss_kib <= tally->peak_rss_kib)
                return;

        tally->peak_rss_kib = rss_kib;
        tally->peak_pid = event->pid;
        memcpy(tally->peak_name, event->comm, sizeof(tally->peak_name));
}

/* A group that is not there has zeroes in its fields; that it is not, n_groups says. */
static void tally_stats(Tally *tally,
                        TallyCommand *command,
                        const struct tb_event *event,
                        const struct tb_task_stats *stats) {
        tally->n_stats++;
        tally->n_tasks_missing += stats->tasks_missing;
        for (unsigned int group = 0; group < 32; group++) {
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
#define TALLY_DELAY(name, ...) tally_delay(&tally->delays.name, &stats->delays.name);
        TASKSTATS_DELAYS(TALLY_DELAY)
#undef TALLY_DELAY

        command->n_io += stats->groups >> TB_STATS_IO & 1;
        command->read_bytes += stats->io.read_bytes;
        command->write_bytes += stats->io.write_bytes;
        tally_memory(tally, command, event, stats->memory.hiwater_rss_kib);
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
static void tally_reaped(Tally *tally,
                         const TallyProcess *process,
                         const TallyCpu *own,
                         const struct tb_task_stats *stats) {
        TallyCpu cpu = process->reaped;
        TallyProcess *parent;

        cpu_add(&cpu, own);
        if (process->pid == tally->root || !stats || !(stats->groups & TB_STATS_BIT(TB_STATS_IDENTITY)))
                return;

        parent = tally_find(tally, stats->identity.ac_ppid);
        if (parent) {
                cpu_add(&parent->reaped, &cpu);
                parent->n_reaped += process->n_reaped + 1;
        } else if (!tally_is_member(tally, stats->identity.ac_ppid)) {
                cpu_add(&tally->orphans, &cpu);
                tally->n_orphans += process->n_reaped + 1;
        }
}

static int tally_process_ended(Tally *tally, const struct tb_event *event) {
        const struct tb_termination *termination = &event->exit.process_termination;
        const struct tb_task_stats *stats = event->exit.process_stats;
        bool failed = termination->known && (termination->exit_code || termination->term_signal);
        TallyProcess *process;
        TallyCommand *command;
        TallyCpu own = { 0 };
        int r;

        process = tally_find(tally, event->pid);
        if (!process) {
                /* Its birth was lost. */
                r = tally_born(tally, event->pid);
                if (r < 0)
                        return r;
                process = tally_find(tally, event->pid);
                if (!process)
                        return 0;
        }
        command = tally_command(tally, event->comm);
        if (!command)
                return -ENOMEM;

        tally->n_ended++;
        tally->n_failed += failed;
        tally->n_status_unknown += !termination->known;
        command->n_runs++;
        command->n_failed += failed;

        if (stats) {
                own = (TallyCpu){
                        .measured_ns = stats->cpu.cpu_run_virtual_total_ns,
                        .sampled_ns = stats->cpu.cpu_run_real_total_ns,
                        .user_us = stats->cpu.ac_utime_us,
                        .system_us = stats->cpu.ac_stime_us,
                };
                tally_stats(tally, command, event, stats);
        } else {
                tally->n_without_stats++;
        }
        cpu_add(&tally->cpu, &own);
        cpu_add(&command->cpu, &own);
        r = command_take_program(command, event->exit.program, own.measured_ns);

        tally_reaped(tally, process, &own, stats);
        if (event->pid == tally->root)
                tally->root_ended = true;
        tally_drop(tally, process);

        return r;
}

static void tally_loss(Tally *tally, const struct tb_event *event) {
        unsigned int source = event->loss.source <= TB_LOSS_SOURCE_READER ? (unsigned int)event->loss.source : 0;

        tally->n_lost[source] += event->loss.count;
        if (event->loss.at_least)
                tally->lost_at_least = true;
}

/**
 * tally_event() - take an event of the subtree
 * @tally:      the tally
 * @event:      a fork, an exit or a loss; others mean nothing to it
 *
 * Return: 0, or -ENOMEM: the event may be in the sums half.
 */
int tally_event(Tally *tally, const struct tb_event *event) {
        switch (event->kind) {
        case TB_KIND_FORK:
                return tally_fork(tally, event);
        case TB_KIND_EXIT:
                return event->exit.process_ended ? tally_process_ended(tally, event) : 0;
        case TB_KIND_LOSS:
                tally_loss(tally, event);
                return 0;
        default:
                return 0;
        }
}

static void tally_visit(const void *node, VISIT visit, void *closure) {
        const TallyProcess *process = *(TallyProcess *const *)node;
        TallySettling *settling = closure;
        Tally *tally = settling->tally;

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
size_t tally_untold(Tally *tally, bool (*exists)(uint32_t pid)) {
        TallySettling settling = { .tally = tally, .exists = exists };

        twalk_r(tally->processes, tally_visit, &settling);
        return settling.n_gone;
}

/**
 * tally_settle() - close the account
 * @tally:      the tally, after the root was waited for and its last event taken
 * @exists:     whether there is a process of that number
 *
 * Processes that are left still run, or their end was lost. What ended below those
 * that run is not in what was waited for; where those went that were below a
 * process whose end was lost, nobody knows, and they are left out.
 *
 * Return: 0, or -ENOMEM.
 */
int tally_settle(Tally *tally, bool (*exists)(uint32_t pid)) {
        TallySettling settling = { .tally = tally, .exists = exists };

        settling.gone = calloc(tally->n_live + 1, sizeof(*settling.gone));
        if (!settling.gone)
                return -ENOMEM;

        twalk_r(tally->processes, tally_visit, &settling);
        for (size_t i = 0; i < settling.n_gone; i++)
                tally_drop(tally, tally_find(tally, settling.gone[i]));
        tally->n_unseen += settling.n_gone;
        free(settling.gone);

        return 0;
}

/* How many events and records were lost, of those that the broker counts. */
uint64_t tally_lost(const Tally *tally) {
        uint64_t n = 0;

        for (size_t i = 0; i <= TB_LOSS_SOURCE_READER; i++)
                n += tally->n_lost[i];

        return n;
}

/* Whether the sums lack nothing of what has ended. */
bool tally_complete(const Tally *tally) {
        return tally_lost(tally) == 0 && !tally->lost_at_least && tally->n_unseen == 0 &&
               tally->n_without_stats == 0 && tally->n_tasks_missing == 0;
}

static void tally_list(const void *node, VISIT visit, void *closure) {
        TallyList *list = closure;

        if (visit == postorder || visit == leaf)
                list->commands[list->n++] = *(TallyCommand *const *)node;
}

static uint64_t command_price(const TallyCommand *command) {
        return command->cpu.measured_ns > command->cpu.sampled_ns ? command->cpu.measured_ns : command->cpu.sampled_ns;
}

static int command_compare_prices(const void *a, const void *b) {
        const TallyCommand *one = *(const TallyCommand *const *)a, *other = *(const TallyCommand *const *)b;
        uint64_t price = command_price(one), other_price = command_price(other);

        if (price != other_price)
                return price > other_price ? -1 : 1;
        if (one->n_runs != other->n_runs)
                return one->n_runs > other->n_runs ? -1 : 1;

        return strcmp(one->name, other->name);
}

/**
 * tally_top() - the commands, the most expensive first
 * @tally:              the tally
 * @ret_commands:       output: n_commands of them, to be freed with free(); they are the tally's
 *
 * By processor time, measured or sampled, whichever is more: what is measured
 * lacks the last timer tick of each process, which is all of a short one.
 *
 * Return: 0, or -ENOMEM.
 */
int tally_top(const Tally *tally, const TallyCommand ***ret_commands) {
        TallyList list = { 0 };

        list.commands = calloc(tally->n_commands + 1, sizeof(*list.commands));
        if (!list.commands)
                return -ENOMEM;

        twalk_r(tally->commands, tally_list, &list);
        qsort(list.commands, list.n, sizeof(*list.commands), command_compare_prices);

        *ret_commands = list.commands;
        return 0;
}
