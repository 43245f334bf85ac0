/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The mount options of /proc, parsed from lines of mountinfo. */

#include "broker/base/util.h"
#include "broker/daemon/proc_mount.h"
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

static void test_machine(void) {
        ProcMount mount;

        assert(proc_mount_read(&mount, "/proc"));
        assert(!proc_mount_read(&mount, "/nowhere") && mount.hidepid == HIDEPID_OFF);
}

int main(void) {
        test_table();
        test_machine();
        return 0;
}
