/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The state that a client needs to reconnect: the time of the next attempt, and what the
 * program knows of the connection.
 *
 * Owns the descriptor that the program waits for, and the timer in it. It neither connects
 * nor sends: session.c does, its caller. The streams are in stream.c.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clients/lib/reconnect.h"

#define WAIT_FIRST_MS 100u
#define WAIT_LAST_MS 5000u

int reconnect_new(Reconnect **ret_reconnect) {
        struct epoll_event event = { .events = EPOLLIN };
        Reconnect *reconnect;
        int r;

        reconnect = calloc(1, sizeof(*reconnect));
        if (!reconnect)
                return -ENOMEM;

        reconnect->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        reconnect->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (reconnect->timer_fd < 0 || reconnect->epoll_fd < 0 ||
            epoll_ctl(reconnect->epoll_fd, EPOLL_CTL_ADD, reconnect->timer_fd, &event) < 0) {
                r = -errno;
                reconnect_free(reconnect);
                return r;
        }

        *ret_reconnect = reconnect;
        return 0;
}

Reconnect *reconnect_free(Reconnect *reconnect) {
        if (!reconnect)
                return NULL;

        if (reconnect->timer_fd >= 0)
                close(reconnect->timer_fd);
        if (reconnect->epoll_fd >= 0)
                close(reconnect->epoll_fd);
        free(reconnect);

        return NULL;
}

/**
 * reconnect_watch() - let a socket wake the program
 * @reconnect: the state
 * @fd:        the socket, new or known; one that is closed goes by itself
 * @output:    also when it can be written to
 *
 * Return: 0, or a negative errno.
 */
int reconnect_watch(Reconnect *reconnect, int fd, bool output) {
        struct epoll_event event = { .events = output ? EPOLLIN | EPOLLOUT : EPOLLIN };

        if (epoll_ctl(reconnect->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
                return 0;
        if (errno != ENOENT || epoll_ctl(reconnect->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;

        return 0;
}

/**
 * reconnect_set_timer() - set the timer for the next attempt to connect, or to get a stream
 * @reconnect: the state
 */
void reconnect_set_timer(Reconnect *reconnect) {
        uint32_t ms = WAIT_FIRST_MS;
        struct itimerspec timer = { 0 };

        for (uint32_t i = 0; i < reconnect->tries && ms < WAIT_LAST_MS; ++i)
                ms *= 2;
        if (ms > WAIT_LAST_MS)
                ms = WAIT_LAST_MS;
        ++reconnect->tries;
        timer.it_value.tv_sec = ms / 1000;
        timer.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
        timerfd_settime(reconnect->timer_fd, 0, &timer, NULL);
        reconnect->timer_is_set = true;
}

/* Wakes the program now, instead of at the time of the next attempt: there is a message for it. */
void reconnect_wake(Reconnect *reconnect) {
        const struct itimerspec timer = { .it_value = { .tv_nsec = 1 } };

        timerfd_settime(reconnect->timer_fd, 0, &timer, NULL);
        reconnect->timer_is_set = true;
}

/**
 * reconnect_set_lost() - the connection is lost, and the program has all its messages
 * @reconnect: the state; its link is for the program
 * @reason:    why, in a sentence
 * @now_ns:    tb_time_now()
 */
void reconnect_set_lost(Reconnect *reconnect, const char *reason, uint64_t now_ns) {
        if (!reconnect->lost_reported) {
                snprintf(reconnect->reason, sizeof(reconnect->reason), "%s", reason);
                reconnect->link = (struct tb_link){
                        .state = TB_LINK_LOST,
                        .reason = reconnect->reason,
                        .lost_time_ns = now_ns,
                };
                reconnect->lost_time_ns = now_ns;
                reconnect->tries = 0;
        }
        reconnect->disconnected = true;
        reconnect_set_timer(reconnect);
}

/* Whether the time of the next attempt has come. */
bool reconnect_is_due(Reconnect *reconnect) {
        uint64_t n;

        if (!reconnect->timer_is_set || read(reconnect->timer_fd, &n, sizeof(n)) != sizeof(n))
                return false;

        reconnect->timer_is_set = false;
        return true;
}

/* Whether a later attempt to connect can succeed. */
bool reconnect_is_retryable(int error) {
        return error != -EACCES && error != -EPERM && error != -ENAMETOOLONG;
}

/* Whether a later attempt can get another answer: a quota is free again when other clients of the user leave. */
bool reconnect_error_is_retryable(enum tb_error_code code) {
        return code == TB_ERROR_STOPPING || code == TB_ERROR_LIMIT || code == TB_ERROR_TIMEOUT ||
               code == TB_ERROR_UNREAD_REPLIES || code == TB_ERROR_QUOTA;
}

/**
 * reconnect_set_restored() - the connection, or one of its streams, is back
 * @reconnect:    the state
 * @state:        TB_LINK_RESUMED or TB_LINK_RESTARTED
 * @lost_time_ns: when it was lost
 * @reason:       RESTARTED: why it could not be resumed
 *
 * Return: The link for the program; valid until the next one.
 */
const struct tb_link *reconnect_set_restored(Reconnect *reconnect,
                                             enum tb_link_state state,
                                             uint64_t lost_time_ns,
                                             const char *reason) {
        snprintf(reconnect->reason, sizeof(reconnect->reason), "%s", reason);
        reconnect->link = (struct tb_link){
                .state = state,
                .reason = reconnect->reason,
                .lost_time_ns = lost_time_ns,
                .tries = reconnect->tries,
        };
        reconnect->lost_reported = false;

        return &reconnect->link;
}
