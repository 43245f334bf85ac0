/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A machine of few tasks for the fuzzed join, beside the messages that no machine sends.
 * A user's processes fork, also with CLONE_PARENT, make threads, and execute programs of
 * the user and set-id programs, by leaders and by other threads. They also silence the
 * connector: then events are missing without a gap in the sequence numbers, and an
 * acknowledgement comes when it is restored. Records always come.
 *
 * The read bytes of a record are the truth: whether the task has privileges. /proc is empty,
 * but while the table is compared with it: then it has the tasks of the machine. The user never
 * gets the exit of a process with privileges, unless it is a child with CLONE_PARENT whose named parent has the same
 * program: nothing shows the difference (SECURITY.md). The user gets all other exits, unless a loss was
 * reported, an exec may be hidden, or the kernel did not name the maker. If /proc has shown a process,
 * the use of its threads that had privileges before belongs to the user.
 *
 * Include it behind #undef NDEBUG.
 */

#include "broker/tasks/join.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_kernel.h"
#include "tests/unit/made_proc.h"

enum {
        MACHINE_FIRST = 101,
        MACHINE_TASKS = 20,
        MACHINE_USER = 1000,
        MACHINE_THIRD = 1001,
};

/* Read bytes of a record. Sums of several tasks still show each. */
#define MACHINE_OWN UINT64_C(1024)
#define MACHINE_CERTAIN (UINT64_C(1) << 20)
#define MACHINE_PRIVILEGED (UINT64_C(1) << 40)

#define MACHINE_AT_GID 124
#define MACHINE_AT_READ_CHAR 216
#define MACHINE_AT_EXE_DEV 384
#define MACHINE_AT_EXE_INODE 392

typedef enum MachineProgram {
        PROGRAM_OWN,
        PROGRAM_SETUID_ROOT,
        PROGRAM_SETUID_THIRD,
        PROGRAM_SETGID,
        _PROGRAM_N,
} MachineProgram;

typedef struct MachineTask MachineTask;
typedef struct Machine Machine;

struct MachineTask {
        bool live;
        uint32_t pid, parent;
        uint64_t start_ns;
        uint32_t ruid, euid, rgid, egid;
        uint8_t program, n_execs;
        bool forked;            /* it called no exec since its fork */
        bool used_privilege;    /* the kernel's mark, which a fork takes away */
        bool privileged;        /* the truth */
        bool disguised;         /* privileged, and nothing shows it: the kernel named a parent with the same program */
        bool shown;             /* a process: /proc has shown it since it had privileges */
        bool certain;           /* nothing in its past gives a reason to withhold its exit from the user */
};

struct Machine {
        int connector, listener;
        uint32_t *seqs;
        uint64_t *now;
        MachineTask tasks[MACHINE_TASKS];
        StatsSource executables;
        uint32_t asked;         /* the task of the last query for an executable */
        bool silent;
        bool acknowledged;      /* somebody else's request was */
        bool mixed;             /* a task had privileges: a fork need not say which of two tasks was the maker */
        bool lost;              /* a loss was reported */
        bool withheld;          /* an exit of a process that is certainly the user's */
};

static inline MachineTask *machine_task(Machine *machine, uint32_t tid) {
        bool there = tid >= MACHINE_FIRST && tid < MACHINE_FIRST + MACHINE_TASKS;

        return there ? &machine->tasks[tid - MACHINE_FIRST] : NULL;
}

static inline uint32_t machine_number(const Machine *machine, const MachineTask *task) {
        return MACHINE_FIRST + (uint32_t)(task - machine->tasks);
}

static inline void machine_say(Machine *machine, uint32_t what, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
        uint8_t bytes[PROC_BYTES];

        *machine->now += NSEC_PER_MSEC;
        if (machine->silent)
                return;
        proc_bytes(bytes, machine->seqs[0]++, what, 0, *machine->now);
        proc_union(bytes, a, b, c, d, 0, 0);
        packet_send(machine->connector, bytes, sizeof(bytes));
}

/* The acknowledgement of somebody else's message. */
static inline void machine_acknowledge(Machine *machine, uint32_t number) {
        uint8_t bytes[PROC_BYTES];

        machine->acknowledged = true;
        proc_bytes(bytes, machine->seqs[0]++, WHAT_NONE, 0, *machine->now);
        put_u32(bytes, PROC_AT_ACK, 0x80000000u | number);
        packet_send(machine->connector, bytes, sizeof(bytes));
}

