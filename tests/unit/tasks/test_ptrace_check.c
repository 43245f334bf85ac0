/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The view that the owner of a live task has, by the present owner of its files in /proc.
 * The files here belong to the user of the test. The ids of the task decide whether this
 * user is its owner.
 */

#include "broker/output/sample_view.h"
#include "broker/base/clock.h"
#include "broker/model/owner.h"
#include "tests/unit/made_proc.h"
#include "tests/unit/made.h"
#include "tests/unit/thread_clock.h"

#define TASK 200u
#define GROUP 2000u

typedef struct Rig Rig;

struct Rig {
        Tree procfs;
        TaskTable table;
        PtraceCheck ptrace_check;
        Task *task;
};

static void rig_init(Rig *rig) {
        rig->procfs = tree_new();
        task_table_init(&rig->table);
        rig->task = made_task(&rig->table, TASK, TASK, 1, 5);
        rig->task->rgid = rig->task->egid = GROUP;
        rig->task->start_time_ns = NSEC_PER_SEC + (uint64_t)clock_boot_epoch_ns();
        ptrace_check_init(&rig->ptrace_check, rig->procfs.fd, &rig->table);
}

static void rig_deinit(Rig *rig) {
        task_table_deinit(&rig->table);
        tree_free(&rig->procfs);
}

/* Makes the files of a task belong to its owner, or to another user. */
static void rig_show(Rig *rig, uint32_t tid, bool owned, bool exiting) {
        char ids[128];

        proc_add_stat(&rig->procfs,
                      &(ProcTask){.pid = TASK, .tid = tid, .comm = "task", .start = 5, .exiting = exiting});
        rig->task->ruid = rig->task->euid = geteuid() + !owned;
        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", rig->task->ruid, rig->task->ruid,
                 rig->task->ruid, rig->task->ruid, GROUP, GROUP, GROUP, GROUP);
        proc_add_status(&rig->procfs, TASK, tid, "task", ids);
}

/* Forgets former results, and checks /proc again. */
static View rig_view(Rig *rig, const Rights *rights) {
        const TaskStats stats = { .ac_uid = rig->task->ruid, .ac_gid = GROUP };
        TaskSample sample = { .pid = TASK, .tid = TASK, .owner = owner_of_live_task(rig->task, &stats) };

        ptrace_check_forget(&rig->ptrace_check);
        return sample_view(&rig->ptrace_check, rights, &sample);
}

/* Every kind of client and of claim, by the result of the check. */
static void test_views(void) {
        enum { ALL, OTHERS, HIDES };
        static const struct {
                int rights;
                bool own;
                uint16_t flags;
                bool stale;
                View shown, kept;       /* if the owner may read the task in /proc, and if not */
        } rows[] = {
                { ALL, true, 0, false, VIEW_FULL, VIEW_FULL },
                { ALL, false, 0, false, VIEW_FULL, VIEW_FULL },
                { OTHERS, true, 0, false, VIEW_FULL, VIEW_PUBLIC },
                { OTHERS, true, TASK_NONDUMPABLE, false, VIEW_FULL, VIEW_PUBLIC },
                { OTHERS, true, 0, true, VIEW_FULL, VIEW_PUBLIC },
                { OTHERS, true, TASK_UNKNOWN, false, VIEW_PUBLIC, VIEW_PUBLIC },
                { OTHERS, false, 0, false, VIEW_PUBLIC, VIEW_PUBLIC },
                { HIDES, true, 0, false, VIEW_FULL, VIEW_NONE },
                { HIDES, true, TASK_NONDUMPABLE, false, VIEW_FULL, VIEW_NONE },
                { HIDES, true, 0, true, VIEW_FULL, VIEW_NONE },
                { HIDES, false, 0, false, VIEW_NONE, VIEW_NONE },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                for (int shown = 0; shown < 2; ++shown) {
                        bool all = rows[i].rights == ALL;
                        Rights rights = { .all = all, .others = rows[i].rights == OTHERS, .gid = GROUP };
                        Rig rig;

                        rig_init(&rig);
                        rig_show(&rig, TASK, shown, false);
                        rights.uid = rig.task->ruid + !rows[i].own;
                        rig.task->flags = rows[i].flags;
                        rig.task->process->creds_stale = rows[i].stale;
                        assert(rig_view(&rig, &rights) == (shown ? rows[i].shown : rows[i].kept));
                        /* /proc is not read where it makes no difference */
                        assert((rig.ptrace_check.pid == TASK) == (rows[i].shown != rows[i].kept));
                        /* events follow the result */
                        if (shown && rows[i].shown != rows[i].kept)
                                assert(owner_of_task(rig.task).claim == OWNER_SHOWN);
                        rig_deinit(&rig);
                }
        }
}

