/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The I/O priority of tasks.
 */

#include <assert.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clients/cli/iotop/ioprio.h"

static void test_priority(void) {
        struct tb_task_stats stats = {.groups = TB_STATS_BIT(TB_STATS_SCHEDULING)};
        char text[IOPRIO_MAX];
        uint32_t self = (uint32_t)getpid();

        assert(strncmp(ioprio_text(text, self, &stats), "be/", 3) == 0);
        assert(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7) == 0);
        assert(strcmp(ioprio_text(text, self, &stats), "be/7") == 0);
        assert(syscall(SYS_ioprio_set, 1, 0, 3 << 13) == 0);
        assert(strcmp(ioprio_text(text, self, NULL), "idle") == 0);
        assert(strcmp(ioprio_text(text, 4194304, NULL), "?") == 0);
}

int main(void) {
        test_priority();
        return 0;
}