static const char *const machine_names[_PROGRAM_N] = { "own", "setuid", "setuid3", "setgid" };

static inline void machine_record(Machine *machine, const MachineTask *task, bool last, bool with_process) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES] = {};
        uint32_t tid = machine_number(machine, task);

        put_u16(stats, 0, 16);
        put_u8(stats, STATS_AT_FLAG, (last ? 0x20 : 0) | (task->forked ? 1 : 0) | (task->used_privilege ? 2 : 0));
        snprintf((char *)stats + STATS_AT_COMM, 16, "%s", machine_names[task->program]);
        put_u32(stats, STATS_AT_UID, task->ruid);
        put_u32(stats, MACHINE_AT_GID, task->rgid);
        put_u32(stats, STATS_AT_PID, tid);
        put_u32(stats, STATS_AT_PPID, task->parent);
        put_u32(stats, STATS_AT_TGID, task->pid);
        put_u64(stats, STATS_AT_ETIME, (*machine->now - task->start_ns) / 1000);
        put_u64(stats, MACHINE_AT_READ_CHAR, task->privileged && !task->disguised ? MACHINE_PRIVILEGED
                                                                     : task->certain  ? MACHINE_CERTAIN
                                                                                      : MACHINE_OWN);
        put_u64(stats, MACHINE_AT_EXE_DEV, 1);
        put_u64(stats, MACHINE_AT_EXE_INODE, 10u + task->program);
        exit_message_aggregate(&message, ATTR_AGGR_PID, tid, stats, STATS_BYTES_V16, false);
        if (with_process)
                exit_message_aggregate(&message, ATTR_AGGR_TGID, task->pid, stats, STATS_BYTES_V16, false);
        packet_send(machine->listener, message.data, message.n);
}

/*
 * The events of the machine.
 */

static inline MachineTask *machine_find(Machine *machine, uint8_t number, bool live) {
        for (size_t i = 0; i < MACHINE_TASKS; ++i) {
                MachineTask *task = &machine->tasks[(number + i) % MACHINE_TASKS];

                if (task->live == live)
                        return task;
        }
        return NULL;
}

static inline size_t machine_n_threads(const Machine *machine, uint32_t pid) {
        size_t n = 0;

        for (size_t i = 0; i < MACHINE_TASKS; ++i)
                n += machine->tasks[i].live && machine->tasks[i].pid == pid;
        return n;
}

/* A number is free if it is no process' either: a leader that ended first keeps its number. */
static inline MachineTask *machine_new(Machine *machine, uint8_t number) {
        for (size_t i = 0; i < MACHINE_TASKS; ++i) {
                MachineTask *task = &machine->tasks[(number + i) % MACHINE_TASKS];

                if (!task->live && machine_n_threads(machine, machine_number(machine, task)) == 0)
                        return task;
        }
        return NULL;
}

static inline bool machine_runs(Machine *machine, uint32_t pid, uint8_t program) {
        const MachineTask *task = machine_task(machine, pid);

        return task && task->live && task->program == program;
}

static inline void machine_fork(Machine *machine, const MachineTask *maker, uint8_t number, bool thread, bool sibling) {
        MachineTask *task = machine_new(machine, number);
        uint32_t tid, parent;

        if (!task)
                return;
        tid = machine_number(machine, task);
        parent = thread || sibling ? maker->parent : maker->pid;
        *task = *maker;
        task->parent = parent;
        task->forked = true;
        task->used_privilege = task->shown = false;
        if (sibling)
                task->disguised = maker->privileged && machine_runs(machine, parent, maker->program);
        if (!thread) {
                task->pid = tid;
                task->certain = maker->certain && !sibling;
        }
        machine_say(machine, WHAT_FORK, parent, parent, tid, task->pid);
        task->start_ns = *machine->now;
}

static inline void machine_exit(Machine *machine, MachineTask *task, bool with_process) {
        uint32_t tid = machine_number(machine, task);
        bool last = machine_n_threads(machine, task->pid) == 1;

        machine_record(machine, task, last, last && with_process);
        machine_say(machine, WHAT_EXIT, tid, task->pid, 0, tid == task->pid ? 17 : 0xffffffff);
        task->live = false;
}

