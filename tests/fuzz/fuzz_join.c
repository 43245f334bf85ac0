/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The join and the task table under any order of kernel messages, possible or not:
 * forks, execs, exits, records and losses of few numbers. Time passes between the messages.
 * Passes compare the table with /proc, which has the machine's tasks alone.
 *
 * The table stays consistent under any input: its counters match its content, its queues
 * hold no more than its tasks, and each event has a plausible task. join_machine.h plays
 * tasks that some machine may have: no user gets the exit of a privileged program.
 */

#include "broker/base/util.h"
#include "broker/tasks/join.h"
#include "broker/tasks/parents.h"
#include "broker/tasks/reconcile.h"
#include "tests/fuzz/fuzz_tree.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/join_machine.h"
#include "tests/unit/fake_kernel.h"

#define STEPS_MAX 600
#define N_NUMBERS 12u
#define OFFSET_NS 1700000000000000000ll
#define MS 1000000ull

typedef struct Fuzz Fuzz;

struct Fuzz {
        FuzzInput input;
        Connector connector;
        ExitListener listener;
        KernelFeatures features;
        Join join;
        int connector_kernel, listener_kernel;
        uint32_t seqs[4];
        uint64_t now;
        Machine machine;
};

static void on_event(Join *join, const Event *event) {
        const Task *task = task_table_get(&join->table, event->tid);

        assert(event->kind >= EVENT_FORK && event->kind < _EVENT_KIND_N);
        machine_check_event(&container_of(join, Fuzz, join)->machine, event);
        if (event->kind == EVENT_LOSS) {
                assert(event->loss.count > 0 || event->loss.at_least);
                return;
        }
        assert(event->pid > 0 && event->tid > 0);
        assert(memchr(event->comm, 0, sizeof(event->comm)));
        if (task)
                assert(task->tid == event->tid);
        if (event->kind == EVENT_EXIT) {
                /* the record, or the reason why it is missing */
                assert((event->exit.stats != NULL) == (event->exit.stats_missing == STATS_MISSING_NO));
        }
}

/* Only where forks were lost is there a process without a live task. */
static void check_table(const TaskTable *table, bool forks_lost) {
        size_t n_tasks = 0, n_processes = 0;

        for (const Task *task = task_table_next(table, 1); task; task = task_table_next(table, task->tid + 1)) {
                assert(task_table_get(table, task->tid) == task);
                ++n_tasks;
        }
        for (const Task *leader = task_table_next_leader(table, 1); leader;
             leader = task_table_next_leader(table, leader->tid + 1)) {
                const Process *process = leader->process;
                size_t n_live = 0;

                for (const List *link = process->tasks.next; link != &process->tasks; link = link->next)
                        n_live += !(container_of(link, const Task, link)->flags & TASK_GONE);
                assert(n_live == process->n_live && (n_live > 0 || forks_lost));
                assert(task_table_get_process(table, process->pid) == process);
                ++n_processes;
        }
        assert(n_tasks == table->n_live_tasks && n_processes == table->n_live_processes);
}

static uint32_t number(Fuzz *fuzz) {
        return 1 + fuzz_u8(&fuzz->input) % N_NUMBERS;
}

static void say(Fuzz *fuzz, uint32_t what, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
        uint8_t bytes[PROC_BYTES];
        uint32_t cpu = fuzz_u8(&fuzz->input) & 3;

        proc_bytes(bytes, fuzz->seqs[cpu]++, what, cpu, fuzz->now);
        proc_union(bytes, a, b, c, d, 0, 0);
        packet_send(fuzz->connector_kernel, bytes, sizeof(bytes));
        fuzz->now += MS;
}

