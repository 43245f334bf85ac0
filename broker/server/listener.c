/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A socket file without a listening process was left by a broker that was killed, and is
 * replaced. A socket that answers belongs to another broker, and stays. Between
 * this check and listen(), the broker has the lock file PATH.lock, so that
 * another broker that starts at the same moment finds a lock or an answer. The umask sets the
 * mode before bind(): with a chmod() afterwards, the socket would be open to other users
 * for a moment, and fchmod() on a bound socket does not change the file.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/server/admission.h"
#include "broker/server/listener.h"
#include "broker/server/peer_creds.h"

/* When descriptors or memory ran out, the listener tries again after this time, or when a connection is closed. */
#define PAUSE_SECONDS 1.0

/* The least time between two lines about clients in other pid namespaces. */
#define NAMESPACE_LOG_NS (60 * NSEC_PER_SEC)

/* The lock file was removed by another broker that started, that often at most. */
#define LOCK_TRIES 100u

/* An episode of failures ends after this time without a failure. */
#define CALM_SECONDS 10.0

/* <asm-generic/socket.h> of Linux 6.16. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* Converts an errno of a call that makes the socket or its lock file. */
static int path_error(int error) {
        switch (error) {
        case EADDRINUSE:
        case EWOULDBLOCK:
                return LISTENER_E_IN_USE;
        case EACCES:
        case EPERM:
        case EROFS:
                return LISTENER_E_PERMISSION;
        case ENOENT:
        case ENOTDIR:
        case EISDIR:
        case ELOOP:
        case ENAMETOOLONG:
                return LISTENER_E_PATH;
        }
        return error_origin(-error);
}

/*
 * Locks the path until lock_release(). It does not wait: whoever has the lock is about to
 * listen. A file that was removed meanwhile locks nothing, and a new one is made.
 */
static int lock_take(const char *lock_path, int *ret_fd) {
        struct stat held, present;

        for (unsigned int i = 0; i < LOCK_TRIES; ++i) {
                int fd = open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
                int r = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &held) < 0 ? path_error(errno) : 0;

                if (!r && lstat(lock_path, &present) >= 0 && present.st_ino == held.st_ino &&
                    present.st_dev == held.st_dev) {
                        *ret_fd = fd;
                        return 0;
                }
                if (fd >= 0)
                        close(fd);
                if (r)
                        return r;
        }
        return LISTENER_E_IN_USE;
}

/* The file is removed while it is locked, so that no other broker has locked it. */
static void lock_release(const char *lock_path, int fd) {
        (void)unlink(lock_path);
        close(fd);
}

/*
 * Lets the kernel refuse descriptors that peers send along. It would close them for the broker, and to close one can
 * take as long as its sender wants (SO_LINGER). Before Linux 6.16 there is no such option. Connections have the option
 * of the listening socket, unless they were made before it was set.
 */
static void socket_refuse_descriptors(int fd) {
        const int value = 0;

        (void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &value, sizeof(value));
}

static bool socket_answers(const struct sockaddr_un *address) {
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        /* EAGAIN: the queue of connections is full, so a process listens there. */
        return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) >= 0 || errno == EAGAIN);
}

static int listener_bind(Listener *listener, const ListenerOptions *options) {
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

        /* The socket has its mode from the first moment: a later change does not close connections made before. */
        mask = umask(~options->mode & 0777u);
        r = bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? path_error(errno) : 0;
        (void)umask(mask);
        if (r)
                return r;
        if (options->group != (gid_t)-1 && lchown(listener->path, (uid_t)-1, options->group) < 0)
                return LISTENER_E_PERMISSION;
        if (stat(listener->path, &listener->made) < 0)
                return error_origin(-errno);
        return listen(listener->fd, LIMIT_BACKLOG) < 0 ? error_origin(-errno) : 0;
}

/* Makes the socket at the path. */
static int listener_make(Listener *listener, const ListenerOptions *options) {
        char lock_path[sizeof(listener->path) + sizeof(".lock")];
        int r, lock_fd;

        if (strlen(options->path) >= sizeof(listener->path))
                return LISTENER_E_PATH;
        strcpy(listener->path, options->path);
        listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener->fd < 0)
                return error_origin(-errno);
        socket_refuse_descriptors(listener->fd);
        (void)snprintf(lock_path, sizeof(lock_path), "%s.lock", listener->path);
        r = lock_take(lock_path, &lock_fd);
        if (r)
                return r;
        r = listener_bind(listener, options);
        lock_release(lock_path, lock_fd);
        return r;
}

