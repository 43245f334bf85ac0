/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Listener: the socket that clients connect to. Owns it, and its path if it made one. */

#include <ev.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "broker/base/log_limit.h"
#include "broker/server/hub.h"
#include "broker/server/shortage.h"

typedef struct Listener Listener;
typedef struct ListenerOptions ListenerOptions;

enum {
        _LISTENER_E_SUCCESS,
        LISTENER_E_IN_USE,      /* another broker listens there */
        LISTENER_E_PATH,        /* too long, or no directory there, or not a socket */
        LISTENER_E_PERMISSION,  /* the path cannot be made */
        LISTENER_E_SHORT,       /* no descriptors */
};

struct Listener {
        Hub *hub;
        int fd;
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" if the socket was handed in */
        struct stat made;       /* the file that was made at the path */
        int reserve;            /* a descriptor to give up, if there is no other for a connection; -1: none */
        int pending;            /* a connection that waits for a free descriptor; -1: no connection waits */
        size_t n_welcomed;      /* connections that were not turned away at once, in this turn */
        ev_io watcher;
        ev_timer pause;         /* out of descriptors or memory: until it is tried again */
        ev_timer calm;          /* since the last time that it paused */
        Shortage shortage;
        LogLimit namespace_log;         /* refusals because of a pid namespace */
};

#define LISTENER_NULL { .fd = -1, .reserve = -1, .pending = -1 }

#define LISTENER_MODE_DEFAULT 0666

struct ListenerOptions {
        const char *path;       /* where to make a socket; unused if fd is given */
        int fd;                 /* a socket that listens already, or -1 */
        mode_t mode;            /* the mode of the socket that is made */
        gid_t group;            /* the group of that socket; (gid_t)-1: not changed */
};

int listener_init(Listener *listener, Hub *hub, const ListenerOptions *options);
void listener_deinit(Listener *listener);
void listener_resume(Listener *listener);