/* The numbers, and sometimes anything, in the fields that the join reads. */
static void record(Fuzz *fuzz) {
        ExitMessage message = exit_message_new();
        uint8_t stats[STATS_BYTES] = {}, how = fuzz_u8(&fuzz->input);
        uint32_t tid = number(fuzz), pid = how & 1 ? number(fuzz) : tid;

        if (how & 2)
                fuzz_fill(&fuzz->input, stats, 64);
        put_u16(stats, 0, 8 + (how >> 4) % 10);
        put_u8(stats, STATS_AT_FLAG, how & 4 ? 0x20 : 0);
        put_u32(stats, STATS_AT_EXITCODE, how & 8);
        put_u32(stats, STATS_AT_PID, tid);
        put_u32(stats, STATS_AT_TGID, pid);
        put_u64(stats, STATS_AT_ETIME, (uint64_t)fuzz_u8(&fuzz->input) * 1000);
        exit_message_aggregate(&message, ATTR_AGGR_PID, tid, stats, sizeof(stats), how & 0x10);
        if (how & 0x20)
                exit_message_aggregate(&message, ATTR_AGGR_TGID, pid, stats, sizeof(stats), how & 0x10);
        packet_send(fuzz->listener_kernel, message.data, message.n);
}

static void age(Fuzz *fuzz) {
        const uint64_t ns = (uint64_t)(1 + fuzz_u8(&fuzz->input) % 8) * 400 * MS;

        fuzz->join.lossy_ns -= ns;
        fuzz->join.lossy_since_ns -= ns;
        list_for_each(link, safe, &fuzz->join.records.pending.by_age)
                container_of(link, PendingRecord, age_link)->arrived_ns -= ns;
        assert(join_tick(&fuzz->join) == 0);
}

/* The queues are bounded. */
static void check_sizes(const Join *join) {
        const RecheckQueue *queue = &join->table.recheck_queue;
        size_t n_queued = 0;

        for (const List *link = queue->tasks.next; link != &queue->tasks; link = link->next)
                assert(++n_queued <= join->table.n_live_tasks);
        assert(join->late_exits.n <= LATE_EXITS_MAX);
}

/* The children of a process are the processes that have it as present parent. */
static void check_children(const TaskTable *table) {
        size_t n_counted = 0, n_found = 0;

        for (const Task *leader = task_table_next_leader(table, 1); leader;
             leader = task_table_next_leader(table, leader->tid + 1)) {
                n_counted += leader->process->n_children;
                n_found += parents_get(table, leader->process) != NULL;
        }
        assert(n_counted == n_found);
}

static void turn(Fuzz *fuzz) {
        bool drained = false;

        for (int i = 0; i < 8 && !drained; ++i)
                assert(join_turn(&fuzz->join, &drained) == 0);
        assert(drained);
        check_table(&fuzz->join.table, fuzz->join.forks_lost);
        check_children(&fuzz->join.table);
        check_sizes(&fuzz->join);
}

/* Compares the table with /proc, after a loss or without one. */
static void compare(Fuzz *fuzz, bool quiet) {
        Reconcile reconcile;
        bool drained = false;

        turn(fuzz);
        machine_show(&fuzz->machine, fuzz_tree(), &fuzz->join);
        reconcile_init(&reconcile, &fuzz->join, fuzz_tree()->fd);
        fuzz->join.wants_reconcile &= quiet;
        fuzz->join.reconciling = !quiet;
        if (quiet)
                reconcile_quiet_start(&reconcile);
        else
                reconcile_start(&reconcile);
        while (reconcile.phase != RECONCILE_IDLE) {
                reconcile.suspected_ns -= 2 * NSEC_PER_SEC;
                reconcile_scan(&reconcile);
                assert(join_turn(&fuzz->join, &drained) == 0 && drained);
                if (quiet)
                        reconcile_quiet_apply(&reconcile);
                else
                        assert(reconcile_apply(&reconcile) == 0);
        }
        reconcile_deinit(&reconcile);
        fuzz->join.reconciling = false;
        machine_hide(&fuzz->machine, fuzz_tree());
        turn(fuzz);
}

