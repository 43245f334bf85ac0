/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Events that concern a process, and not only a thread. */

#include "broker/base/util.h"
#include "broker/model/event.h"
#include "tests/unit/harness.h"

static void test_event_is_of_process(void) {
        static const struct {
                EventKind kind;
                bool of_leader, of_thread;
        } rows[] = {
                { EVENT_FORK, true, false }, { EVENT_EXEC, true, true },     { EVENT_COMM, true, false },
                { EVENT_UID, true, false },  { EVENT_GID, true, false },     { EVENT_SID, true, true },
                { EVENT_PTRACE, true, false }, { EVENT_COREDUMP, true, true }, { EVENT_LOSS, true, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                assert(event_is_of_process(&(Event){ .kind = rows[i].kind, .pid = 7, .tid = 7 }) == rows[i].of_leader);
                assert(event_is_of_process(&(Event){ .kind = rows[i].kind, .pid = 7, .tid = 8 }) == rows[i].of_thread);
        }

        /* an exit of any task concerns the process if it ended the process */
        for (uint32_t tid = 7; tid < 9; ++tid) {
                Event event = { .kind = EVENT_EXIT, .pid = 7, .tid = tid };

                assert(!event_is_of_process(&event));
                event.exit.process_ended = true;
                assert(event_is_of_process(&event));
        }
}

int main(void) {
        test_event_is_of_process();
        return 0;
}
