/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Some lines of a file are read, whatever the length of the others and wherever a step of the reading ends. */

#include "broker/base/lines.h"
#include "broker/base/util.h"
#include "tests/unit/harness.h"

static const char *const labels[] = { "Uid:", "CapPrm:", NULL };

static Tree tree;

static void expect(const char *file, const char *due) {
        char text[128];

        tree_write_text(&tree, "file", file);
        assert(lines_read(tree.fd, "file", labels, text, sizeof(text)) == (ssize_t)strlen(due));
        assert(!strcmp(text, due));
}

static void test_some(void) {
        expect("", "");
        expect("Uid", "");
        expect("Uid:", "\nUid:");
        expect("Uid:\t1\n", "\nUid:\t1");
        expect("Name:\tUid:\n Uid:\nuid:\nUid:\t1\nCapPrm:\t2", "\nUid:\t1\nCapPrm:\t2");
        /* it ends with the last label */
        expect("CapPrm:\t2\nUid:\t1\n", "\nCapPrm:\t2");
        expect("\n\nUid:\n\nCapPrm:\n\n", "\nUid:\nCapPrm:");
}

/* A long line stands between the others, and each step of the reading ends somewhere else. */
static void test_long(void) {
        static char file[800000];

        for (size_t n = 0; n < 700000; n += n < 9000 ? 7 : 7919) {
                char *end = stpcpy(file, "Name:\tx\nUid:\t1\nGroups:\t");

                memset(end, '7', n);
                strcpy(end + n, "\nCapPrm:\t2\n");
                expect(file, "\nUid:\t1\nCapPrm:\t2");
        }
}

/* A line that is wanted, and is too long, is cut off. */
static void test_cut(void) {
        char file[6000] = "Uid:", text[16];

        memset(file + 4, '7', sizeof(file) - 5);
        tree_write_text(&tree, "file", file);
        assert(lines_read(tree.fd, "file", labels, text, sizeof(text)) == sizeof(text) - 1);
        assert(!strcmp(text, "\nUid:7777777777"));
}

static bool take(char *line, void *userdata) {
        size_t *n = userdata;

        assert(strlen(line) == *n);
        *n = *n < LINES_MAX ? *n + 1 : LINES_MAX;
        return true;
}

static void test_each(void) {
        static char file[4000000];
        char *end = file;
        size_t n = 0;

        for (size_t i = 0; i < LINES_MAX + 500; ++i) {
                memset(end, 'x', i);
                end += i;
                *end++ = '\n';
        }
        *end = 0;
        tree_write_text(&tree, "file", file);
        assert(lines_each(tree.fd, "file", take, &n) == 0 && n == LINES_MAX);
        assert(lines_each(tree.fd, "none", take, &n) == -ENOENT);
        assert(lines_each(tree.fd, ".", take, &n) == -EISDIR);
        errno = 0;
        assert(lines_read(tree.fd, "none", labels, file, 2) == -1 && errno == ENOENT);
}

int main(void) {
        tree = tree_new();
        test_some();
        test_long();
        test_cut();
        test_each();
        tree_free(&tree);
        return 0;
}
