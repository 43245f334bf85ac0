/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/daemon/kernel_features.h"

#define DELAYACCT_PATH "sys/kernel/task_delayacct"

bool kernel_features_release_is_at_least(const KernelFeatures *features, unsigned int major, unsigned int minor) {
        unsigned int a = 0, b = 0;

        return sscanf(features->release, "%u.%u", &a, &b) == 2 && (a > major || (a == major && b >= minor));
}

/**
 * kernel_features_update() - read whether delays are counted
 * @features:      the features
 * @procfs_fd:  /proc
 *
 * The switch can be thrown at any time, and tells nobody: so this is called twice
 * a second. A task that is born in the moment after it was thrown may be taken
 * for one of before.
 */
void kernel_features_update(KernelFeatures *features, int procfs_fd) {
        DelayAccounting before = features->delay_accounting;
        char value;
        int fd;

        if (features->delay_accounting == DELAY_ACCOUNTING_UNSUPPORTED)
                return;
        fd = openat(procfs_fd, DELAYACCT_PATH, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        if (read(fd, &value, 1) == 1)
                features->delay_accounting = value == '0' ? DELAY_ACCOUNTING_OFF : DELAY_ACCOUNTING_ON;
        close(fd);
        if (before == DELAY_ACCOUNTING_OFF && features->delay_accounting == DELAY_ACCOUNTING_ON)
                features->delays_since_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

/**
 * kernel_features_read() - find out
 * @ret_facts:  output
 * @procfs_fd:  /proc
 * @real:       it is the kernel's own, so that what is not there means something
 *
 * The sysctl came with Linux 5.14; a later kernel without it was built without
 * delay accounting, an earlier one does not tell.
 */
void kernel_features_read(KernelFeatures *ret_facts, int procfs_fd, bool real) {
        struct utsname name;

        *ret_facts = (KernelFeatures){};
        if (uname(&name) >= 0)
                snprintf(ret_facts->release, sizeof(ret_facts->release), "%s", name.release);

        kernel_features_update(ret_facts, procfs_fd);
        if (!real)
                return;
        if (ret_facts->delay_accounting == DELAY_ACCOUNTING_UNKNOWN && kernel_features_release_is_at_least(ret_facts, 5, 14)) {
                ret_facts->delay_accounting = DELAY_ACCOUNTING_UNSUPPORTED;
                ret_facts->unsupported |= STATS_CPU_DELAY | STATS_DELAYS | STATS_DELAY_PEAKS | STATS_DELAY_PEAK_TIMES;
        }
        if (faccessat(procfs_fd, "self/io", F_OK, 0) < 0)
                ret_facts->unsupported |= STATS_IO;
}
