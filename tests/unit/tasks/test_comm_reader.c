/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* CommReader: names from a directory that plays /proc, and the budget for reading them. */

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/tasks/comm_reader.h"
#include "tests/unit/harness.h"

static uint64_t now_ns(void) {
        return (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
}

static void test_read(void) {
        static const struct {
                const char *file;
                const char *comm;       /* NULL: not read */
        } rows[] = {
                { "bash\n", "bash" },
                { "fifteen-letters\n", "fifteen-letters" },
                { "fifteen-letters", "fifteen-letters" },
                { "a) b (c\n", "a) b (c" },
                { "new\nline\n", "new\nline" },
                /* the kernel escapes nothing, and adds only the last newline */
                { "ends\n\n", "ends\n" },
                { "\n", "" },
                /* longer than a name can be */
                { "this is far too long for a name\n", "this is far too" },
                { "", NULL },
        };
        Tree tree = tree_new();
        CommReader names;

        comm_reader_init(&names, tree.fd);
        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                char comm[COMM_SIZE];
                uint32_t owner;

                memset(comm, 'z', sizeof(comm));
                tree_write_text(&tree, "4711/comm", rows[i].file);
                if (!rows[i].comm) {
                        assert(!comm_reader_read(&names, 4711, now_ns(), comm, &owner));
                        assert(comm[0] == 'z');
                        continue;
                }
                assert(comm_reader_read(&names, 4711, now_ns(), comm, &owner));
                assert(strcmp(comm, rows[i].comm) == 0);
                assert(owner == geteuid());
                for (size_t k = strlen(comm); k < sizeof(comm); ++k)
                        assert(comm[k] == 0);
        }
        tree_free(&tree);
}

static void test_gone(void) {
        Tree tree = tree_new();
        char comm[COMM_SIZE] = "before";
        uint32_t owner;
        CommReader names;

        comm_reader_init(&names, tree.fd);
        assert(!comm_reader_read(&names, 4711, now_ns(), comm, &owner));
        assert(strcmp(comm, "before") == 0);

        comm_reader_init(&names, -1);
        assert(!comm_reader_read(&names, 4711, now_ns(), comm, &owner));
        tree_free(&tree);
}

/* After a second another task may have the number. */
static void test_too_old(void) {
        Tree tree = tree_new();
        char comm[COMM_SIZE];
        uint32_t owner;
        CommReader names;

        comm_reader_init(&names, tree.fd);
        tree_write_text(&tree, "4711/comm", "bash\n");
        assert(comm_reader_read(&names, 4711, now_ns() - 100 * NSEC_PER_MSEC, comm, &owner));
        assert(!comm_reader_read(&names, 4711, now_ns() - NSEC_PER_SEC, comm, &owner));
        assert(!comm_reader_read(&names, 4711, 0, comm, &owner));
        tree_free(&tree);
}

static void test_budget(void) {
        Tree tree = tree_new();
        uint64_t begun;
        unsigned int n = 0;
        char comm[COMM_SIZE];
        uint32_t owner;
        CommReader names;

        comm_reader_init(&names, tree.fd);
        tree_write_text(&tree, "4711/comm", "bash\n");
        begun = now_ns();
        while (comm_reader_read(&names, 4711, now_ns(), comm, &owner))
                ++n;
        if (now_ns() - begun < NSEC_PER_SEC)
                assert(n == 5000);
        /* a read that is too late, or refused, uses up no budget; a second later there is a new budget */
        assert(names.n_tokens == 0);
        names.refilled_ns -= NSEC_PER_SEC;
        assert(!comm_reader_read(&names, 4711, 0, comm, &owner));
        assert(names.n_tokens == 5000);
        assert(comm_reader_read(&names, 4711, now_ns(), comm, &owner));
        assert(names.n_tokens == 4999);
        tree_free(&tree);
}

int main(void) {
        test_read();
        test_gone();
        test_too_old();
        test_budget();
        return 0;
}
