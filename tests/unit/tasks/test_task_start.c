/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The start of a task, in the table and in the store of a former broker. */

#include "broker/tasks/task_start.h"
#include "tests/unit/harness.h"

static char path[64];
static StartStore store;
static TaskTable table;

static Task *find(uint32_t tid, uint64_t found_ns) {
        Task *task = task_table_add(&table, tid, tid);

        task_start_find(&table, task, found_ns);
        return task;
}

/* Starts of a former broker: 10, 11 and 12 at 1005. */
static void begin(void) {
        assert(start_store_open(&store, path) == 0);
        for (uint32_t tid = 10; tid <= 12; ++tid)
                start_store_set(&store, tid, 1005);
        task_table_init(&table);
        table.starts = &store;
}

static void end(void) {
        task_table_deinit(&table);
        start_store_close(&store);
        assert(unlink(path) == 0);
}

/* An exact start is kept. A later start in /proc belongs to a later owner of the number. */
static void test_find(void) {
        begin();
        assert(find(10, 1000)->start_time_ns == 1005 && find(11, 1005)->start_time_ns == 1005);
        assert(find(12, 2000)->start_time_ns == 2000 && start_store_get(&store, 12) == 2000);
        assert(find(13, 3000)->start_time_ns == 3000 && start_store_get(&store, 13) == 3000);
        end();
}

/* A fork is a later owner of its number, whatever the store has. */
static void test_set(void) {
        Task *task;

        begin();
        task = task_table_add(&table, 10, 10);
        task_start_set(&table, task, 900);
        assert(task->start_time_ns == 900 && start_store_get(&store, 10) == 900);
        task_table_end_task(&table, task);
        task_table_end_process(&table, task_table_get_process(&table, 10));
        assert(start_store_get(&store, 10) == 0);
        end();
}

/* Tasks that ended while no broker ran are removed. A leader that ended before its threads stays. */
static void test_prune(void) {
        begin();
        task_table_end_task(&table, find(10, 1000));
        start_store_set(&store, 10, 1005);
        (void)find(11, 1000);
        assert(task_table_get_leader(&table, 10) && !task_table_get(&table, 10));
        task_start_prune(&table);
        assert(start_store_get(&store, 10) == 1005 && start_store_get(&store, 11) == 1005);
        assert(start_store_get(&store, 12) == 0 && start_store_next(&store, 12) == 0);
        /* The store outlives the table. */
        task_table_deinit(&table);
        assert(start_store_get(&store, 11) == 1005);
        task_table_init(&table);
        end();
}

static void test_no_store(void) {
        task_table_init(&table);
        assert(find(10, 1000)->start_time_ns == 1000);
        task_start_prune(&table);
        task_table_deinit(&table);
}

int main(void) {
        snprintf(path, sizeof(path), "/dev/shm/test-task-start-%d", (int)getpid());
        test_find();
        test_set();
        test_prune();
        test_no_store();
        return 0;
}
