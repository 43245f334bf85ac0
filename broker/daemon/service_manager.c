/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loop's tick sends the watchdog message, after a turn that read the kernel's sources.
 * A loop that hangs sends none, and the watchdog ends it.
 *
 * The messages are sent here, because sd_notify() waits for a manager that does not read.
 * A message that the manager's socket does not accept at once is sent again with the next
 * tick.
 */

#include <errno.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/service_manager.h"

/* Without a watchdog, the interval of the status text. */
#define STATUS_SECONDS 10u

/* Messages in the time that the watchdog allows, so that one late message does not end the daemon. */
#define WATCHDOG_MESSAGES 3u

/**
 * service_manager_take_listener() - take the socket of socket activation
 * @ret_fd:  output: a socket that listens; -1 if none was handed in
 *
 * Return: 0; SERVICE_MANAGER_E_REFUSED.
 */
int service_manager_take_listener(int *ret_fd) {
        int n = sd_listen_fds(true);

        if (n < 0) {
                log_error("The variables of socket activation are malformed: %s.", strerror(-n));
                return SERVICE_MANAGER_E_REFUSED;
        }
        if (n > 1) {
                log_error("%d sockets were handed in; taskbrokerd serves one. Name one path in taskbrokerd.socket.", n);
                return SERVICE_MANAGER_E_REFUSED;
        }
        if (n == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
                log_error("The socket handed in is not a Unix stream socket that listens: taskbrokerd.socket must have "
                          "ListenStream= with a path.");
                return SERVICE_MANAGER_E_REFUSED;
        }
        *ret_fd = n == 1 ? SD_LISTEN_FDS_START : -1;
        return 0;
}

/* Whether a service manager wants messages, and its address: a path, or with '@' an abstract name. */
static bool notify_address(struct sockaddr_un *address, socklen_t *ret_n) {
        const char *path = getenv("NOTIFY_SOCKET");
        size_t n = path ? strlen(path) : 0;

        if (n < 2 || n >= sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
                return false;
        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(address->sun_path, path, n);
        if (path[0] == '@')
                address->sun_path[0] = 0;
        *ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
        return true;
}

/* Return: whether the message was sent. */
static bool notify_send(const char *text) {
        struct sockaddr_un address;
        socklen_t n_address;
        ssize_t n;
        int fd;

        if (!notify_address(&address, &n_address))
                return false;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return false;
        n = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, n_address);
        close(fd);
        return n >= 0;
}

/**
 * service_manager_ready() - report that the daemon serves clients now
 * @service:  output
 */
void service_manager_ready(ServiceManager *service) {
        uint64_t watchdog_us = 0;
        struct sockaddr_un address;
        socklen_t n_address;

        *service = (ServiceManager){ .interval_ns = STATUS_SECONDS * NSEC_PER_SEC };
        if (sd_watchdog_enabled(false, &watchdog_us) > 0)
                service->interval_ns = watchdog_us * NSEC_PER_USEC / WATCHDOG_MESSAGES;
        service->is_present = notify_address(&address, &n_address);
        service->is_ready = service->is_present && notify_send("READY=1");
}

/**
 * service_manager_alive() - send the watchdog message and the status text when they are due
 * @service:  the service manager
 * @now_ns:   monotonic
 * @format:   the status text, as a printf format
 */
void service_manager_alive(ServiceManager *service, uint64_t now_ns, const char *format, ...) {
        char status[256], text[sizeof(status) + 32];
        va_list args;

        if (!service->is_present || now_ns - service->last_ns < service->interval_ns)
                return;
        va_start(args, format);
        (void)vsnprintf(status, sizeof(status), format, args);
        va_end(args);
        (void)snprintf(text, sizeof(text), "%sWATCHDOG=1\nSTATUS=%s", service->is_ready ? "" : "READY=1\n", status);
        if (!notify_send(text))
                return;
        service->is_ready = true;
        service->last_ns = now_ns;
}

/**
 * service_manager_stopping() - report that the daemon stops on purpose
 * @service:  the service manager
 */
void service_manager_stopping(ServiceManager *service) {
        if (service->is_present)
                (void)notify_send("STOPPING=1\nSTATUS=");
}
