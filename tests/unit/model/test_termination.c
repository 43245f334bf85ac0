/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Wait statuses, and what they say of an end. */

#include <signal.h>

#include "broker/base/util.h"
#include "broker/model/termination.h"
#include "tests/unit/harness.h"

static void test_wait_statuses(void) {
        static const struct {
                uint32_t status;
                Termination termination;
        } rows[] = {
                { 0, { 0, 0, false } },
                { 1 << 8, { 1, 0, false } },
                { 255 << 8, { 255, 0, false } },
                { SIGKILL, { 0, SIGKILL, false } },
                { SIGTERM, { 0, SIGTERM, false } },
                { SIGSEGV | 0x80, { 0, SIGSEGV, true } },
                { 64, { 0, 64, false } },
                /* bits that the kernel never sets have no effect */
                { 0xffff0000u | 3 << 8, { 3, 0, false } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Termination t = termination_from_wait_status(rows[i].status);

                assert(t.exit_code == rows[i].termination.exit_code);
                assert(t.term_signal == rows[i].termination.term_signal);
                assert(t.core_dumped == rows[i].termination.core_dumped);
        }
}

int main(void) {
        test_wait_statuses();
        return 0;
}
