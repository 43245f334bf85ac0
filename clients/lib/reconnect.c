/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The state that a client needs to reconnect: its subscription, the program's position in
 * the stream, and the time of the next attempt.
 *
 * Owns the descriptor that the program waits for, the timer in it, and a copy of the
 * subscription. It neither connects nor sends: session.c does, its only caller.
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

        reconnect->kept = &reconnect->subscriptions[0];
        reconnect->asked = &reconnect->subscriptions[1];
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
        filter_copy_deinit(&reconnect->kept->filter);
        filter_copy_deinit(&reconnect->asked->filter);
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
 * reconnect_set_timer() - set the timer for the next attempt
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
        reconnect->disconnected = true;
        timer.it_value.tv_sec = ms / 1000;
        timer.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
        timerfd_settime(reconnect->timer_fd, 0, &timer, NULL);
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
                reconnect->tries = 0;
                reconnect->has_asked = false;
        }
        reconnect_set_timer(reconnect);
}

/* Whether the time of the next attempt has come. */
bool reconnect_is_due(Reconnect *reconnect) {
        uint64_t n;

        return read(reconnect->timer_fd, &n, sizeof(n)) == sizeof(n);
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
 * reconnect_keep() - remember a subscription
 * @reconnect:    the state
 * @subscription: as it was sent, checked; it is copied with all that it points to
 * @sampling:     the same, in its place: one of them is NULL
 * @request_id:   id of the request
 *
 * If there is a subscription already, the broker can refuse this one. It replaces the other
 * only when it is accepted.
 *
 * Return: 0; -ENOMEM.
 */
int reconnect_keep(Reconnect *reconnect,
                   const struct tb_subscription *subscription,
                   const struct tb_sampling *sampling,
                   uint64_t request_id) {
        Kept *kept = reconnect->has_subscription ? reconnect->asked : reconnect->kept;
        int r;

        r = filter_copy_set(&kept->filter, sampling ? &sampling->filter : &subscription->filter);
        if (r < 0)
                return r;

        kept->starts = (NamedStarts){ 0 };
        kept->request_id = request_id;
        kept->samples = sampling;
        if (sampling) {
                kept->sampling = *sampling;
                kept->sampling.filter = kept->filter.filter;
        } else {
                kept->subscription = *subscription;
                kept->subscription.filter = kept->filter.filter;
        }
        if (reconnect->has_subscription) {
                reconnect->has_asked = true;
        } else {
                reconnect->has_subscription = true;
                reconnect->resumable = false;
        }

        return 0;
}

/* The broker accepted a request: if it is the later one, that is the subscription now. */
static void reconnect_accept(Reconnect *reconnect, uint64_t request_id) {
        Kept *asked = reconnect->asked;

        if (!reconnect->has_asked || request_id != asked->request_id)
                return;

        reconnect->asked = reconnect->kept;
        reconnect->kept = asked;
        reconnect->has_asked = false;
        reconnect->has_subscription = true;
        reconnect->resumable = false;
}

/* The broker refused a request. */
static void reconnect_refuse(Reconnect *reconnect, uint64_t request_id) {
        if (reconnect->has_asked && request_id == reconnect->asked->request_id)
                reconnect->has_asked = false;
        else if (request_id == reconnect->kept->request_id)
                reconnect->has_subscription = false;
}

/*
 * A number that no process had names the first process that gets it. The subscription reports that process first of all
 * that get the number.
 */
static void reconnect_name(Reconnect *reconnect, uint32_t pid, uint32_t tid, uint64_t start_boot_ns) {
        const struct tb_filter *filter = &reconnect->kept->filter.filter;
        NamedStarts *starts = &reconnect->kept->starts;

        for (size_t i = 0; i < starts->n_pids && i < filter->n_pids && pid == tid; ++i)
                if (filter->pids[i] == pid && starts->pids[i] == 0)
                        starts->pids[i] = start_boot_ns;
}

/**
 * reconnect_track() - keep the program's position in the stream
 * @reconnect: the state
 * @message:   the message that the program gets
 * @starts:    the processes that the numbers of the subscription name; used if the message accepts a subscription
 * @epoch:     the epoch of the broker
 */
void reconnect_track(Reconnect *reconnect,
                     const struct tb_message *message,
                     const NamedStarts *starts,
                     uint64_t epoch) {
        const struct tb_event *event = message->event;

        switch (message->type) {
        case TB_MESSAGE_WELCOME:
                reconnect->epoch = epoch;
                break;
        case TB_MESSAGE_SAMPLING:
                reconnect_accept(reconnect, message->request_id);
                reconnect->kept->starts = *starts;
                break;
        case TB_MESSAGE_SUBSCRIBED:
                reconnect_accept(reconnect, message->request_id);
                reconnect->kept->starts = *starts;
                reconnect->epoch = epoch;
                reconnect->feed = message->subscribed->feed;
                reconnect->next_number = message->subscribed->next_number;
                reconnect->resumable = message->subscribed->resumed || !reconnect->kept->subscription.snapshot;
                break;
        case TB_MESSAGE_SNAPSHOT_END:
                reconnect->resumable = true;
                break;
        case TB_MESSAGE_TASK_SAMPLE:
                /* the answer to a question is about whatever process has the number now */
                if (message->request_id == 0)
                        reconnect_name(reconnect, message->task_sample->pid, message->task_sample->tid,
                                       message->task_sample->start_boot_ns);
                break;
        case TB_MESSAGE_EVENT:
                reconnect_name(reconnect, event->pid, event->tid, event->start_boot_ns);
                reconnect->next_number = event->number + 1;
                if (event->kind == TB_KIND_LOSS && event->loss.source == TB_LOSS_SOURCE_READER)
                        reconnect->next_number = event->number + event->loss.count;
                break;
        case TB_MESSAGE_ERROR:
                if (!message->error->closing)
                        reconnect_refuse(reconnect, message->request_id);
                break;
        default:
                break;
        }
}

/**
 * reconnect_set_restored() - the connection is back
 * @reconnect: the state
 * @state:     TB_LINK_RESUMED or TB_LINK_RESTARTED
 * @reason:    RESTARTED: why it could not be resumed
 *
 * Return: The link for the program; valid until the connection is lost again.
 */
const struct tb_link *reconnect_set_restored(Reconnect *reconnect, enum tb_link_state state, const char *reason) {
        snprintf(reconnect->reason, sizeof(reconnect->reason), "%s", reason);
        reconnect->link.state = state;
        reconnect->link.tries = reconnect->tries;
        reconnect->lost_reported = false;

        return &reconnect->link;
}