/* The other threads end, and the caller gets the number of its process. */
static inline MachineTask *machine_exec_begin(Machine *machine, MachineTask *caller) {
        MachineTask *leader = machine_task(machine, caller->pid);
        uint64_t start_ns = leader->start_ns;
        bool shown = leader->shown;

        for (size_t i = 0; i < MACHINE_TASKS; ++i) {
                MachineTask *task = &machine->tasks[i];

                if (task->live && task != caller && task->pid == caller->pid)
                        machine_exit(machine, task, false);
        }
        if (caller == leader)
                return leader;
        *leader = *caller;
        leader->start_ns = start_ns;
        leader->shown = shown;
        caller->live = false;
        return leader;
}

static inline void machine_change_ids(Machine *machine, MachineTask *task, uint32_t euid, uint32_t egid) {
        uint32_t tid = machine_number(machine, task);

        if (egid != task->egid)
                machine_say(machine, WHAT_GID, tid, task->pid, task->rgid, egid);
        if (euid != task->euid)
                machine_say(machine, WHAT_UID, tid, task->pid, task->ruid, euid);
        task->euid = euid;
        task->egid = egid;
}

static inline void machine_exec(Machine *machine, MachineTask *caller, MachineProgram program, bool uses_privilege) {
        MachineTask *task = machine_exec_begin(machine, caller);
        uint32_t euid = task->euid, egid = task->egid;

        task->forked = task->disguised = false;
        task->program = program;
        if (program == PROGRAM_SETUID_ROOT)
                euid = 0;
        else if (program == PROGRAM_SETUID_THIRD)
                euid = MACHINE_THIRD;
        else if (program == PROGRAM_SETGID)
                egid = MACHINE_THIRD;
        machine_change_ids(machine, task, euid, egid);
        task->privileged = task->euid != task->ruid || task->egid != task->rgid;
        task->used_privilege |= task->euid == 0 && uses_privilege;
        task->certain &= !task->privileged;
        task->shown &= !task->privileged;
        machine->mixed |= task->privileged;
        machine_say(machine, WHAT_EXEC, machine_number(machine, task), task->pid, 0, 0);
}

/* A set-id program gives up what it got. It can still not be looked into. */
static inline void machine_drop(Machine *machine, MachineTask *task) {
        machine_change_ids(machine, task, task->ruid, task->rgid);
}

static inline void machine_silence(Machine *machine, uint8_t how) {
        if (machine->silent) {
                machine->silent = false;
                machine_acknowledge(machine, how);
                return;
        }
        for (uint8_t i = 0; i < how % 3; ++i)
                machine_acknowledge(machine, how);
        machine->silent = true;
}

/*
 * The machine as the broker can read it.
 */

static inline int machine_ask_executable(StatsSource *source, const uint32_t *tids, size_t n) {
        assert(n == 1);
        container_of(source, Machine, executables)->asked = tids[0];
        return 0;
}

static inline int machine_next_executable(StatsSource *source, StatsAnswer *ret_answer) {
        Machine *machine = container_of(source, Machine, executables);
        const MachineTask *task = machine_task(machine, machine->asked);
        bool live = task && task->live;

        *ret_answer = (StatsAnswer){ .state = live ? STATS_ANSWER_LIVE : STATS_ANSWER_GONE };
        if (!live)
                return 0;
        ret_answer->stats.groups = STATS_EXECUTABLE;
        ret_answer->stats.ac_exe_dev = 1;
        ret_answer->stats.ac_exe_inode = 10u + task->program;
        return 0;
}

static inline void machine_show_task(const Machine *machine, const Tree *tree, const MachineTask *task, bool zombie,
                                     uint64_t start_ns) {
        const char *name = machine_names[task->program];
        uint32_t tid = machine_number(machine, task);
        char ids[160], path[64];

        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", task->ruid, task->euid, task->euid,
                 task->euid, task->rgid, task->egid, task->egid, task->egid);
        proc_add_stat(tree, &(ProcTask){
                .pid = task->pid, .tid = tid, .comm = name, .ppid = task->parent, .start = proc_ticks(start_ns),
                .state = zombie ? 'Z' : 0, .execed = !task->forked,
                .n_threads = (uint32_t)machine_n_threads(machine, task->pid),
        });
        proc_add_status(tree, task->pid, tid, name, ids);
        snprintf(path, sizeof(path), "%u/task/%u/status", task->pid, tid);
        assert(fchownat(tree->fd, path, task->privileged || zombie ? 0 : task->euid, (gid_t)-1, 0) == 0);
}