/* Has a descriptor at hand: when there is no other one, the next connection gets it, so that its user is known. */
static void listener_keep_reserve(Listener *listener) {
        if (listener->reserve < 0)
                listener->reserve = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
}

/* Stops until connections were closed. If that is at the end of the turn, there is no need to report it. */
static void listener_pause(Listener *listener, int error) {
        if (list_is_empty(&listener->hub->connections.dead)) {
                if (!ev_is_active(&listener->calm))
                        log_warning("No new connections for now: %s. They wait until others are closed.",
                                    strerror(error));
                ev_timer_again(listener->hub->loop, &listener->calm);
        }
        ev_io_stop(listener->hub->loop, &listener->watcher);
        ev_timer_set(&listener->pause, PAUSE_SECONDS, 0.);
        ev_timer_start(listener->hub->loop, &listener->pause);
}

static void listener_go_on(Listener *listener) {
        ev_io_start(listener->hub->loop, &listener->watcher);
        if (listener->pending >= 0)
                ev_feed_event(listener->hub->loop, &listener->watcher, EV_READ);
}

/**
 * listener_resume() - connections were closed: there may be room for others
 * @listener:  the listener
 */
void listener_resume(Listener *listener) {
        if (!ev_is_active(&listener->pause))
                return;
        ev_timer_stop(listener->hub->loop, &listener->pause);
        listener_go_on(listener);
}

static void listener_on_pause(struct ev_loop *loop, ev_timer *watcher, int events) {
        (void)loop;
        (void)events;
        listener_go_on(container_of(watcher, Listener, pause));
}

static void listener_on_calm(struct ev_loop *loop, ev_timer *watcher, int events) {
        (void)events;
        ev_timer_stop(loop, watcher);
        log_notice("There is room for new connections again.");
}

static void listener_refuse_namespace(Listener *listener, int fd) {
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC), n;

        if (log_limit_add(&listener->namespace_log, NAMESPACE_LOG_NS, now_ns, &n))
                log_notice("A client in another pid namespace was refused: it knows processes by other numbers. "
                           "Refusals since the last such line: %llu.",
                           (unsigned long long)n);
        admission_turn_away(listener->hub, fd, ERROR_NOT_PERMITTED,
                      "This client is in a pid namespace of its own, where processes have other numbers than in the "
                      "broker's messages: connect from the initial namespace.");
}

/* There are too few descriptors to find out more about a connection: it waits for room, or is turned away. */
static void listener_find_room(Listener *listener, int fd, uid_t uid) {
        bool is_root = uid == listener->hub->quota.limits.root;

        if (shortage_make_room(&listener->shortage, 0, is_root) || is_root)
                listener->pending = fd;
        else
                admission_turn_away(listener->hub, fd, ERROR_LIMIT,
                                    "The broker has no descriptor left for this connection: try again later.");
}

static int listener_welcome(Listener *listener, int fd) {
        PeerCreds peer;
        int r;

        listener->pending = -1;
        ++listener->n_welcomed;
        r = peer_creds_read(&peer, fd);
        if (r == 0)
                admission_welcome(listener->hub, fd, &peer.credentials);
        else if (r == PEER_CREDS_E_NAMESPACE)
                listener_refuse_namespace(listener, fd);
        else if (r == PEER_CREDS_E_GONE)
                admission_turn_away(listener->hub, fd, ERROR_NOT_PERMITTED,
                              "The process that connected cannot be found, so that its pid namespace is not known.");
        else if (r == PEER_CREDS_E_SHORT)
                listener_find_room(listener, fd, peer.credentials.uid);
        else
                admission_turn_away(listener->hub, fd, ERROR_LIMIT, "The broker has no memory for the connection.");
        peer_creds_deinit(&peer);
        return listener->pending >= 0 ? LISTENER_E_SHORT : 0;
}