/* A loss may be reported late. Without a loss, exits are withheld only after an acknowledgement. */
static void finish(Fuzz *fuzz) {
        for (int i = 0; i < 4; ++i) {
                age(fuzz);
                turn(fuzz);
        }
        assert(!fuzz->machine.withheld || fuzz->machine.lost || fuzz->machine.acknowledged);
}

static void step(Fuzz *fuzz) {
        uint8_t op = fuzz_u8(&fuzz->input);
        uint32_t a = number(fuzz), b = number(fuzz);

        switch (op % 16) {
        case 0:
        case 1:
                say(fuzz, WHAT_FORK, a, a, b, b);
                break;
        case 2:
                say(fuzz, WHAT_FORK, a, a, b, number(fuzz));
                break;
        case 3:
        case 4:
                say(fuzz, WHAT_EXIT, a, op & 0x80 ? b : a, op & 0x40 ? 256 : 0, 17);
                break;
        case 5:
        case 6:
        case 7:
                record(fuzz);
                break;
        case 8:
                say(fuzz, WHAT_EXEC, a, op & 0x80 ? b : a, 0, 0);
                break;
        case 9:
                say(fuzz, op & 0x80 ? WHAT_UID : WHAT_GID, a, b, op >> 4, op >> 5);
                break;
        case 10:
                say(fuzz, op & 0x80 ? WHAT_COMM : WHAT_SID, a, op & 0x40 ? b : a, 0x41424344, 0);
                break;
        case 11:
                say(fuzz, op & 0x80 ? WHAT_PTRACE : WHAT_COREDUMP, a, b, a, b);
                break;
        case 12:
                fuzz->seqs[op >> 6] += a;
                break;
        case 13:
                age(fuzz);
                break;
        case 14:
                if (op & 0x80)
                        join_loss_note_muted(&fuzz->join, fuzz->now - 20 * MS);
                else if (machine_step(&fuzz->machine, &fuzz->input) == MACHINE_COMPARE)
                        compare(fuzz, !fuzz->join.wants_reconcile);
                break;
        default:
                turn(fuzz);
                break;
        }
        if (op & 0x10)
                turn(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        static Fuzz fuzz;
        int fds[2];

        fuzz = (Fuzz){ .input = { data, data + n_data } };
        packet_pair(fds);
        fuzz.connector_kernel = fds[1];
        assert(connector_init(&fuzz.connector, &(ConnectorOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) == 0);
        packet_pair(fds);
        fuzz.listener_kernel = fds[1];
        assert(exit_listener_init(&fuzz.listener, &(ExitListenerOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) ==
               0);
        fuzz.features.delay_accounting = DELAY_ACCOUNTING_ON;
        join_init(&fuzz.join, &fuzz.connector, &fuzz.listener, &fuzz.features, fuzz_tree()->fd, on_event);
        join_set_time_offset(&fuzz.join, OFFSET_NS);
        fuzz.join.start_ns -= 10000 * MS;
        fuzz.join.start_grace_ns -= 10000 * MS;
        fuzz.join.can_be_silenced = true;
        fuzz.now = fuzz.join.start_ns + 2000 * MS;
        fuzz.machine = (Machine){
                .connector = fuzz.connector_kernel,
                .listener = fuzz.listener_kernel,
                .seqs = fuzz.seqs,
                .now = &fuzz.now,
        };
        machine_begin(&fuzz.machine, &fuzz.join);

        for (int n = 0; n < STEPS_MAX && fuzz_has_more(&fuzz.input); ++n) {
                step(&fuzz);
                if (n % 16 == 15)
                        turn(&fuzz);
        }
        turn(&fuzz);
        finish(&fuzz);

        join_deinit(&fuzz.join);
        connector_deinit(&fuzz.connector);
        exit_listener_deinit(&fuzz.listener);
        close(fuzz.connector_kernel);
        close(fuzz.listener_kernel);
        return 0;
}
