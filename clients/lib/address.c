/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The address of the broker: find it, connect to it, and explain a failure to a person.
 *
 * Called by client.c and session.c; owns nothing.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/address.h"

/* How long connect(2) may wait for a broker whose backlog is full. */
#define ADDRESS_CONNECT_SECONDS 5

/*
 * secure_getenv(): a program with more rights than its user must not connect to a socket that the user made.
 */
const char *address_resolve(const char *path) {
        if (path)
                return path;

        path = secure_getenv(TB_SOCKET_ENV);
        return path && *path ? path : TB_SOCKET_PATH;
}

/**
 * address_connect() - connect to the broker's socket
 * @path:       its path; NULL: the usual one
 *
 * A Unix socket's connect(2) waits only while the listener's backlog is full.
 * Not to wait at all would make a start of many clients at once fail for most of
 * them, hence the time limit, which for Unix sockets is SO_SNDTIMEO.
 *
 * Return: The descriptor, or a negative errno.
 */
int address_connect(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const struct timeval limit = { .tv_sec = ADDRESS_CONNECT_SECONDS };
        size_t n_path;
        int fd, r;

        path = address_resolve(path);
        n_path = strlen(path);
        /* To the kernel it would be an abstract name. */
        if (n_path == 0)
                return -EINVAL;
        if (n_path >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, n_path + 1);

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;

        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
                goto error;
        do {
                r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
        } while (r < 0 && errno == EINTR);
        if (r < 0)
                goto error;

        return fd;

error:
        r = -errno;
        close(fd);
        return r;
}

void tb_connect_error_text(const char *path, int error, char *buffer, size_t n_buffer) {
        path = address_resolve(path);
        if (!*path) {
                snprintf(buffer, n_buffer, "The path of the broker's socket is empty: give one.");
                return;
        }

        switch (-error) {
        case ENOENT:
        case ECONNREFUSED:
                snprintf(buffer,
                         n_buffer,
                         "No broker listens on %s: start taskbrokerd (as root), "
                         "or name its socket with --socket or " TB_SOCKET_ENV ".",
                         path);
                break;
        case EACCES:
        case EPERM:
                snprintf(buffer,
                         n_buffer,
                         "You may not connect to %s: the permissions of the socket or of a directory above it "
                         "forbid it; ask the administrator of this machine to let you in.",
                         path);
                break;
        case ENAMETOOLONG:
                snprintf(buffer,
                         n_buffer,
                         "The path %s is too long for a socket: %zu bytes are possible; use a shorter one.",
                         path,
                         sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
                break;
        case EAGAIN:
                snprintf(buffer,
                         n_buffer,
                         "The broker on %s did not take the connection within %d seconds: "
                         "it hangs, or too many connect at once; look at its log, and try again.",
                         path,
                         ADDRESS_CONNECT_SECONDS);
                break;
        case EPROTOTYPE:
        case ENOTSOCK:
        case ENOTDIR:
                snprintf(buffer,
                         n_buffer,
                         "%s is not a socket of taskbrokerd: name the right one with --socket or " TB_SOCKET_ENV ".",
                         path);
                break;
        default:
                snprintf(buffer, n_buffer, "Cannot connect to the broker on %s: %s.", path, strerror(-error));
                break;
        }
}