/* The result is kept for events, because /proc may have nothing when an event comes. */
static void test_memory(void) {
        Rights rights = { .others = true, .gid = GROUP };
        Process *child;
        Rig rig;

        rig_init(&rig);
        rig_show(&rig, TASK, false, false);
        rights.uid = rig.task->ruid;
        assert(owner_of_task(rig.task).claim == OWNER_SHOWN);
        assert(rig_view(&rig, &rights) == VIEW_PUBLIC);
        assert(owner_of_task(rig.task).claim == OWNER_HIDDEN);
        /* a child has a copy of its memory, and of the result */
        child = made_task(&rig.table, TASK + 1, TASK + 1, TASK, 5)->process;
        task_table_inherit(&rig.table, child, rig.task->process);
        assert(child->nondumpable);

        /* at its end its files belong to root anyway */
        rig_show(&rig, TASK, false, true);
        assert(rig_view(&rig, &rights) == VIEW_PUBLIC && rig.task->process->nondumpable);
        rig_show(&rig, TASK, true, false);
        rights.uid = rig.task->ruid;
        assert(rig_view(&rig, &rights) == VIEW_FULL && !rig.task->process->nondumpable);
        assert(owner_of_task(rig.task).claim == OWNER_SHOWN);
        rig_show(&rig, TASK, false, true);
        rights.uid = rig.task->ruid;
        assert(rig_view(&rig, &rights) == VIEW_PUBLIC && !rig.task->process->nondumpable);
        proc_remove(&rig.procfs, TASK, 0);
        assert(rig_view(&rig, &rights) == VIEW_PUBLIC && !rig.task->process->nondumpable);
        rig_deinit(&rig);
}

/* One check serves all reports about a process until the kernel is queried again. */
static void test_once(void) {
        Rig rig;

        rig_init(&rig);
        rig_show(&rig, TASK, true, false);
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK, false));
        proc_remove(&rig.procfs, TASK, 0);
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK, false));
        ptrace_check_forget(&rig.ptrace_check);
        assert(!ptrace_check_task(&rig.ptrace_check, TASK, TASK, false));
        assert(!ptrace_check_task(&rig.ptrace_check, TASK + 1, TASK + 1, false));
        rig_deinit(&rig);
}

/* A leader that ended before its threads has no memory: one of its threads is checked. */
static void test_leader_gone(void) {
        Rig rig;

        rig_init(&rig);
        rig_show(&rig, TASK + 1, true, false);
        made_task(&rig.table, TASK, TASK + 1, 1, 5)->euid = geteuid();
        assert(!ptrace_check_task(&rig.ptrace_check, TASK, TASK, false));
        task_table_end_task(&rig.table, rig.task);
        ptrace_check_forget(&rig.ptrace_check);
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK, false));
        rig_deinit(&rig);
}

/* Readings in full that take long: no more of them before the next query. */
static void test_slow(void) {
        Task *other;
        Rig rig;

        rig_init(&rig);
        rig_show(&rig, TASK, true, false);
        rig_show(&rig, TASK + 1, true, false);
        other = made_task(&rig.table, TASK, TASK + 1, 1, rig.task->start_time_ns);
        other->ruid = other->euid = rig.task->euid;
        other->rgid = other->egid = GROUP;
        thread_clock_step_ns = 30 * NSEC_PER_MSEC;
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK, true));
        assert(!ptrace_check_task(&rig.ptrace_check, TASK, TASK + 1, true));
        ptrace_check_forget(&rig.ptrace_check);
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK + 1, true));
        thread_clock_step_ns = 0;
        ptrace_check_forget(&rig.ptrace_check);
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK, true));
        assert(ptrace_check_task(&rig.ptrace_check, TASK, TASK + 1, true));
        rig_deinit(&rig);
}

int main(void) {
        test_views();
        test_memory();
        test_once();
        test_leader_gone();
        test_slow();
        return 0;
}
