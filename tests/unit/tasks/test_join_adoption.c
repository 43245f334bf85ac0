/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The parents of orphans, and what happens to relations when numbers are used again: by a
 * few cases, and at random against a model of the kernel with few numbers.
 */

#include "broker/tasks/join_adoption.h"
#include "broker/tasks/parents.h"
#include "tests/unit/join_rig.h"
#include "tests/unit/made_proc.h"

enum {
        FIRST = 10,
        N = 10,         /* numbers */
        N_STEPS = 900,
        N_SEEDS = 3,
};

typedef struct Model Model;

/* A process of the model; start_ns 0: the number is free. */
struct Model {
        uint64_t start_ns;
        bool subreaper;
        uint32_t parent_pid;
        uint32_t maker_pid;
        uint64_t maker_start_ns;
};

static Rig *rig;
static Model models[FIRST + N];

static const Process *process_of(uint32_t pid) {
        return task_table_get_process(&rig->join.table, pid);
}

static void show_in_proc(uint32_t pid) {
        proc_add_stat(&rig->procfs, &(ProcTask){ .pid = pid, .tid = pid, .comm = "made",
                                                 .ppid = models[pid].parent_pid,
                                                 .start = proc_ticks(models[pid].start_ns) });
}

static void begin(void) {
        rig = rig_new();
        memset(models, 0, sizeof(models));
        models[1].start_ns = rig_seed(rig, 1, 1, "init")->start_time_ns;
        show_in_proc(1);
        (void)parents_set(&rig->join.table, task_table_get_process(&rig->join.table, 1), 0);
}

static void end(void) {
        rig_skip(rig);
        rig_free(rig);
}

static void model_fork(uint32_t parent_pid, uint32_t pid) {
        models[pid] = (Model){
                .start_ns = rig_wall(rig_fork(rig, parent_pid, pid, pid)),
                .parent_pid = parent_pid,
                .maker_pid = parent_pid,
                .maker_start_ns = models[parent_pid].start_ns,
        };
        show_in_proc(pid);
}

/* Init, or the nearest ancestor that is a subreaper. */
static uint32_t model_adopter(uint32_t pid) {
        do
                pid = models[pid].parent_pid;
        while (pid != 1 && !models[pid].subreaper);
        return pid;
}

/* Frees the number, and gives the children to their adopter. The kernel reports neither. */
static void model_free(uint32_t pid) {
        uint32_t adopter = model_adopter(pid);

        models[pid].start_ns = 0;
        proc_remove(&rig->procfs, pid, 0);
        for (uint32_t i = FIRST; i < FIRST + N; ++i) {
                if (models[i].start_ns == 0 || models[i].parent_pid != pid)
                        continue;
                models[i].parent_pid = adopter;
                show_in_proc(i);
        }
}

/* @kernel_parent: the EXIT names the parent; before Linux 4.18 only the record did. */
static void model_end(uint32_t pid, bool kernel_parent) {
        uint32_t parent = models[pid].parent_pid;

        rig_record(rig, RECORD(pid, pid, 1, 0, AC_FLAG_GROUP, "made", .ppid = parent));
        model_free(pid);
        rig_say(rig, WHAT_EXIT, pid, pid, 0, 17, kernel_parent ? parent : 0, kernel_parent ? parent : 0);
}

/* The number has a new owner before the EXIT of the former one is reported. */
static void model_reuse(uint32_t pid, uint32_t parent_pid) {
        uint32_t parent = models[pid].parent_pid;

        rig_record(rig, RECORD(pid, pid, 1, 7 << 8, AC_FLAG_GROUP, "made", .ppid = parent));
        model_free(pid);
        model_fork(parent_pid, pid);
        rig_say(rig, WHAT_EXIT, pid, pid, 7 << 8, 17, parent, parent);
}

/* No relation of the table contradicts the model. Return: how many are not known. */
static size_t check_table(void) {
        size_t n_unknown = 0;

        for (uint32_t pid = FIRST; pid < FIRST + N; ++pid) {
                const Process *process = process_of(pid);
                ProcessId parent, maker;

                assert(!process == !models[pid].start_ns);
                if (!process)
                        continue;
                parent = parents_present(&rig->join.table, process);
                n_unknown += !parent.known;
                if (parent.known) {
                        assert(parent.pid == models[pid].parent_pid);
                        assert(parent.start_time_ns == models[parent.pid].start_ns);
                }
                maker = process_maker(process);
                assert(maker.known && maker.pid == models[pid].maker_pid);
                assert(maker.start_time_ns == models[pid].maker_start_ns);
        }
        return n_unknown;
}

static void read_parents(void) {
        do
                join_adoption_read(&rig->join);
        while (join_adoption_is_due(&rig->join));
}

