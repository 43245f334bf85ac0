/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The features of the kernel, read from a directory in place of /proc. */

#include <sys/utsname.h>

#include "broker/base/util.h"
#include "broker/daemon/kernel_features.h"
#include "tests/unit/harness.h"

#define DELAYACCT "sys/kernel/task_delayacct"

static void test_release(void) {
        static const struct {
                const char *release;
                unsigned int major, minor;
                bool is;
        } rows[] = {
                { "6.6.0", 6, 6, true },
                { "6.6", 6, 6, true },
                { "6.5.99-custom", 6, 6, false },
                { "6.10.3-amd64", 6, 6, true },
                { "7.0.0-rc1", 6, 6, true },
                { "5.14.21-150500.55-default", 5, 14, true },
                { "5.4.0-150-generic", 5, 14, false },
                { "10.0", 6, 6, true },
                { "6", 6, 0, false },
                { "", 6, 6, false },
                { "linux", 0, 0, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                KernelFeatures features = {};

                snprintf(features.release, sizeof(features.release), "%s", rows[i].release);
                assert(kernel_features_release_is_at_least(&features, rows[i].major, rows[i].minor) == rows[i].is);
        }
}

static void test_read(void) {
        Tree tree = tree_new();
        struct utsname name;
        KernelFeatures features;

        memset(&features, 0x55, sizeof(features));
        tree_write_text(&tree, DELAYACCT, "1\n");
        tree_write_text(&tree, "self/io", "rchar: 1\n");
        kernel_features_read(&features, tree.fd, true);
        assert(uname(&name) == 0);
        assert(strncmp(features.release, name.release, sizeof(features.release) - 1) == 0);
        assert(features.delay_accounting == DELAY_ACCOUNTING_ON);
        assert(features.unsupported == 0);
        assert(features.taskstats_version == 0);

        tree_write_text(&tree, DELAYACCT, "0\n");
        kernel_features_read(&features, tree.fd, true);
        assert(features.delay_accounting == DELAY_ACCOUNTING_OFF);
        assert(features.unsupported == 0);
        tree_free(&tree);
}

static void test_without(void) {
        Tree tree = tree_new();
        KernelFeatures features;

        /* a missing file in a test's directory says nothing about the kernel */
        kernel_features_read(&features, tree.fd, false);
        assert(features.delay_accounting == DELAY_ACCOUNTING_UNKNOWN && features.unsupported == 0);

        /* a missing file in the kernel's own /proc means that the kernel was built without it */
        kernel_features_read(&features, tree.fd, true);
        assert(features.unsupported & STATS_IO);
        if (kernel_features_release_is_at_least(&features, 5, 14)) {
                assert(features.delay_accounting == DELAY_ACCOUNTING_UNSUPPORTED);
                assert(features.unsupported == (STATS_IO | STATS_CPU_DELAY | STATS_DELAYS | STATS_DELAY_PEAKS |
                                             STATS_DELAY_PEAK_TIMES));
        }
        tree_write_text(&tree, "self/io", "rchar: 1\n");
        kernel_features_read(&features, tree.fd, true);
        assert(!(features.unsupported & STATS_IO));
        tree_free(&tree);
}

static void test_update(void) {
        Tree tree = tree_new();
        KernelFeatures features = {};

        /* with a missing or empty file the state is unknown */
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_UNKNOWN);
        tree_write_text(&tree, DELAYACCT, "");
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_UNKNOWN);

        tree_write_text(&tree, DELAYACCT, "1\n");
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_ON);
        tree_write_text(&tree, DELAYACCT, "0\n");
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_OFF);
        assert(unlinkat(tree.fd, DELAYACCT, 0) == 0);
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_UNKNOWN);

        /* tasks that are forked while the state is unknown may lack their delays */
        features.delays_since_ns = 0;
        tree_write_text(&tree, DELAYACCT, "1\n");
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_ON && features.delays_since_ns > 0);

        /* without the sysctl in this kernel, only a task can show the state */
        features.delays_constant = true;
        assert(unlinkat(tree.fd, DELAYACCT, 0) == 0);
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_ON);
        features.delays_constant = false;

        features.delay_accounting = DELAY_ACCOUNTING_UNSUPPORTED;
        tree_write_text(&tree, DELAYACCT, "1\n");
        kernel_features_update(&features, tree.fd);
        assert(features.delay_accounting == DELAY_ACCOUNTING_UNSUPPORTED);
        tree_free(&tree);
}

int main(void) {
        test_release();
        test_read();
        test_without();
        test_update();
        return 0;
}
