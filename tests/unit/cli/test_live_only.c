/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Numbers that the user gave name tasks, and no later owners of the numbers. */

#include <assert.h>

#include "clients/cli/model/live_only.h"

typedef struct Step Step;

/* A message about a task, and whether the task is wanted. */
struct Step {
        uint32_t pid, tid;
        uint64_t start_boot_ns;
        bool wanted;
};

static void check(const Step *steps, size_t n_steps) {
        static const uint32_t numbers[] = { 7, 9 };
        LiveOnlyList list;

        live_only_set(&list, numbers, 2);
        for (size_t i = 0; i < n_steps; ++i)
                assert(live_only_has(&list, steps[i].pid, steps[i].tid, steps[i].start_boot_ns) == steps[i].wanted);
}

#define CHECK(...)                                                            \
        do {                                                                  \
                static const Step steps[] = { __VA_ARGS__ };                  \
                check(steps, sizeof(steps) / sizeof(*steps));                 \
        } while (0)

int main(void) {
        LiveOnlyList all = { .n = 0 };

        /* a process with its threads, and another one */
        CHECK({ 7, 7, 100, true }, { 7, 8, 110, true }, { 7, 7, 100, true }, { 8, 8, 120, false });
        /* a later owner of the number, with a thread; the former process is still reported */
        CHECK({ 7, 7, 100, true }, { 7, 7, 200, false }, { 7, 8, 210, false }, { 7, 7, 100, true }, { 7, 6, 150, true },
              { 7, 7, 300, false });
        /* a thread that is named; a process with the thread's number later */
        CHECK({ 5, 9, 100, true }, { 5, 5, 50, false }, { 9, 9, 200, false }, { 9, 10, 200, false });
        /* a thread before its leader */
        CHECK({ 7, 8, 110, true }, { 7, 7, 100, true });
        /* the same task after a restart of the broker, which knows its start to a tick */
        CHECK({ 7, 7, 109, true }, { 7, 7, 100, true }, { 7, 7, 110, false });
        /* starts that are not known: the number is all there is, until a later owner is known */
        CHECK({ 7, 7, 0, true }, { 7, 7, 100, true }, { 7, 7, 0, true }, { 7, 7, 200, false }, { 7, 7, 0, false },
              { 7, 8, 0, false });
        /* no number: all tasks */
        assert(live_only_has(&all, 1, 2, 3));
        return 0;
}