static void test_orphan(void) {
        const Event *event;

        begin();
        model_fork(1, 10);
        model_fork(10, 11);
        model_fork(11, 12);
        model_fork(12, 13);
        models[10].subreaper = true;
        rig_turn(rig);
        rig_skip(rig);
        assert(check_table() == 0 && !join_adoption_is_due(&rig->join));

        model_end(12, true);
        rig_turn(rig);
        rig_skip(rig);
        assert(check_table() == 1 && join_adoption_is_due(&rig->join));
        read_parents();
        assert(check_table() == 0 && parents_get(&rig->join.table, process_of(13)) == process_of(10));

        /* the exit has the last parent, and the maker of old */
        model_end(13, true);
        rig_turn(rig);
        event = rig_expect(rig, EVENT_EXIT, 13, 13);
        assert(event->maker.pid == 12 && event->maker.start_time_ns && event->parent.pid == 10);
        assert(event->parent.start_time_ns == models[10].start_ns);
        end();
}

/* The number of the parent has a new owner before /proc was read: it is no relative. */
static void test_stranger(void) {
        begin();
        model_fork(1, 10);
        model_fork(10, 11);
        rig_turn(rig);
        model_reuse(10, 1);
        rig_turn(rig);
        assert(!parents_get(&rig->join.table, process_of(11)));
        assert(process_of(10)->n_children == 0 && check_table() == 1);
        read_parents();
        assert(check_table() == 0 && parents_get(&rig->join.table, process_of(11)) == process_of(1));
        end();
}

/* /proc names a parent that the table does not have: it stays unknown, and is read again at growing intervals. */
static void test_left(void) {
        size_t n_ticks = 0;

        begin();
        model_fork(1, 10);
        model_fork(10, 11);
        rig_turn(rig);
        model_end(10, true);
        models[11].parent_pid = 4;
        show_in_proc(11);
        rig_turn(rig);
        read_parents();
        assert(!join_adoption_is_due(&rig->join) && rig->join.adoption.n_left == 1);
        models[11].parent_pid = 1;
        show_in_proc(11);
        for (; !parents_get(&rig->join.table, process_of(11)); ++n_ticks)
                rig_tick_later(rig);
        assert(n_ticks == 1 && check_table() == 0);
        end();
}

/* A thread's FORK names the present parent of its process. */
static void test_thread(void) {
        begin();
        model_fork(1, 10);
        model_fork(10, 11);
        rig_turn(rig);
        model_end(10, true);
        rig_fork(rig, 1, 11, 99);
        rig_turn(rig);
        assert(check_table() == 0 && parents_get(&rig->join.table, process_of(11)) == process_of(1));
        end();
}

static uint32_t random_live(uint64_t *state) {
        uint32_t pid = FIRST + (uint32_t)random_below(state, N);

        return models[pid].start_ns ? pid : 1;
}

static void random_step(uint64_t *state) {
        uint32_t pid = FIRST + (uint32_t)random_below(state, N), parent = random_live(state);
        bool lives = models[pid].start_ns;

        switch (random_below(state, 6)) {
        case 0:
        case 1:
                if (!lives)
                        model_fork(parent, pid);
                break;
        case 2:
                if (lives)
                        model_end(pid, random_below(state, 2));
                break;
        case 3:
                if (lives && parent != pid)
                        model_reuse(pid, parent);
                break;
        case 4:
                models[pid].subreaper = lives && random_below(state, 2);
                break;
        default:
                join_adoption_read(&rig->join);
        }
}

/* Holds the exits that were reported since to the model at that time: maker and parent. */
static void check_exits(const Model *before) {
        while (rig->i_event < rig->n_events) {
                const Event *event = rig_next(rig);
                const Model *model = before + event->pid;

                if (event->kind != EVENT_EXIT)
                        continue;
                assert(event->maker.pid == model->maker_pid && event->maker.start_time_ns == model->maker_start_ns);
                assert(event->parent.known && event->parent.pid == model->parent_pid);
        }
}

static void test_random(void) {
        size_t n_known = 0, n_unknown = 0;

        for (uint64_t seed = 1; seed <= N_SEEDS; ++seed) {
                uint64_t state = seed;

                begin();
                for (int step = 0; step < N_STEPS; ++step) {
                        Model before[FIRST + N];
                        size_t n;

                        memcpy(before, models, sizeof(before));
                        random_step(&state);
                        rig_turn(rig);
                        check_exits(before);
                        n = check_table();
                        n_unknown += n;
                        n_known += n == 0;
                        if (random_below(&state, 4) == 0) {
                                read_parents();
                                assert(check_table() == 0);
                        }
                }
                end();
        }
        assert(n_known > N_STEPS && n_unknown > N_STEPS / 4);
}

int main(void) {
        test_orphan();
        test_stranger();
        test_left();
        test_thread();
        test_random();
        return 0;
}
