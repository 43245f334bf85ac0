/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The credentials of the process at a connection's other end: here the test itself. */

#include <sys/socket.h>

#include "broker/base/util.h"
#include "broker/policy/proc_mount.h"
#include "broker/server/peer_creds.h"
#include "tests/unit/harness.h"

/* The kernel asks for CAP_SYS_PTRACE (19), and to open others' files for CAP_DAC_OVERRIDE (1) or _READ_SEARCH (2). */
static void test_capabilities(void) {
        static const struct {
                uint64_t effective;
                bool suffice;
        } rows[] = {
                { 0, false },
                { 1u << 1 | 1u << 2, false },
                { 1u << 19, false },
                { 1u << 19 | 1u << 12 | 1u << 21, false },
                { 1u << 19 | 1u << 1, true },
                { 1u << 19 | 1u << 2, true },
                { ~(UINT64_C(1) << 19), false },
                { ~(UINT64_C(3) << 1), false },
                { UINT64_MAX, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i)
                assert(peer_creds_capabilities_suffice(rows[i].effective) == rows[i].suffice);
}

static void test_self(void) {
        PeerCreds peer;
        int pair[2];

        assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        if (peer_creds_read(&peer, pair[0]) == 0) {
                ProcMount mount;

                assert(peer.credentials.uid == geteuid() && peer.credentials.gid == getegid());
                assert(!peer.credentials.lacks_capabilities || geteuid() == 0);
                if (proc_mount_read_of(&mount, AT_FDCWD, "/proc/self/mountinfo", PROC_MOUNT_BYTES) &&
                    !proc_mount_hides(&mount))
                        assert(!peer.credentials.procfs_hides);
        }
        peer_creds_deinit(&peer);
        close(pair[0]);
        close(pair[1]);
}

int main(void) {
        test_capabilities();
        test_self();
        return 0;
}
