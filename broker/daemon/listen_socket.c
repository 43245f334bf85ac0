/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The socket comes from a test (--listener-fd), from the service manager, or is made at
 * --socket. Here errors of the listener become sentences that name the remedy.
 */

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/daemon/listen_socket.h"
#include "broker/daemon/policy_watch.h"
#include "broker/daemon/service_manager.h"

/**
 * listen_socket_open() - take or make the listening socket
 * @listener:  output
 * @hub:       accepts the connections
 * @options:   the command line
 *
 * Return: 0; LISTEN_SOCKET_E_FAILED; a negative errno. On failure too, listener_deinit() is
 *         allowed.
 */
int listen_socket_open(Listener *listener, Hub *hub, const Options *options) {
        ListenerOptions listener_options = {
                .path = options->socket_path,
                .fd = options->listener_fd,
                .mode = options->socket_mode,
                .group = (gid_t)-1,
        };
        int r;

        if (options->socket_group && !policy_watch_find_group(options->socket_group, &listener_options.group)) {
                log_error("There is no group %s for the socket: name another with --socket-group.",
                          options->socket_group);
                return LISTEN_SOCKET_E_FAILED;
        }
        if (listener_options.fd < 0 && service_manager_take_listener(&listener_options.fd))
                return LISTEN_SOCKET_E_FAILED;

        r = listener_init(listener, hub, &listener_options);
        switch (r) {
        case LISTENER_E_IN_USE:
                log_error("Another broker listens on %s already, or is about to. Stop it first, or name another socket "
                          "with --socket.",
                          options->socket_path);
                return LISTEN_SOCKET_E_FAILED;
        case LISTENER_E_PATH:
                log_error("%s cannot be a socket: its directory does not exist, the path is too long, or another kind "
                          "of file has that name. Name another path with --socket.",
                          options->socket_path);
                return LISTEN_SOCKET_E_FAILED;
        case LISTENER_E_PERMISSION:
                log_error("Making the socket %s is not permitted. Start taskbrokerd as root, or name a socket in a "
                          "directory of your own with --socket.",
                          options->socket_path);
                return LISTEN_SOCKET_E_FAILED;
        }
        return error_trace(r);
}
