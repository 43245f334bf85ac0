/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The user with the most connections loses some, so that LIMIT_DESCRIPTORS_FREE descriptors are free. Its newest
 * connection without a stream goes first. Each user keeps its ordinary set, unless root would not get in otherwise.
 * That is one connection if the limit is low. A machine without open files takes no more from ordinary users.
 * Meanwhile what is free is kept for root, and for users who have less than an ordinary set.
 *
 * After some seconds without a shortage the limits are what the descriptors allow.
 */

#include <sys/resource.h>
#include <sys/stat.h>

#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/quota_share.h"
#include "broker/server/client.h"
#include "broker/server/quota_error.h"
#include "broker/server/shortage.h"

/* A shortage ends after this time without a lack of descriptors. */
#define CALM_SECONDS 10.0

/* The limit of descriptors; UINT64_MAX: it is not known. */
static uint64_t descriptors_limit(void) {
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? UINT64_MAX : limit.rlim_cur;
}

/**
 * shortage_n_free() - how many descriptors are free
 * @fd:  the descriptor that was made last: the kernel takes the lowest free number
 *
 * Since Linux 6.2 the size of /proc/self/fd is their number. Before, @fd is the best guess.
 *
 * Return: The number. It is too large, if the limit was lowered below descriptors in use.
 */
uint64_t shortage_n_free(int fd) {
        uint64_t limit = descriptors_limit(), n_used = (uint64_t)fd + 1;
        struct stat st;

        if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0 && (uint64_t)st.st_size <= limit)
                n_used = MAX(n_used, (uint64_t)st.st_size);
        return limit - MIN(limit, n_used);
}

/* The limits are checked again until they are the full ones. */
static void shortage_on_calm(struct ev_loop *loop, ev_timer *watcher, int events) {
        Shortage *shortage = container_of(watcher, Shortage, calm);
        QuotaShare share = quota_share_scale(&shortage->full, quota_share_of_descriptors(descriptors_limit()));

        (void)events;
        quota_set_share(&shortage->hub->quota, QUOTA_CONNECTIONS, &share);
        if (share.total < shortage->full.total)
                return;
        ev_timer_stop(loop, watcher);
        log_notice("There are descriptors for %llu connections again.", (unsigned long long)share.total);
}

/**
 * shortage_init() - begin without a shortage
 * @shortage:  output
 * @hub:       not owned
 */
void shortage_init(Shortage *shortage, Hub *hub) {
        *shortage = (Shortage){ .hub = hub };
        ev_timer_init(&shortage->calm, shortage_on_calm, CALM_SECONDS, CALM_SECONDS);
}

void shortage_deinit(Shortage *shortage) {
        if (shortage->hub)
                ev_timer_stop(shortage->hub->loop, &shortage->calm);
}

/* The ordinary set of a user, by the limit of descriptors. */
static uint64_t shortage_ordinary(const Shortage *shortage) {
        return quota_share_scale(&shortage->full, quota_share_of_descriptors(descriptors_limit())).ordinary;
}

/* Lets users who have less than an ordinary set, and root, have the next @n_free connections. */
static void shortage_keep(Shortage *shortage, uint64_t n_free) {
        Quota *quota = &shortage->hub->quota;
        QuotaShare share = shortage->full;
        uint64_t n_of_root = MIN((uint64_t)LIMIT_DESCRIPTORS_ROOT, n_free / 2);

        share.total = quota->used[QUOTA_CONNECTIONS] + n_free;
        share.reserve = quota->used_by_root[QUOTA_CONNECTIONS] + n_of_root;
        share.ordinary = shortage_ordinary(shortage);
        share.kept = 0;
        quota_set_share(quota, QUOTA_CONNECTIONS, &share);
        share.kept = quota->used_ordinary[QUOTA_CONNECTIONS] + n_free - n_of_root;
        quota_set_share(quota, QUOTA_CONNECTIONS, &share);
}

