/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The mount options of /proc, parsed from lines of mountinfo. */

#include "broker/base/util.h"
#include "broker/policy/proc_mount.h"
#include "tests/unit/harness.h"

#define ROOT "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"

static void test_table(void) {
        static const struct {
                const char *mountinfo;
                bool found;
                HidePid hidepid;
                gid_t gid;
        } cases[] = {
                { "", false, 0, 0 },
                { ROOT, false, 0, 0 },
                { ROOT "22 21 0:20 / /proc rw,relatime - proc proc rw\n", true, HIDEPID_OFF, 0 },
                { ROOT "22 21 0:20 / /proc rw shared:5 master:2 - proc proc rw,hidepid=1\n", true, HIDEPID_NOACCESS,
                  0 },
                { ROOT "22 21 0:20 / /proc rw - proc proc rw,gid=20,hidepid=2\n", true, HIDEPID_INVISIBLE, 20 },
                { "22 21 0:20 / /proc rw - proc proc rw,gid=4294967294,hidepid=invisible", true, HIDEPID_INVISIBLE,
                  4294967294u },
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=noaccess\n" ROOT, true, HIDEPID_NOACCESS, 0 },
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=off\n", true, HIDEPID_OFF, 0 },
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=4\n", true, HIDEPID_PTRACEABLE, 0 },
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=ptraceable\n", true, HIDEPID_PTRACEABLE, 0 },
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=tomorrow\n", true, HIDEPID_PTRACEABLE, 0 },
                /* two mounts on /proc: the last one counts */
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=2,gid=5\n23 22 0:21 / /proc rw - proc proc rw\n", true,
                  HIDEPID_OFF, 0 },
                { "22 21 0:20 / /proc rw - proc proc rw,hidepid=2\n23 22 0:21 / /proc rw - tmpfs none rw\n", false, 0,
                  0 },
                /* a mount without a source */
                { "22 21 0:20 / /proc rw -  \n", false, 0, 0 },
                { "22 21 0:20 / /proc rw - proc  rw,hidepid=2,gid=7\n", true, HIDEPID_INVISIBLE, 7 },
                /* mounts in other places, and a cut line */
                { "22 21 0:20 / /chroot/proc rw - proc proc rw,hidepid=2\n", false, 0, 0 },
                { "22 21 0:20 /sys /proc/sys ro - proc proc ro,hidepid=2\n", false, 0, 0 },
                { "22 21 0:20 / /proc rw\n", false, 0, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); ++i) {
                ProcMount mount = {};

                assert(proc_mount_parse(&mount, cases[i].mountinfo, "/proc") == cases[i].found);
                assert(mount.hidepid == cases[i].hidepid);
                assert(mount.gid == cases[i].gid);
        }
}

/* Two mounts together: neither shows what the other hides. */
static void test_stricter(void) {
        static const struct {
                ProcMount a, b;
                bool hides;
                uint32_t exempt;        /* only if it hides */
        } rows[] = {
                { {}, {}, false, 0 },
                { { .hidepid = HIDEPID_INVISIBLE, .gid = 5 }, {}, true, 5 },
                { { .hidepid = HIDEPID_NOACCESS, .gid = 5 }, { .hidepid = HIDEPID_INVISIBLE, .gid = 5 }, true, 5 },
                { { .hidepid = HIDEPID_NOACCESS, .gid = 5 }, { .hidepid = HIDEPID_INVISIBLE, .gid = 6 }, true,
                  UINT32_MAX },
                { { .hidepid = HIDEPID_NOACCESS, .gid = 5 }, { .hidepid = HIDEPID_INVISIBLE }, true, UINT32_MAX },
                { { .hidepid = HIDEPID_INVISIBLE }, {}, true, UINT32_MAX },
                { { .hidepid = HIDEPID_PTRACEABLE, .gid = 5 }, {}, true, UINT32_MAX },
                { { .hidepid = HIDEPID_PTRACEABLE, .gid = 5 }, { .hidepid = HIDEPID_NOACCESS, .gid = 5 }, true,
                  UINT32_MAX },
                { PROC_MOUNT_UNKNOWN, {}, true, UINT32_MAX },
                { { .subset = true }, {}, true, UINT32_MAX },
                { { .gid = 5 }, {}, false, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                for (int swapped = 0; swapped < 2; ++swapped) {
                        ProcMount mount = swapped ? proc_mount_stricter(&rows[i].b, &rows[i].a)
                                                  : proc_mount_stricter(&rows[i].a, &rows[i].b);

                        assert(proc_mount_hides(&mount) == rows[i].hides);
                        assert(!rows[i].hides || proc_mount_exempt_group(&mount) == rows[i].exempt);
                }
        }
}

static bool read_of(ProcMount *mount, const Tree *tree) {
        return proc_mount_read_of(mount, tree->fd, "1/mountinfo", PROC_MOUNT_BYTES);
}

/* An unreadable mountinfo counts as hiding: a file that is missing, is too long, or has no /proc. */
static void test_read_of(void) {
        static char text[2 * PROC_MOUNT_BYTES];
        Tree tree = tree_new();
        ProcMount mount;

        assert(!read_of(&mount, &tree) && mount.hidepid == HIDEPID_PTRACEABLE);
        tree_write_text(&tree, "1/mountinfo", ROOT);
        assert(read_of(&mount, &tree) && mount.hidepid == HIDEPID_PTRACEABLE);
        tree_write_text(&tree, "1/mountinfo", ROOT "22 21 0:20 / /proc rw - proc proc rw\n");
        assert(read_of(&mount, &tree) && !proc_mount_hides(&mount));
        tree_write_text(&tree, "1/mountinfo", ROOT "22 21 0:20 / /proc rw - proc proc rw,subset=pid\n");
        assert(read_of(&mount, &tree) && mount.hidepid == 0 && proc_mount_hides(&mount));
        /* one long line behind it: with strict checks of strings, many lines take minutes */
        memset(text, 'x', sizeof(text) - 1);
        memcpy(text, "22 21 0:20 / /proc rw - proc proc rw\n", 37);
        tree_write(&tree, "1/mountinfo", text, PROC_MOUNT_BYTES - 2);
        assert(read_of(&mount, &tree) && !proc_mount_hides(&mount));
        /* a user's own namespace: less is read, whatever the file has */
        assert(!proc_mount_read_of(&mount, tree.fd, "1/mountinfo", PROC_MOUNT_BYTES_OF_USER));
        assert(mount.hidepid == HIDEPID_PTRACEABLE);
        tree_write(&tree, "1/mountinfo", text, PROC_MOUNT_BYTES_OF_USER - 2);
        assert(proc_mount_read_of(&mount, tree.fd, "1/mountinfo", PROC_MOUNT_BYTES_OF_USER));
        assert(!proc_mount_hides(&mount));
        tree_write(&tree, "1/mountinfo", text, sizeof(text) - 1);
        assert(!read_of(&mount, &tree) && mount.hidepid == HIDEPID_PTRACEABLE);
        tree_free(&tree);
}

static void test_machine(void) {
        ProcMount mount;

        assert(proc_mount_read(&mount, "/proc"));
        assert(!proc_mount_read(&mount, "/nowhere") && mount.hidepid == HIDEPID_OFF);
}

int main(void) {
        test_table();
        test_stricter();
        test_read_of();
        test_machine();
        return 0;
}
