/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Most features are constant and read once at the start. Delay accounting is a sysctl that
 * can change at any time without a notification, so the loop reads it twice a second.
 */

#include <errno.h>
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
 * kernel_features_update() - read whether delay accounting is on
 * @features:   the features
 * @procfs_fd:  /proc
 *
 * A task that is forked between a change of the sysctl and the next call is taken for one
 * from before the change. If the sysctl cannot be read, the state is unknown. On a kernel
 * without the sysctl, join_mask_stats() finds it out.
 */
void kernel_features_update(KernelFeatures *features, int procfs_fd) {
        DelayAccounting before = features->delay_accounting;
        char value;
        int fd;

        if (before == DELAY_ACCOUNTING_UNSUPPORTED || features->delays_constant)
                return;
        features->delay_accounting = DELAY_ACCOUNTING_UNKNOWN;
        fd = openat(procfs_fd, DELAYACCT_PATH, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        if (read(fd, &value, 1) == 1)
                features->delay_accounting = value == '0' ? DELAY_ACCOUNTING_OFF : DELAY_ACCOUNTING_ON;
        close(fd);
        if (before != DELAY_ACCOUNTING_ON && features->delay_accounting == DELAY_ACCOUNTING_ON)
                features->delays_since_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

/**
 * kernel_features_read() - find out what this kernel is and supports
 * @ret_features:  output
 * @procfs_fd:     /proc
 * @real:          true: the kernel's own /proc, where a missing file has a meaning
 *
 * The sysctl exists since Linux 5.14. A later kernel without it was built without delay
 * accounting. On an earlier kernel its state is unknown, and constant.
 */
void kernel_features_read(KernelFeatures *ret_features, int procfs_fd, bool real) {
        struct utsname name;
        bool missing, has_switch;

        *ret_features = (KernelFeatures){};
        if (uname(&name) >= 0)
                snprintf(ret_features->release, sizeof(ret_features->release), "%s", name.release);

        kernel_features_update(ret_features, procfs_fd);
        missing = faccessat(procfs_fd, DELAYACCT_PATH, F_OK, 0) < 0 && errno == ENOENT;
        has_switch = kernel_features_release_is_at_least(ret_features, 5, 14);
        ret_features->delays_constant = missing && !has_switch;
        if (!real)
                return;
        if (missing && has_switch) {
                ret_features->delay_accounting = DELAY_ACCOUNTING_UNSUPPORTED;
                ret_features->unsupported |=
                        STATS_CPU_DELAY | STATS_DELAYS | STATS_DELAY_PEAKS | STATS_DELAY_PEAK_TIMES;
        }
        if (faccessat(procfs_fd, "self/io", F_OK, 0) < 0)
                ret_features->unsupported |= STATS_IO;
}