static void shortage_begin(Shortage *shortage) {
        const Quota *quota = &shortage->hub->quota;

        if (!ev_is_active(&shortage->calm)) {
                shortage->full = quota->limits.held[QUOTA_CONNECTIONS];
                log_warning("There are too few descriptors for %llu connections: users who have most of them lose some."
                            " Raise LimitNOFILE.",
                            (unsigned long long)quota->used[QUOTA_CONNECTIONS]);
        }
        ev_timer_again(shortage->hub->loop, &shortage->calm);
}

/* The user who has the most connections, root excepted; NULL: no user has more than its ordinary set. */
static QuotaUser *shortage_find_user(Shortage *shortage) {
        QuotaUser *most = NULL;
        uint64_t n = shortage_ordinary(shortage);

        list_for_each(link, safe, &shortage->hub->quota.users) {
                QuotaUser *user = container_of(link, QuotaUser, link);

                if (quota_user_is_root(user) || user->used[QUOTA_CONNECTIONS] <= n)
                        continue;
                n = user->used[QUOTA_CONNECTIONS];
                most = user;
        }
        return most;
}

/* Whether @client is to be closed rather than @other: it has no stream, or it is newer. */
static bool client_is_less(const Client *client, const Client *other) {
        bool idle = client->n_streams == 0;

        if (!other || idle != (other->n_streams == 0))
                return !other || idle;
        return client->connection.number > other->connection.number;
}

/*
 * The connection of a user that is closed first. With NULL, any user but root may have it. A descriptor above a limit
 * that was lowered would make no room. Returns NULL if there is no such connection.
 */
static Connection *shortage_find_connection(Shortage *shortage, const QuotaUser *user) {
        uint64_t limit = descriptors_limit();
        Client *least = NULL;

        list_for_each(link, safe, &shortage->hub->connections.open) {
                Client *client = container_of(link, Client, connection.link);
                const QuotaUser *owner = client->connection.user;

                if ((user ? owner == user : !quota_user_is_root(owner)) && (uint64_t)client->connection.fd < limit &&
                    client_is_less(client, least))
                        least = client;
        }
        return least ? &least->connection : NULL;
}

/* Closes a connection. Its place is free at once, and its descriptor at the end of the turn. */
static bool shortage_close(Connection *connection) {
        QuotaErrorText message;

        if (!connection)
                return false;
        message = quota_error_print_evicted(connection->user);
        quota_error_log(connection->user, QUOTA_CONNECTIONS);
        charge_return(&connection->place);
        connection_refuse(connection,
                          &(EncodedError){ .code = ERROR_QUOTA, .message = message.text, .closing = true });
        connection_flush(connection);
        connection_die(connection);
        return true;
}

/**
 * shortage_make_room() - close connections, so that others get in
 * @shortage:  the shortage
 * @n_free:    descriptors that are free
 * @for_root:  root waits: it gets in whatever others have
 *
 * Return: Whether there is room at the end of the turn.
 */
bool shortage_make_room(Shortage *shortage, uint64_t n_free, bool for_root) {
        Hub *hub = shortage->hub;
        uint64_t wanted = MAX(hub->quota.used[QUOTA_CONNECTIONS] / 2, (uint64_t)LIMIT_DESCRIPTORS_NEWCOMER);
        uint64_t n_before = n_free;
        QuotaUser *user;

        wanted = MIN(wanted, (uint64_t)LIMIT_DESCRIPTORS_FREE);
        if (n_free >= wanted || !list_is_empty(&hub->connections.dead))
                return true;
        shortage_begin(shortage);
        while (n_free < wanted && (user = shortage_find_user(shortage)) &&
               shortage_close(shortage_find_connection(shortage, user)))
                ++n_free;
        while (for_root && n_free < LIMIT_DESCRIPTORS_NEWCOMER &&
               shortage_close(shortage_find_connection(shortage, NULL)))
                ++n_free;
        if (n_free > n_before)
                shortage_keep(shortage, MAX(n_free, (uint64_t)LIMIT_DESCRIPTORS_NEWCOMER));
        return n_free > n_before;
}