/* Makes /proc show the tasks; a leader that ended before its process as a zombie. */
static inline void machine_show(Machine *machine, const Tree *tree, const Join *join) {
        for (size_t i = 0; i < MACHINE_TASKS; ++i) {
                const MachineTask *task = &machine->tasks[i];
                bool zombie = !task->live && machine_n_threads(machine, machine_number(machine, task)) > 0;

                if (task->live || zombie)
                        machine_show_task(machine, tree, task, zombie, join_time_ns(join, task->start_ns));
                if (task->live)
                        machine->tasks[task->pid - MACHINE_FIRST].shown |= !task->privileged;
        }
}

static inline void machine_hide(const Machine *machine, const Tree *tree) {
        for (size_t i = 0; i < MACHINE_TASKS; ++i)
                if (machine_n_threads(machine, machine_number(machine, &machine->tasks[i])) > 0)
                        proc_remove(tree, machine_number(machine, &machine->tasks[i]), 0);
}

/* Adds the first process, which belongs to the user. The broker found it. */
static inline void machine_begin(Machine *machine, Join *join) {
        Task *found = task_table_add(&join->table, MACHINE_FIRST, MACHINE_FIRST);
        MachineTask *task = machine->tasks;
        StatsAnswer answer;
        uint32_t exe;

        assert(found);
        *task = (MachineTask){
                .live = true,
                .pid = MACHINE_FIRST,
                .start_ns = join->start_ns,
                .ruid = MACHINE_USER, .euid = MACHINE_USER, .rgid = MACHINE_USER, .egid = MACHINE_USER,
                .certain = true,
        };
        found->ruid = found->euid = found->rgid = found->egid = MACHINE_USER;
        found->flags = TASK_SEEDED;
        found->start_time_ns = join_time_ns(join, task->start_ns);
        found->process->seeded = found->process->execed = true;
        snprintf(found->comm, sizeof(found->comm), "own");
        machine->executables = (StatsSource){
                .n_max = 1,
                .ask = machine_ask_executable,
                .next = machine_next_executable,
        };
        join->exe_reader.source = &machine->executables;
        assert(machine->executables.ask(&machine->executables, &(uint32_t){ MACHINE_FIRST }, 1) == 0 &&
               machine->executables.next(&machine->executables, &answer) == 0 &&
               exe_reader_digest(&join->exe_reader, &answer.stats, &exe));
        process_set_exe(found->process, exe);
}

enum { MACHINE_COMPARE = 1 };

/* Return: 0; MACHINE_COMPARE: the table is to be compared with /proc. */
static inline int machine_step(Machine *machine, FuzzInput *input) {
        uint8_t what = fuzz_u8(input), number = fuzz_u8(input);
        MachineTask *task = machine_find(machine, number, true);
        /* the first process stays */
        bool first = !task || task->pid == MACHINE_FIRST;

        if (what % 16 == 15)
                return MACHINE_COMPARE;
        if (what % 8 == 7) {
                machine_silence(machine, what >> 4);
                return 0;
        }
        if (!task)
                return 0;
        switch (what % 8) {
        case 0:
        case 1:
                machine_fork(machine, task, number, false, what & 0x10 && task->parent);
                break;
        case 2:
                machine_fork(machine, task, number, true, false);
                break;
        case 3:
        case 4:
                if (!first)
                        machine_exec(machine, task, (MachineProgram)((what >> 4) % _PROGRAM_N), what & 0x80);
                break;
        case 5:
                if (!first)
                        machine_exit(machine, task, what & 0x10);
                break;
        default:
                machine_drop(machine, task);
                break;
        }
        return 0;
}

/*
 * The events of the join.
 */

static inline void machine_check_stats(const Event *event, const TaskStats *stats) {
        if (stats && stats->read_char_bytes >= MACHINE_PRIVILEGED)
                assert(event->owner.claim != OWNER_SHOWN || event->owner.uid != MACHINE_USER);
}

static inline void machine_check_event(Machine *machine, const Event *event) {
        machine->lost |= event->kind == EVENT_LOSS;
        if (event->kind != EVENT_EXIT || !machine_task(machine, event->pid))
                return;
        if (!machine_task(machine, event->pid)->shown) {
                machine_check_stats(event, event->exit.stats);
                machine_check_stats(event, event->exit.process_stats);
        }
        if (!machine->mixed && event->exit.stats && event->exit.stats->read_char_bytes == MACHINE_CERTAIN)
                machine->withheld |= event->owner.claim != OWNER_SHOWN || event->owner.uid != MACHINE_USER;
}