/* Welcomes a connection or turns it away, and charges its user with the time. */
static int listener_take(Listener *listener, int fd, uint64_t begin_ns, uint64_t *ret_end_ns) {
        struct ucred credentials;
        socklen_t n_credentials = sizeof(credentials);
        bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &n_credentials) == 0;
        int r = 0;

        if (!known || !admission_refuses(listener->hub, fd, credentials.uid, begin_ns)) {
                (void)shortage_make_room(&listener->shortage, listener->reserve < 0 ? 0 : shortage_n_free(fd),
                                         known && credentials.uid == listener->hub->quota.limits.root);
                r = listener_welcome(listener, fd);
        }
        *ret_end_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        if (known)
                admission_charge(listener->hub, credentials.uid, *ret_end_ns - begin_ns, *ret_end_ns);
        return r;
}

/* Accepts a connection. If there is no other descriptor, it gets the reserve. Return: its descriptor; -1 with errno. */
static int listener_accept(Listener *listener) {
        int fd, error;

        listener_keep_reserve(listener);
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || listener->reserve < 0)
                return fd;
        close(listener->reserve);
        listener->reserve = -1;
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        error = errno;
        if (fd < 0)
                listener_keep_reserve(listener);
        errno = error;
        return fd;
}

/*
 * A user that connects too often is turned away in some microseconds, and a welcome takes some hundred. So a turn
 * takes few connections in, and turns many away: the queue of the socket stays short for others.
 */
static void listener_on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
        Listener *listener = container_of(watcher, Listener, watcher);
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

        (void)loop;
        (void)events;
        listener->n_welcomed = 0;
        if (listener->pending >= 0 && listener_welcome(listener, listener->pending))
                return listener_pause(listener, EMFILE);
        for (unsigned int i = 0; i < LIMIT_TURN_REFUSALS && listener->n_welcomed < LIMIT_TURN_CONNECTIONS; ++i) {
                int fd = listener_accept(listener);

                if (fd < 0 && errno == EAGAIN)
                        return;
                if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
                        continue;
                /* Descriptors or memory ran out. Any other error would also occur again at once. */
                if (fd < 0) {
                        int error = errno;

                        (void)shortage_make_room(&listener->shortage, 0, false);
                        return listener_pause(listener, error);
                }
                socket_refuse_descriptors(fd);
                if (listener_take(listener, fd, now_ns, &now_ns))
                        return listener_pause(listener, EMFILE);
        }
}

/**
 * listener_init() - listen
 * @listener:  output
 * @hub:       gets the connections
 * @options:   the path or the socket to listen on
 *
 * Return: 0; one of LISTENER_E_*; a negative errno. On failure too,
 *         listener_deinit() is allowed.
 */
int listener_init(Listener *listener, Hub *hub, const ListenerOptions *options) {
        int r;

        *listener = (Listener)LISTENER_NULL;
        listener->hub = hub;
        shortage_init(&listener->shortage, hub);
        if (options->fd >= 0) {
                listener->fd = options->fd;
                if (fcntl(options->fd, F_SETFL, O_NONBLOCK) < 0)
                        return error_origin(-errno);
                socket_refuse_descriptors(options->fd);
        } else {
                r = listener_make(listener, options);
                if (r)
                        return r;
        }

        ev_io_init(&listener->watcher, listener_on_connection, listener->fd, EV_READ);
        ev_timer_init(&listener->pause, listener_on_pause, 0., 0.);
        ev_timer_init(&listener->calm, listener_on_calm, CALM_SECONDS, CALM_SECONDS);
        listener_keep_reserve(listener);
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
                ev_timer_stop(listener->hub->loop, &listener->calm);
                shortage_deinit(&listener->shortage);
        }
        if (listener->made.st_ino != 0 && stat(listener->path, &st) >= 0 && st.st_ino == listener->made.st_ino &&
            st.st_dev == listener->made.st_dev)
                (void)unlink(listener->path);
        if (listener->pending >= 0)
                close(listener->pending);
        if (listener->reserve >= 0)
                close(listener->reserve);
        if (listener->fd >= 0)
                close(listener->fd);
        *listener = (Listener)LISTENER_NULL;
}
