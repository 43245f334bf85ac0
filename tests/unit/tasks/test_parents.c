/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The origin and the present parent of a process, by cases. test_join_adoption.c compares them with a model. */

#include "broker/tasks/parents.h"
#include "tests/unit/harness.h"

#define PARENT 10u
#define CHILD 20u
#define OTHER 30u

static TaskTable table;

static Process *add(uint32_t pid, uint64_t start_time_ns) {
        Task *task = task_table_add(&table, pid, pid);

        assert(task);
        task->start_time_ns = start_time_ns;
        return task->process;
}

static void end(Process *process) {
        parents_note_end(&table, process);
        task_table_end_task(&table, task_table_get(&table, process->pid));
        task_table_end_process(&table, process);
}

static Process *begin(void) {
        task_table_init(&table);
        (void)add(PARENT, NSEC_PER_SEC);
        return add(CHILD, 2 * NSEC_PER_SEC);
}

static void expect_present(const Process *process, bool known, uint32_t pid, uint64_t start_time_ns) {
        ProcessId id = parents_present(&table, process);

        assert(parents_is_known(&table, process) == known && id.known == known);
        assert(id.pid == pid && id.start_time_ns == start_time_ns);
}

static void test_present(void) {
        Process *child = begin(), *parent = task_table_get_process(&table, PARENT);

        expect_present(child, false, 0, 0);
        assert(parents_set(&table, child, PARENT) && !table.has_orphans);
        assert(parents_get(&table, child) == parent && parent->n_children == 1);
        expect_present(child, true, PARENT, NSEC_PER_SEC);
        /* a process without a parent is no orphan */
        assert(parents_set(&table, child, 0) && !table.has_orphans && parent->n_children == 0);
        expect_present(child, true, 0, 0);
        /* the table does not have it */
        assert(!parents_set(&table, child, OTHER) && table.has_orphans);
        expect_present(child, false, 0, 0);
        task_table_deinit(&table);
}

/* The number of a parent that ended goes to another process. */
static void test_reuse(void) {
        Process *child = begin();

        assert(parents_set(&table, child, PARENT));
        end(task_table_get_process(&table, PARENT));
        assert(table.has_orphans);
        expect_present(child, false, 0, 0);
        (void)add(PARENT, NSEC_PER_SEC);
        expect_present(child, false, 0, 0);
        task_table_deinit(&table);
}

static void test_end_without_children(void) {
        Process *child = begin();

        assert(parents_set(&table, child, PARENT));
        end(child);
        assert(!table.has_orphans && task_table_get_process(&table, PARENT)->n_children == 0);
        end(task_table_get_process(&table, PARENT));
        assert(!table.has_orphans);
        task_table_deinit(&table);
}

/* No parent is younger than its child. A start from /proc may be early by a tick. */
static void test_younger(void) {
        Process *child = begin();
        Task *leader = task_table_get(&table, CHILD), *other;

        (void)add(OTHER, 2 * NSEC_PER_SEC + TASK_FORK_DELAY_NS);
        other = task_table_get(&table, OTHER);
        assert(!parents_set(&table, child, OTHER) && parents_find(&table, child, OTHER).start_time_ns == 0);
        leader->flags |= TASK_SEEDED;
        assert(parents_set(&table, child, OTHER));
        ++other->start_time_ns;
        assert(!parents_set(&table, child, OTHER));
        /* a start that is not known excludes nothing */
        leader->start_time_ns = 0;
        assert(parents_set(&table, child, OTHER) && !parents_set(&table, child, CHILD));
        task_table_deinit(&table);
}

static void test_origin(void) {
        Process *child = begin(), *other = add(OTHER, NSEC_PER_SEC);

        parents_set_origin(&table, child, PARENT, false);
        assert(child->origin_known && child->origin_pid == PARENT && child->origin_start_ns == NSEC_PER_SEC);
        assert(!child->origin_is_maker);
        /* it stays for life */
        parents_set_origin(&table, child, OTHER, true);
        assert(child->origin_pid == PARENT && !child->origin_is_maker);
        /* a process without a parent never had one */
        parents_set_origin(&table, other, 0, false);
        assert(other->origin_known && other->origin_pid == 0 && other->origin_is_maker);
        task_table_deinit(&table);
}

/* /proc is read in the order of numbers: a child may come before its parent. */
static void test_bind(void) {
        Process *child = begin();

        parents_set_origin(&table, child, OTHER, false);
        assert(!parents_set(&table, child, OTHER));
        (void)add(OTHER, NSEC_PER_SEC);
        expect_present(child, false, 0, 0);
        parents_bind(&table);
        expect_present(child, true, OTHER, NSEC_PER_SEC);
        assert(child->origin_start_ns == NSEC_PER_SEC);
        task_table_deinit(&table);
}

/* After a loss the parent may be found later than its child. A younger process with its number is another one. */
static void test_late_origin(void) {
        static const struct {
                uint64_t child_ns, other_ns, origin_ns;
        } rows[] = {
                { 2 * NSEC_PER_SEC, NSEC_PER_SEC, NSEC_PER_SEC },
                { 2 * NSEC_PER_SEC, 3 * NSEC_PER_SEC, 0 },
                { 0, NSEC_PER_SEC, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Process *child = begin();

                task_table_get(&table, CHILD)->start_time_ns = rows[i].child_ns;
                parents_set_origin(&table, child, OTHER, true);
                assert(!parents_set(&table, child, OTHER) && child->origin_start_ns == 0);
                (void)add(OTHER, rows[i].other_ns);
                (void)parents_set(&table, child, OTHER);
                assert(child->origin_start_ns == rows[i].origin_ns && child->origin_is_maker);
                /* it stays for life */
                end(task_table_get_process(&table, OTHER));
                assert(parents_set(&table, child, PARENT) && child->origin_start_ns == rows[i].origin_ns);
                task_table_deinit(&table);
        }
}

int main(void) {
        test_late_origin();
        test_present();
        test_reuse();
        test_end_without_children();
        test_younger();
        test_origin();
        test_bind();
        return 0;
}
