/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel records a peer's credentials when it connects, and they cannot be forged. They
 * do not include the peer's pid namespace, which is read from /proc.
 *
 * Since Linux 6.5 the kernel gives a descriptor of the peer's process. Without the descriptor,
 * the process is found by its pid. Another process can have this pid only if the peer has
 * ended.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/lines.h"
#include "broker/base/util.h"
#include "broker/policy/proc_mount.h"
#include "broker/server/peer_creds.h"

/* <asm-generic/socket.h> of Linux 6.5. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define BIT(capability) (UINT64_C(1) << (capability))

/* NGROUPS_MAX of the kernel. */
#define GROUPS_MAX 65536u

static ssize_t file_read(const char *path, char *buffer, size_t n_buffer) {
        _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buffer, n_buffer - 1);

        if (n >= 0)
                buffer[n] = 0;
        return n;
}

/* "NSpid:\t12\t3" has a number for each pid namespace, beginning with the namespace of /proc and going inwards. */
static int text_check_namespace(const char *text) {
        const char *line = strstr(text, "\nNSpid:");
        size_t n = 0;
        long first = 0;

        if (!line)
                return PEER_CREDS_E_GONE;
        line += strlen("\nNSpid:");
        while (*line && *line != '\n') {
                char *end;
                long number = strtol(line, &end, 10);

                if (end == line)
                        break;
                if (n++ == 0)
                        first = number;
                line = end;
        }
        if (n == 0 || first < 0)
                return PEER_CREDS_E_GONE;
        return n > 1 || first == 0 ? PEER_CREDS_E_NAMESPACE : 0;
}

static int peer_creds_failure(void) {
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? PEER_CREDS_E_SHORT : PEER_CREDS_E_GONE;
}

/*
 * Whether the peer lives in the broker's pid namespace. As long as it lives its number has no other owner.
 * Linux before 6.5 has no descriptor of a peer, @pidfd -1.
 */
static int peer_creds_check_namespace(int pidfd, pid_t pid) {
        static const char *const labels[] = { "NSpid:", NULL };
        char path[64], text[1024];

        if (pidfd < 0)
                snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        else
                snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
        return lines_read(AT_FDCWD, path, labels, text, sizeof(text)) < 0 ? peer_creds_failure()
                                                                          : text_check_namespace(text);
}

/*
 * The initial user namespace maps all ids to themselves. If the map cannot be read, that counts against the peer,
 * unless the kernel has no user namespaces.
 */
static bool peer_creds_is_in_user_namespace(pid_t pid) {
        char path[64], text[128];
        unsigned int inside, outside, n;

        snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
        if (file_read(path, text, sizeof(text)) < 0)
                return file_read("/proc/self/uid_map", text, sizeof(text)) >= 0;
        return sscanf(text, "%u %u %u", &inside, &outside, &n) != 3 || inside != 0 || outside != 0 || n != UINT32_MAX;
}

/*
 * Root may read other users' files in /proc by two capabilities: the files are open only to their owner
 * (CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE), and the kernel asks whether the reader may debug the task
 * (CAP_SYS_PTRACE). An unreadable file counts against the peer.
 */
static bool peer_creds_lacks_capabilities(pid_t pid) {
        static const char *const labels[] = { "CapEff:", NULL };
        uint64_t effective;
        char path[64], text[64];

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        return lines_read(AT_FDCWD, path, labels, text, sizeof(text)) <= 0 ||
               sscanf(text, "\nCapEff: %" SCNx64, &effective) != 1 || !peer_creds_capabilities_suffice(effective);
}

/**
 * peer_creds_capabilities_suffice() - whether root's capabilities make all of /proc readable
 * @effective:  the effective set, as in /proc/PID/status
 */
bool peer_creds_capabilities_suffice(uint64_t effective) {
        return effective & BIT(CAP_SYS_PTRACE) && effective & (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH));
}

