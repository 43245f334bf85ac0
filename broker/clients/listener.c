/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A socket file that nobody listens on is left over from a broker that was
 * killed, and is replaced; one that answers belongs to another broker, and is
 * left alone. The mode is set by the umask before bind(): chmod() afterwards
 * would leave a moment in which it is open to others, and fchmod() on a bound
 * socket does not change the file.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/clients/listener.h"

/* Until the access policy decides per event who may see it, the owner alone may connect. */
#define SOCKET_UMASK 0177

#define PAUSE_SECONDS 1.0

/* Connections taken in one turn of the loop. */
#define TURN_ACCEPTS 64

static bool socket_answers(const struct sockaddr_un *address) {
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        /* EAGAIN: its queue of connections is full, so somebody owns it */
        return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) >= 0 || errno == EAGAIN);
}

static int listener_bind(Listener *listener) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct stat st;
        mode_t mask;
        int r;

        strcpy(address.sun_path, listener->path);
        if (lstat(listener->path, &st) >= 0) {
                if (!S_ISSOCK(st.st_mode))
                        return LISTENER_E_PATH;
                if (socket_answers(&address))
                        return LISTENER_E_IN_USE;
                if (unlink(listener->path) < 0 && errno != ENOENT)
                        return LISTENER_E_PERMISSION;
        }

        mask = umask(SOCKET_UMASK);
        r = bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        (void)umask(mask);
        if (r == -EADDRINUSE)
                return LISTENER_E_IN_USE;
        if (r == -EACCES || r == -EPERM || r == -EROFS)
                return LISTENER_E_PERMISSION;
        if (r == -ENOENT || r == -ENOTDIR)
                return LISTENER_E_PATH;
        if (r)
                return error_origin(r);
        return stat(listener->path, &listener->made) < 0 ? error_origin(-errno) : 0;
}

static void listener_pause(Listener *listener, int error) {
        if (!listener->paused_logged) {
                listener->paused_logged = true;
                log_warning("No new connections for now: %s. Trying again every second.", strerror(error));
        }
        ev_io_stop(listener->hub->loop, &listener->watcher);
        ev_timer_set(&listener->pause, PAUSE_SECONDS, 0.);
        ev_timer_start(listener->hub->loop, &listener->pause);
}

static void listener_on_pause(struct ev_loop *loop, ev_timer *watcher, int events) {
        Listener *listener = container_of(watcher, Listener, pause);

        (void)events;
        ev_io_start(loop, &listener->watcher);
}

static void listener_on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
        Listener *listener = container_of(watcher, Listener, watcher);

        (void)loop;
        (void)events;
        for (int i = 0; i < TURN_ACCEPTS; ++i) {
                int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
                        return listener_pause(listener, errno);
                if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
                        continue;
                if (fd < 0)
                        return;
                listener->paused_logged = false;
                hub_welcome(listener->hub, fd);
        }
}

/**
 * listener_init() - listen
 * @listener:  output
 * @hub:       who gets the connections
 * @path:      where to make a socket; unused if @fd is given
 * @fd:        a socket that listens already, or -1
 *
 * Return: 0; one of LISTENER_E_*; a negative errno. On failure too,
 *         listener_deinit() is allowed.
 */
int listener_init(Listener *listener, Hub *hub, const char *path, int fd) {
        int r;

        *listener = (Listener)LISTENER_NULL;
        listener->hub = hub;
        if (fd >= 0) {
                listener->fd = fd;
                if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                        return error_origin(-errno);
        } else {
                if (strlen(path) >= sizeof(listener->path))
                        return LISTENER_E_PATH;
                strcpy(listener->path, path);
                listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (listener->fd < 0)
                        return error_origin(-errno);
                r = listener_bind(listener);
                if (r)
                        return r;
                if (listen(listener->fd, SOMAXCONN) < 0)
                        return error_origin(-errno);
        }

        ev_io_init(&listener->watcher, listener_on_connection, listener->fd, EV_READ);
        ev_timer_init(&listener->pause, listener_on_pause, 0., 0.);
        ev_io_start(hub->loop, &listener->watcher);
        return 0;
}

/**
 * listener_deinit() - stop listening
 * @listener:  the listener
 *
 * The file is removed if it is still the one that was made: a broker that
 * replaced this one may have its own there by now.
 */
void listener_deinit(Listener *listener) {
        struct stat st;

        if (listener->hub) {
                ev_io_stop(listener->hub->loop, &listener->watcher);
                ev_timer_stop(listener->hub->loop, &listener->pause);
        }
        if (listener->made.st_ino != 0 && stat(listener->path, &st) >= 0 && st.st_ino == listener->made.st_ino &&
            st.st_dev == listener->made.st_dev)
                (void)unlink(listener->path);
        if (listener->fd >= 0)
                close(listener->fd);
        *listener = (Listener)LISTENER_NULL;
}
