/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The view that the owner of a live task has, by the present owner of its files in /proc.
 * The files here belong to the user of the test. The ids of the task decide whether this
 * user is its owner.
 */

#include "broker/output/sample_view.h"
#include "broker/model/owner.h"
#include "tests/unit/made_proc.h"
#include "tests/unit/made.h"

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
        ptrace_check_init(&rig->ptrace_check, rig->procfs.fd, &rig->table);
}

static void rig_deinit(Rig *rig) {
        task_table_deinit(&rig->table);
        tree_free(&rig->procfs);
}

/* Makes the files of a task belong to its owner, or to another user. */
static void rig_show(Rig *rig, uint32_t tid, bool owned, bool exiting) {
        proc_add_stat(&rig->procfs,
                      &(ProcTask){.pid = TASK, .tid = tid, .comm = "task", .start = 5, .exiting = exiting});
        proc_add_status(&rig->procfs, TASK, tid, "task", "Uid:\t5\t5\t5\t5\nGid:\t5\t5\t5\t5\n");
        rig->task->ruid = rig->task->euid = geteuid() + !owned;
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
                bool own, ran_as_other_user;
                View shown, kept;       /* if the owner may read the task in /proc, and if not */
        } rows[] = {
                { ALL, true, false, VIEW_FULL, VIEW_FULL },
                { ALL, false, false, VIEW_FULL, VIEW_FULL },
                { OTHERS, true, false, VIEW_FULL, VIEW_PUBLIC },
                { OTHERS, true, true, VIEW_PUBLIC, VIEW_PUBLIC },
                { OTHERS, false, false, VIEW_PUBLIC, VIEW_PUBLIC },
                { HIDES, true, false, VIEW_FULL, VIEW_NONE },
                { HIDES, true, true, VIEW_PUBLIC, VIEW_NONE },
                { HIDES, false, false, VIEW_NONE, VIEW_NONE },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                for (int shown = 0; shown < 2; ++shown) {
                        bool all = rows[i].rights == ALL;
                        Rights rights = { .all = all, .others = rows[i].rights == OTHERS, .gid = GROUP };
                        Rig rig;

                        rig_init(&rig);
                        rig_show(&rig, TASK, shown, false);
                        rights.uid = rig.task->ruid + !rows[i].own;
                        rig.task->process->ran_as_other_user = rows[i].ran_as_other_user;
                        assert(rig_view(&rig, &rights) == (shown ? rows[i].shown : rows[i].kept));
                        /* /proc is not read where it makes no difference */
                        assert((rig.ptrace_check.pid == TASK) == (rows[i].shown != rows[i].kept));
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
        assert(owner_of_task(rig.task).claim == OWNER_SINCE_BIRTH);
        assert(rig_view(&rig, &rights) == VIEW_PUBLIC);
        assert(owner_of_task(rig.task).claim == OWNER_CURRENT);
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
        assert(owner_of_task(rig.task).claim == OWNER_SINCE_BIRTH);
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
        assert(ptrace_check_task(&rig.ptrace_check, TASK));
        proc_remove(&rig.procfs, TASK, 0);
        assert(ptrace_check_task(&rig.ptrace_check, TASK));
        ptrace_check_forget(&rig.ptrace_check);
        assert(!ptrace_check_task(&rig.ptrace_check, TASK) && !ptrace_check_task(&rig.ptrace_check, TASK + 1));
        rig_deinit(&rig);
}

/* A leader that ended before its threads has no memory: one of its threads is checked. */
static void test_leader_gone(void) {
        Rig rig;

        rig_init(&rig);
        rig_show(&rig, TASK + 1, true, false);
        made_task(&rig.table, TASK, TASK + 1, 1, 5)->euid = geteuid();
        assert(!ptrace_check_task(&rig.ptrace_check, TASK));
        task_table_end_task(&rig.table, rig.task);
        ptrace_check_forget(&rig.ptrace_check);
        assert(ptrace_check_task(&rig.ptrace_check, TASK));
        rig_deinit(&rig);
}

int main(void) {
        test_views();
        test_memory();
        test_once();
        test_leader_gone();
        return 0;
}
