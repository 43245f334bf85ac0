/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The queue of stale tasks: its order, and what it counts. */

#include "broker/base/util.h"
#include "broker/tasks/recheck_queue.h"
#include "tests/unit/harness.h"

static RecheckQueue queue;
static Task tasks[3];

static void begin(void) {
        recheck_queue_init(&queue);
        for (size_t i = 0; i < ARRAY_SIZE(tasks); ++i) {
                tasks[i] = (Task){ .tid = (uint32_t)i, .flags = i == 1 ? TASK_OWNER_STALE : TASK_COMM_STALE };
                list_init(&tasks[i].recheck_link);
        }
}

static void add_all(void) {
        for (size_t i = 0; i < ARRAY_SIZE(tasks); ++i)
                recheck_queue_update(&queue, &tasks[i]);
}

static void test_order(void) {
        begin();
        assert(!recheck_queue_first(&queue));
        add_all();
        /* a task that is queued keeps its place */
        recheck_queue_update(&queue, &tasks[0]);
        assert(queue.n == 3 && recheck_queue_first(&queue) == &tasks[0]);
        recheck_queue_postpone(&queue, &tasks[0]);
        assert(queue.n == 3 && recheck_queue_first(&queue) == &tasks[1]);
        recheck_queue_drop(&queue, &tasks[1]);
        recheck_queue_drop(&queue, &tasks[2]);
        assert(queue.n == 1 && recheck_queue_first(&queue) == &tasks[0]);
        recheck_queue_drop(&queue, &tasks[0]);
        assert(queue.n == 0 && !recheck_queue_first(&queue));
}

static void test_counts(void) {
        begin();
        add_all();
        /* one of two readings is not enough */
        tasks[0].flags = TASK_OWNER_STALE;
        recheck_queue_update(&queue, &tasks[0]);
        assert(queue.n == 3 && queue.n_read == 0);
        tasks[0].flags = 0;
        recheck_queue_update(&queue, &tasks[0]);
        recheck_queue_update(&queue, &tasks[0]);
        assert(queue.n == 2 && queue.n_read == 1 && queue.n_ended == 0);
        recheck_queue_drop(&queue, &tasks[1]);
        /* neither of the two is queued any more */
        recheck_queue_drop(&queue, &tasks[0]);
        recheck_queue_drop(&queue, &tasks[1]);
        assert(queue.n == 1 && queue.n_read == 1 && queue.n_ended == 1);
        /* a later exec */
        tasks[0].flags = TASK_COMM_STALE;
        recheck_queue_update(&queue, &tasks[0]);
        assert(queue.n == 2 && recheck_queue_first(&queue) == &tasks[2]);
}

int main(void) {
        test_order();
        test_counts();
        return 0;
}