/*
 * Whether the peer has the mounts of process 1, whose options the policy contains. A mount is in one namespace only,
 * and its number is unique. So the first mount that the peer sees shows the namespace, in some bytes.
 */
static bool peer_creds_has_mounts_of_machine(const char *path) {
        char own[256], machine[256];

        if (file_read(path, own, sizeof(own)) <= 0 || file_read("/proc/1/mountinfo", machine, sizeof(machine)) <= 0)
                return false;
        own[strcspn(own, "\n")] = 0;
        machine[strcspn(machine, "\n")] = 0;
        return strcmp(own, machine) == 0;
}

/* Whether the peer's own mount of /proc hides other users' tasks from it; true if it cannot be read in full. */
static bool peer_creds_procfs_hides(const Credentials *credentials, pid_t pid) {
        ProcMount mount;
        uint32_t group;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
        if (peer_creds_has_mounts_of_machine(path))
                return false;
        (void)proc_mount_read_of(&mount, AT_FDCWD, path,
                                 credentials->in_user_namespace ? PROC_MOUNT_BYTES_OF_USER : PROC_MOUNT_BYTES);
        group = proc_mount_exempt_group(&mount);
        return mount.subset || (proc_mount_hides(&mount) &&
                                (group == UINT32_MAX || !credentials_has_group(credentials, group)));
}

static int peer_creds_read_groups(PeerCreds *peer, int fd) {
        socklen_t n_bytes = 64 * sizeof(gid_t);

        for (;;) {
                gid_t *groups = realloc(peer->groups, n_bytes);

                if (!groups)
                        return error_origin(-ENOMEM);
                peer->groups = groups;
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n_bytes) >= 0)
                        break;
                /* Now n_bytes says how much it takes. */
                if (errno != ERANGE || n_bytes > GROUPS_MAX * sizeof(gid_t))
                        return PEER_CREDS_E_GONE;
        }
        peer->credentials.groups = peer->groups;
        peer->credentials.n_groups = n_bytes / sizeof(gid_t);
        return 0;
}

/**
 * peer_creds_read() - find out who connected
 * @peer:  output, also on failure to be given to peer_creds_deinit()
 * @fd:    the connection
 *
 * Return: 0; PEER_CREDS_E_NAMESPACE; PEER_CREDS_E_GONE; PEER_CREDS_E_SHORT; a negative errno.
 */
int peer_creds_read(PeerCreds *peer, int fd) {
        _cleanup_(fd_closep) int pidfd = -1;
        struct ucred credentials;
        socklen_t n_credentials = sizeof(credentials), n_pidfd = sizeof(pidfd);
        int r;

        *peer = (PeerCreds)PEER_CREDS_NULL;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &n_credentials) < 0)
                return PEER_CREDS_E_GONE;
        peer->credentials.uid = credentials.uid;
        peer->credentials.gid = credentials.gid;
        if (credentials.pid <= 0)
                return PEER_CREDS_E_NAMESPACE;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n_pidfd) < 0) {
                pidfd = -1;
                if (errno != ENOPROTOOPT)
                        return peer_creds_failure();
        }
        r = peer_creds_check_namespace(pidfd, credentials.pid);
        if (r)
                return r;
        r = peer_creds_read_groups(peer, fd);
        if (r)
                return r < 0 ? error_trace(r) : r;
        peer->credentials.in_user_namespace = peer_creds_is_in_user_namespace(credentials.pid);
        peer->credentials.lacks_capabilities =
                credentials.uid == 0 && peer_creds_lacks_capabilities(credentials.pid);
        peer->credentials.procfs_hides = peer_creds_procfs_hides(&peer->credentials, credentials.pid);
        /* If the peer still lives, the files showed the peer and no later process. */
        return peer_creds_check_namespace(pidfd, credentials.pid);
}

void peer_creds_deinit(PeerCreds *peer) {
        free(peer->groups);
        *peer = (PeerCreds)PEER_CREDS_NULL;
}
