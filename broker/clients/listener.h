/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Listener: the socket that clients connect to. Owns it, and its path if it made one. */

#include <ev.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "broker/clients/hub.h"

typedef struct Listener Listener;

enum {
        _LISTENER_E_SUCCESS,
        LISTENER_E_IN_USE,      /* another broker listens there */
        LISTENER_E_PATH,        /* too long, or no directory there, or not a socket */
        LISTENER_E_PERMISSION,  /* the path cannot be made */
};

struct Listener {
        Hub *hub;
        int fd;
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" if the socket was handed in */
        struct stat made;       /* what was made there */
        ev_io watcher;
        ev_timer pause;         /* out of descriptors or memory: until it is tried again */
        bool paused_logged;
};

#define LISTENER_NULL { .fd = -1 }

int listener_init(Listener *listener, Hub *hub, const char *path, int fd);
void listener_deinit(Listener *listener);
