/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Paths of control groups as people copy them, on hosts with one hierarchy and with several.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/connect/cgroup_path.h"
#include "tests/unit/harness.h"

#define OTHERS "20 1 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n\n21 20 0:5 / /proc rw - proc proc rw\n"
#define TOP "30 20 0:26 / /tb-none/cgroup rw shared:9 - tmpfs tmpfs rw,mode=755\n"
#define V2(root, point) "31 30 0:27 " root " " point " rw shared:10 master:3 - cgroup2 cgroup2 rw\n"
#define V1(point, options) "32 30 0:28 / " point " rw - cgroup cgroup rw," options "\n"

static const char unified[] = OTHERS V2("/", "/sys/fs/cgroup");
static const char hybrid[] = OTHERS TOP V1("/m/memory", "memory") V1("/m/cpu,cpuacct", "cpu,cpuacct")
        V1("/m/systemd", "xattr,name=systemd") V2("/", "/m/unified");
static const char controllers[] = OTHERS TOP V1("/m/memory", "memory") V1("/m/openrc", "name=openrc");
static const char container[] = OTHERS V2("/docker/12ab", "/m\\040x") V2("/../a", "/n");

static const struct {
        const char *mounts;
        const char *value;
        const char *path; /* NULL: refused */
        int error;
} rows[] = {
        { unified, "/", "/", 0 },
        { unified, "/system.slice/a.service", "/system.slice/a.service", 0 },
        { unified, "/sys/fs/cgroup", "/", 0 },
        { unified, "/sys/fs/cgroup/", "/", 0 },
        { unified, "/sys/fs/cgroup/system.slice//a.service/", "/system.slice/a.service", 0 },
        { unified, "/sys/fs/cgroups/a", "/sys/fs/cgroups/a", 0 },
        { unified, "//a/./b///c/.", "/a/b/c", 0 },
        { unified, "/../other", "/../other", 0 },
        { unified, "/.hidden/..x", "/.hidden/..x", 0 },
        { hybrid, "/a", "/a", 0 },
        { hybrid, "/m/unified/a/b", "/a/b", 0 },
        { hybrid, "/m/unified", "/", 0 },
        { hybrid, "/m/systemd/user.slice/", "/user.slice", 0 },
        { hybrid, "/m/memory/a", NULL, -EXDEV },
        { hybrid, "/m/cpu,cpuacct/a", NULL, -EXDEV },
        { hybrid, "/m/memory", NULL, -EXDEV },
        { hybrid, "/m/memoryless/a", "/m/memoryless/a", 0 },
        { hybrid, "/sys/fs/cgroup/a", "/a", 0 },
        { controllers, "/m/memory/docker/1", "/docker/1", 0 },
        { controllers, "/m/openrc/sshd", "/sshd", 0 },
        { container, "/m x/job", "/docker/12ab/job", 0 },
        { container, "/m x", "/docker/12ab", 0 },
        { container, "/n/b", "/../a/b", 0 },
        { "", "/sys/fs/cgroup/a", "/a", 0 },
        { unified, "", NULL, -EINVAL },
        { unified, "a", NULL, -EINVAL },
        { unified, "./a", NULL, -EINVAL },
        { unified, "/0123456789012345678901234567890", "/0123456789012345678901234567890", 0 },
        { unified, "/01234567890123456789012345678901", NULL, -ENAMETOOLONG },
        { unified, "/sys/fs/cgroup/0123456789012345678901234567890", "/0123456789012345678901234567890", 0 },
};

int main(void) {
        Tree tree = tree_new();
        char path[33], mounts[300];

        snprintf(mounts, sizeof(mounts), "%s/mountinfo", tree.path);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                int r;

                tree_write_text(&tree, "mountinfo", rows[i].mounts);
                strcpy(path, "?");
                r = cgroup_path_resolve(mounts, rows[i].value, path, sizeof(path));
                if (r != rows[i].error || strcmp(path, rows[i].path ? rows[i].path : "?") != 0)
                        fprintf(stderr, "%s: %d %s\n", rows[i].value, r, path);
                assert(r == rows[i].error && strcmp(path, rows[i].path ? rows[i].path : "?") == 0);
        }

        /* Without mounts the usual place is known. */
        assert(cgroup_path_resolve("/nonexistent", "/sys/fs/cgroup/a", path, sizeof(path)) == 0);
        assert(strcmp(path, "/a") == 0);
        tree_free(&tree);
        return 0;
}
