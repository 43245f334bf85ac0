/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The I/O priority of tasks.
 */

#include <assert.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clients/cli/base/proc_task.h"
#include "clients/cli/iotop/ioprio.h"

static void test_priority(void) {
        struct tb_task_stats stats = {.groups = TB_STATS_BIT(TB_STATS_SCHEDULING)};
        char text[IOPRIO_MAX];
        uint32_t self = (uint32_t)getpid();
        ProcTask task;
        uint64_t start;

        assert(proc_task_read(self, &task));
        start = task.start_boot_ns;
        assert(strncmp(ioprio_text(text, self, start, &stats), "be/", 3) == 0);
        assert(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7) == 0);
        assert(strcmp(ioprio_text(text, self, start, &stats), "be/7") == 0);
        assert(syscall(SYS_ioprio_set, 1, 0, 3 << 13) == 0);
        assert(strcmp(ioprio_text(text, self, start, NULL), "idle") == 0);
        assert(strcmp(ioprio_text(text, 4194304, start, NULL), "?") == 0);

        /* the number belongs to this task, and not to the earlier one that is asked for */
        assert(strcmp(ioprio_text(text, self, start - 1, &stats), "?") == 0);
        assert(strcmp(ioprio_text(text, self, start + 3 * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK)), &stats),
                      "?") == 0);
        assert(strcmp(ioprio_text(text, self, 0, &stats), "?") == 0);

        /* without statistics, the class that none was given to is not known */
        assert(syscall(SYS_ioprio_set, 1, 0, 0) == 0);
        assert(strncmp(ioprio_text(text, self, start, &stats), "be/", 3) == 0);
}

int main(void) {
        test_priority();
        return 0;
}
