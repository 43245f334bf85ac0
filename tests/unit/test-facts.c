/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* What the kernel is and can, read from a directory that plays /proc. */

#include <sys/utsname.h>

#include "broker/base/util.h"
#include "broker/root/facts.h"
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
                KernelFacts facts = {};

                snprintf(facts.release, sizeof(facts.release), "%s", rows[i].release);
                assert(facts_release_is_at_least(&facts, rows[i].major, rows[i].minor) == rows[i].is);
        }
}

static void test_read(void) {
        Tree tree = tree_new();
        struct utsname name;
        KernelFacts facts;

        memset(&facts, 0x55, sizeof(facts));
        tree_write_text(&tree, DELAYACCT, "1\n");
        tree_write_text(&tree, "self/io", "rchar: 1\n");
        facts_read(&facts, tree.fd, true);
        assert(uname(&name) == 0);
        assert(strncmp(facts.release, name.release, sizeof(facts.release) - 1) == 0);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_ON);
        assert(facts.unsupported == 0);
        assert(facts.taskstats_version == 0);

        tree_write_text(&tree, DELAYACCT, "0\n");
        facts_read(&facts, tree.fd, true);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_OFF);
        assert(facts.unsupported == 0);
        tree_free(&tree);
}

static void test_without(void) {
        Tree tree = tree_new();
        KernelFacts facts;

        /* a tree of a test's that lacks them says nothing of the kernel */
        facts_read(&facts, tree.fd, false);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_UNKNOWN && facts.unsupported == 0);

        /* the kernel's own, if it is new enough to have the switch, was built without */
        facts_read(&facts, tree.fd, true);
        assert(facts.unsupported & STATS_IO);
        if (facts_release_is_at_least(&facts, 5, 14)) {
                assert(facts.delay_accounting == DELAY_ACCOUNTING_UNSUPPORTED);
                assert(facts.unsupported == (STATS_IO | STATS_CPU_DELAY | STATS_DELAYS | STATS_DELAY_PEAKS |
                                             STATS_DELAY_PEAK_TIMES));
        }
        tree_write_text(&tree, "self/io", "rchar: 1\n");
        facts_read(&facts, tree.fd, true);
        assert(!(facts.unsupported & STATS_IO));
        tree_free(&tree);
}

static void test_update(void) {
        Tree tree = tree_new();
        KernelFacts facts = {};

        /* nothing there, nothing in it: as before */
        facts_update(&facts, tree.fd);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_UNKNOWN);
        tree_write_text(&tree, DELAYACCT, "");
        facts_update(&facts, tree.fd);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_UNKNOWN);

        tree_write_text(&tree, DELAYACCT, "1\n");
        facts_update(&facts, tree.fd);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_ON);
        tree_write_text(&tree, DELAYACCT, "0\n");
        facts_update(&facts, tree.fd);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_OFF);
        assert(unlinkat(tree.fd, DELAYACCT, 0) == 0);
        facts_update(&facts, tree.fd);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_OFF);

        facts.delay_accounting = DELAY_ACCOUNTING_UNSUPPORTED;
        tree_write_text(&tree, DELAYACCT, "1\n");
        facts_update(&facts, tree.fd);
        assert(facts.delay_accounting == DELAY_ACCOUNTING_UNSUPPORTED);
        tree_free(&tree);
}

int main(void) {
        test_release();
        test_read();
        test_without();
        test_update();
        return 0;
}
