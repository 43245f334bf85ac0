/* SPDX-License-Identifier: Apache-2.0 */

/*
 * There are as many feeds as there are different subscriptions, however many
 * subscribers. A subscription that needs to know what processes run waits until
 * that was read for those that were there before.
 *
 * At the end of the turn each feed closes its batch and its subscribers are
 * woken. Clients that died meanwhile are freed last, so that nothing that runs
 * in a turn can meet a freed one.
 */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/clients/hub.h"
#include "broker/clients/sampler.h"
#include "broker/output/encode.h"
#include "broker/output/feed.h"
#include "broker/output/request.h"
#include "broker/rules/limits.h"

enum {
        _HUB_E_SUCCESS,
        HUB_E_REFUSED,
};

/* How long events may wait when nobody reads them: only the task table does. */
#define PATIENCE_MS_UNWATCHED 100u

#define AGE_SECONDS 1.

/* After which those that rest are looked at. */
#define REST_SECONDS .01

/* What a user has its share of, for the log and for the client. */
typedef struct ShareText {
        const char *name;
        const char *message;
} ShareText;

static const ShareText share_texts[_QUOTA_KINDS] = {
        [QUOTA_CONNECTIONS] = {
                "connections",
                "Your user has as many connections as one user may have: close others first.",
        },
        [QUOTA_FEEDS] = {
                "feeds",
                "Your user has as many feeds (different subscriptions) as one user may have: end others, or ask for "
                "the same as they do.",
        },
        [QUOTA_REQUESTS] = {
                "requests that wait",
                "Your user has as many requests that wait for their answers as one user may have: wait for those.",
        },
        [QUOTA_BYTES] = {
                "memory",
                "Your user's connections and feeds have as much of the broker's memory as one user's may: close some, "
                "and read what they are sent.",
        },
        [QUOTA_SNAPSHOTS] = {
                "snapshots a second",
                "Your user asks for more snapshots than one user may in this time: ask again in a second.",
        },
        [QUOTA_FILTERS] = {
                "time for filters",
                "The filters of your user's subscriptions take longer than those of one user may: ask for fewer, or "
                "simpler, patterns of names.",
        },
        [QUOTA_STATS] = {
                "statistics a second",
                "Your user asks for the statistics of more tasks than one user may in this time: ask again in a second.",
        },
};

/* How long all readers agree to wait. */
static void hub_measure_patience(Hub *hub) {
        hub->patience_ms = PATIENCE_MS_UNWATCHED;
        list_for_each(link, safe, &hub->clients) {
                const Client *client = container_of(link, Client, link);

                if (client->subscribed)
                        hub->patience_ms = MIN(hub->patience_ms, client->max_delay_ms);
        }
        /* What short-lived processes run must be read at once. */
        if (hub->feeds.programs->n_wanted > 0)
                hub->patience_ms = 0;
}

static void hub_on_age(struct ev_loop *loop, ev_timer *watcher, int events) {
        Hub *hub = container_of(watcher, Hub, age);

        (void)events;
        feeds_age(&hub->feeds);
        list_for_each(link, safe, &hub->clients)
                client_age(container_of(link, Client, link));
        if (hub->feeds.n == 0)
                ev_timer_stop(loop, watcher);
        hub_measure_patience(hub);
}

/* Who may go on: each that was not served since its user had had its part. */
static void hub_on_rest(struct ev_loop *loop, ev_timer *watcher, int events) {
        Hub *hub = container_of(watcher, Hub, rest);
        uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        bool resting = false;

        (void)events;
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                if (!client->resting)
                        continue;
                if (quota_user_is_tired(client->user, now_ns))
                        resting = true;
                else
                        client_end_rest(client);
        }
        if (!resting)
                ev_timer_stop(loop, watcher);
}

/**
 * hub_expect_rested() - a client began to rest
 * @hub:  the hub
 */
void hub_expect_rested(Hub *hub) {
        if (!ev_is_active(&hub->rest))
                ev_timer_again(hub->loop, &hub->rest);
}

void hub_init(Hub *hub,
              struct ev_loop *loop,
              uint64_t epoch,
              TaskTable *table,
              Programs *programs,
              size_t feed_bytes_max,
              const QuotaLimits *limits,
              HubReport report) {
        *hub = (Hub){ .loop = loop, .epoch = epoch, .report = report };
        quota_init(&hub->quota, limits);
        ev_timer_init(&hub->rest, hub_on_rest, REST_SECONDS, REST_SECONDS);
        feeds_init(&hub->feeds, table, programs, feed_bytes_max);
        ev_timer_init(&hub->age, hub_on_age, AGE_SECONDS, AGE_SECONDS);
        list_init(&hub->clients);
        list_init(&hub->dead);
        hub->policy = (Policy){ .admin_group = POLICY_NO_GROUP, .exempt_group = POLICY_NO_GROUP };
        hub->patience_ms = PATIENCE_MS_UNWATCHED;
        hub->n_snapshot_budget = LIMIT_SNAPSHOT_TURN_BYTES;
}

static void hub_free_client(Hub *hub, Client *client) {
        if (hub->sampler)
                sampler_leave(hub->sampler, client);
        client_free(client);
}

void hub_deinit(Hub *hub) {
        list_for_each(link, safe, &hub->clients)
                hub_free_client(hub, container_of(link, Client, link));
        list_for_each(dead, dead_safe, &hub->dead)
                hub_free_client(hub, container_of(dead, Client, link));
        ev_timer_stop(hub->loop, &hub->age);
        ev_timer_stop(hub->loop, &hub->rest);
        feeds_deinit(&hub->feeds);
        quota_deinit(&hub->quota);
}

static void hub_status(Hub *hub, BrokerStatus *status) {
        *status = (BrokerStatus){};
        hub->report(hub, status);
        memcpy(status->events, hub->n_events, sizeof(status->events));
        status->feeds = hub->feeds.n;
        status->subscribers = hub->n_subscribers;
        status->connections = hub->n_clients;
        status->reader_lost = hub->n_reader_lost;
        status->closed_for_errors = hub->n_closed_for_errors;
        status->closed_for_strict = hub->n_closed_for_strict;
        status->refused_connections = hub->n_refused;
        status->refused_quota = hub->quota.n_refused;
        status->client_bytes = hub->quota.used[QUOTA_BYTES];
        status->snapshots = hub->feeds.n_snapshots_made;
        status->snapshot_subscribers = hub->n_snapshot_subscribers;
        status->resumed = hub->n_resumed;
        status->refused_namespace = hub->n_refused_namespace;
        if (hub->sampler)
                sampler_report(hub->sampler, status);
        list_for_each(link, safe, &hub->feeds.list)
                status->feed_bytes += container_of(link, Feed, link)->n_bytes;
}

/* What a client may know of it: what is not of this machine's inside, and not of other users' connections. */
static void hub_status_for(Hub *hub, const Client *client, BrokerStatus *status) {
        BrokerStatus all;

        hub_status(hub, status);
        if (client->rights.all)
                return;
        all = *status;
        *status = (BrokerStatus){
                .epoch = all.epoch,
                .start_time_ns = all.start_time_ns,
                .uptime_ns = all.uptime_ns,
                .realtime_offset_ns = all.realtime_offset_ns,
                .facts = all.facts,
                .withheld = true,
        };
        list_for_each(link, safe, &hub->clients) {
                const Client *other = container_of(link, Client, link);

                status->connections += other->uid == client->uid;
                status->subscribers += other->uid == client->uid && other->subscribed;
        }
        if (!client->rights.others)
                return;
        status->connector.lost = all.connector.lost;
        status->connector.muted = all.connector.muted;
        status->connector.repaired = all.connector.repaired;
        status->taskstats.lost = all.taskstats.lost;
        status->live_tasks = all.live_tasks;
        status->live_processes = all.live_processes;
}

/*
 * Shares.
 */

/**
 * hub_note_refusal() - count it, and log it once an episode
 * @hub:   the hub
 * @user:  who was refused something
 * @kind:  of what it has its share
 */
void hub_note_refusal(Hub *hub, QuotaUser *user, QuotaKind kind) {
        (void)hub;
        if (quota_user_refused(user, kind, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)))
                log_notice("User %u has its share of %s: what it asks for beyond is refused.", (unsigned int)user->uid,
                           share_texts[kind].name);
}

/**
 * hub_refuse_share() - tell a client that its user has its share
 * @hub:         the hub
 * @client:      the client
 * @request_id:  of the request that is refused
 * @kind:        of what
 * @closing:     whether the client ends
 */
void hub_refuse_share(Hub *hub, Client *client, uint64_t request_id, QuotaKind kind, bool closing) {
        hub_note_refusal(hub, client->user, kind);
        client_refuse(client, &(EncodedError){
                                      .request_id = request_id,
                                      .code = ERROR_QUOTA,
                                      .message = share_texts[kind].message,
                                      .closing = closing,
                              });
}

/**
 * hub_end_feed() - close all who read a feed that was stopped
 * @hub:   the hub
 * @feed:  the feed
 */
void hub_end_feed(Hub *hub, const Feed *feed) {
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                if (client->closing || (client->cursor.feed != feed && (!client->sampling || client->sampling->feed != feed)))
                        continue;
                hub_refuse_share(hub, client, 0, QUOTA_FILTERS, true);
                client_flush(client);
        }
}

/*
 * Connections.
 */

/**
 * hub_turn_away() - say why a connection is not taken, and close it
 * @hub:      the hub
 * @fd:       the socket; taken over
 * @code:     why
 * @message:  why, as a sentence
 */
void hub_turn_away(Hub *hub, int fd, ErrorCode code, const char *message) {
        uint8_t frame[ENCODED_REPLY_MAX];
        size_t n = encode_error(&(EncodedError){ .code = code, .message = message, .closing = true }, frame);

        if (code == ERROR_NOT_PERMITTED)
                ++hub->n_refused_namespace;
        else
                ++hub->n_refused;
        (void)!send(fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
}

static int hub_refuse_place(Hub *hub, QuotaUser *user, QuotaKind kind, int r, EncodedError *ret_error) {
        *ret_error = (EncodedError){
                .code = ERROR_LIMIT,
                .message = "The broker has as many connections as it allows.",
                .closing = true,
        };
        if (r == QUOTA_E_USER) {
                hub_note_refusal(hub, user, kind);
                ret_error->code = ERROR_QUOTA;
                ret_error->message = share_texts[kind].message;
        }
        return HUB_E_REFUSED;
}

static int hub_take_place(Hub *hub, uid_t uid, Charge *ret_place, EncodedError *ret_error) {
        QuotaUser *user = quota_user_get(&hub->quota, uid, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        int r = QUOTA_E_TOTAL;

        if (user)
                r = charge_take(ret_place, user, QUOTA_CONNECTIONS, 1);
        if (r)
                r = hub_refuse_place(hub, user, QUOTA_CONNECTIONS, r, ret_error);
        quota_user_unref(user);
        return r;
}

/* A client for a connection, if its user may have one more. */
static int hub_admit(Hub *hub, int fd, uid_t uid, Client **ret_client, EncodedError *ret_error) {
        Charge place = CHARGE_NULL;
        Client *client;
        int r;

        r = hub_take_place(hub, uid, &place, ret_error);
        if (r)
                return r;
        r = client_new(&client, hub, place.user, fd);
        if (r) {
                r = hub_refuse_place(hub, place.user, QUOTA_BYTES, r == CLIENT_E_QUOTA ? QUOTA_E_USER : QUOTA_E_TOTAL, ret_error);
                charge_return(&place);
                return r;
        }
        client->place = place;
        *ret_client = client;
        return 0;
}

/**
 * hub_refuses() - turn a connection away whose user may have no more
 * @hub:  the hub
 * @fd:   the socket; taken over, if it is turned away
 * @uid:  who connected
 *
 * Before more is found out about it, which takes longer.
 *
 * Return: Whether it was.
 */
bool hub_refuses(Hub *hub, int fd, uid_t uid) {
        Charge place = CHARGE_NULL;
        EncodedError error;

        if (hub_take_place(hub, uid, &place, &error)) {
                hub_turn_away(hub, fd, error.code, error.message);
                return true;
        }
        charge_return(&place);
        return false;
}

/**
 * hub_welcome() - take a connection in, or turn it away
 * @hub:        the hub
 * @fd:         the socket; taken over
 * @principal:  who connected; not kept
 */
void hub_welcome(Hub *hub, int fd, const Principal *principal) {
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;
        EncodedError error;
        Client *client;

        if (hub_admit(hub, fd, principal->uid, &client, &error))
                return hub_turn_away(hub, fd, error.code, error.message);

        client->uid = principal->uid;
        client->rights = policy_rights(&hub->policy, principal);
        list_append(&hub->clients, &client->link);
        ++hub->n_clients;
        hub_status(hub, &status);
        client_reply(client, frame, encode_welcome(&status, rights_access(&client->rights), client->uid, frame));
        client_flush(client);
}

/**
 * hub_bury() - free a client at the end of the turn
 * @hub:     the hub
 * @client:  a client that just died
 */
void hub_bury(Hub *hub, Client *client) {
        list_unlink(&client->link);
        list_append(&hub->dead, &client->link);
        --hub->n_clients;
}

static void hub_reap(Hub *hub) {
        if (list_is_empty(&hub->dead))
                return;
        list_for_each(link, safe, &hub->dead) {
                Client *client = container_of(link, Client, link);

                if (client->subscribed)
                        --hub->n_subscribers;
                if (client->waiting) {
                        --hub->n_waiting;
                        if (client->waiting->type == REQUEST_SAMPLE)
                                programs_unwant(hub->feeds.programs);
                }
                hub_free_client(hub, client);
        }
        hub_measure_patience(hub);
        if (hub->room)
                hub->room(hub);
}

/*
 * Requests.
 */

static void hub_refuse(Client *client, const Request *request, ErrorCode code, const char *field, const char *message) {
        client_refuse(client, &(EncodedError){ .request_id = request->id, .code = code, .field = field, .message = message });
}

/* The subscription begins; the cursor is in its place, and a snapshot in its. */
static void hub_accept(Hub *hub, Client *client, const Request *request, uint64_t next_number) {
        const Subscription *subscription = &request->subscription;
        uint8_t frame[ENCODED_REPLY_MAX];

        client->subscribed = true;
        client->strict = subscription->strict;
        client->max_delay_ms = subscription->max_delay_ms;
        ++hub->n_subscribers;
        hub_measure_patience(hub);
        client_reply(client, frame,
                     encode_subscribed(request->id, client->cursor.feed->id, next_number, subscription->has_resume, frame));
}

/* What is not there for lack of memory costs the client, not the broker. */
static void hub_refuse_memory(Client *client, const Request *request) {
        cursor_deinit(&client->cursor);
        hub_refuse(client, request, ERROR_LIMIT, NULL, "The broker has no memory for the subscription.");
}

/* The cursor goes to its place; what it needs for that is at its user's cost. */
static int hub_attach(Client *client, Feed *feed, uint64_t next_number) {
        (void)charge_take(&client->cursor.memory, client->user, QUOTA_BYTES, 0);
        cursor_attach_at(&client->cursor, feed, next_number);
        return client->cursor.broken ? HUB_E_REFUSED : 0;
}

/* Why there is no feed, or no snapshot of it. */
static void hub_refuse_feed(Hub *hub, Client *client, const Request *request, int r) {
        switch (r) {
        case FEEDS_E_NO_ROOT:
                return hub_refuse(client, request, ERROR_BAD_VALUE, "subscribe.filter.subtrees",
                                  "There is no such process: of those whose descendants are asked for, each must be alive.");
        case FEEDS_E_FULL:
                return hub_refuse(client, request, ERROR_LIMIT, NULL,
                                  "The broker has as many feeds (different subscriptions) as it allows.");
        case FEEDS_E_SNAPSHOTS:
                return hub_refuse(client, request, ERROR_LIMIT, "subscribe.snapshot",
                                  "Too many snapshots are being read by slow clients: try again.");
        case FEEDS_E_USER_FEEDS:
                return hub_refuse_share(hub, client, request->id, QUOTA_FEEDS, false);
        case FEEDS_E_USER_BYTES:
                return hub_refuse_share(hub, client, request->id, QUOTA_BYTES, false);
        case FEEDS_E_USER_SNAPSHOTS:
                return hub_refuse_share(hub, client, request->id, QUOTA_SNAPSHOTS, false);
        default:
                return hub_refuse_memory(client, request);
        }
}

static void hub_resume(Hub *hub, Client *client, const Request *request) {
        const Resume *resume = &request->subscription.resume;
        Feed *feed = feeds_get(&hub->feeds, resume->feed);

        if (resume->epoch != hub->epoch)
                return hub_refuse(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.epoch",
                                  "The broker has been restarted since: its feeds are others.");
        /* Somebody else's is not there, for this client. */
        if (!feed || !rights_equal(&feed->rights, &client->rights))
                return hub_refuse(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.feed",
                                  "There is no such feed: it was given up, having been without subscribers.");
        if (!topic_equals(&feed->topic, &request->subscription.topic))
                return hub_refuse(client, request, ERROR_RESUME_IMPOSSIBLE, "subscribe.resume.feed",
                                  "The feed is that of another subscription: kinds, threads, filter and programs must be the same.");
        if (resume->next_number == 0 || resume->next_number > feed->next_number)
                return hub_refuse(client, request, ERROR_BAD_VALUE, "subscribe.resume.next_number",
                                  "The feed has not come to this number yet; the first is 1.");
        feed_close_batch(feed);
        if (hub_attach(client, feed, resume->next_number))
                return hub_refuse_memory(client, request);
        ++hub->n_resumed;
        hub_accept(hub, client, request, resume->next_number);
}

static void hub_begin(Hub *hub, Client *client, const Request *request) {
        Snapshot *snapshot = NULL;
        Feed *feed;
        int r;

        r = feeds_find(&hub->feeds, &request->subscription.topic, &client->rights, client->user, &feed);
        if (r)
                return hub_refuse_feed(hub, client, request, r);
        feed_close_batch(feed);

        if (request->subscription.snapshot) {
                r = feeds_snapshot(&hub->feeds, feed, client->user, &snapshot);
                if (r)
                        return hub_refuse_feed(hub, client, request, r);
        }
        if (hub_attach(client, feed, snapshot ? snapshot->next_number : feed->next_number))
                return hub_refuse_memory(client, request);
        if (snapshot) {
                snapshot_cursor_attach(&client->snapshot, snapshot);
                ++hub->n_snapshot_subscribers;
        }
        hub_accept(hub, client, request, snapshot ? snapshot->next_number : feed->next_number);
}

static bool hub_has_subscription(const Client *client) {
        return client->subscribed || client->waiting || client->sampling;
}

static void hub_refuse_second(Client *client, const Request *request) {
        hub_refuse(client, request, ERROR_ALREADY_SUBSCRIBED, NULL,
                   "This connection has a subscription already: open another connection for another one.");
}

/* It begins when what processes run is known. */
static void hub_let_wait(Hub *hub, Client *client, const Request *request) {
        int r = charge_take(&client->request, client->user, QUOTA_REQUESTS, 1);

        if (r == QUOTA_E_USER)
                return hub_refuse_share(hub, client, request->id, QUOTA_REQUESTS, false);
        client->waiting = r ? NULL : memory_take(NULL, sizeof(*request));
        if (!client->waiting) {
                charge_return(&client->request);
                return hub_refuse(client, request, ERROR_LIMIT, NULL,
                                  "Too many subscriptions wait until it is known what processes run: try again.");
        }
        *client->waiting = *request;
        ++hub->n_waiting;
}

/* The feed is made now, so that it is known that its programs are wanted; the subscription begins when they are. */
static void hub_subscribe(Hub *hub, Client *client, const Request *request) {
        Feed *feed;

        if (hub_has_subscription(client))
                return hub_refuse_second(client, request);
        if (request->subscription.has_resume)
                return hub_resume(hub, client, request);
        /* Whoever forks and then asks means the child too. */
        if (hub->catch_up)
                hub->catch_up(hub);
        if (feeds_find(&hub->feeds, &request->subscription.topic, &client->rights, client->user, &feed) ||
            programs_are_complete(hub->feeds.programs) || !topic_wants_programs(&request->subscription.topic))
                return hub_begin(hub, client, request);
        hub_let_wait(hub, client, request);
}

/* The feed has its own claim to programs by then. */
static void hub_begin_samples(Hub *hub, Client *client, const Request *request) {
        sampler_begin(hub->sampler, client, request);
        if (topic_wants_programs(&request->subscription.topic))
                programs_unwant(hub->feeds.programs);
}

/* Programs are wanted from now on, if the filter is by cgroups; the samples begin when they are known. */
static void hub_sample(Hub *hub, Client *client, const Request *request) {
        if (hub_has_subscription(client))
                return hub_refuse_second(client, request);
        if (!hub->sampler)
                return hub_refuse(client, request, ERROR_LIMIT, NULL, "This broker has no live statistics.");
        if (hub->catch_up)
                hub->catch_up(hub);
        if (topic_wants_programs(&request->subscription.topic))
                programs_want(hub->feeds.programs);
        if (!topic_wants_programs(&request->subscription.topic) || programs_are_complete(hub->feeds.programs))
                hub_begin_samples(hub, client, request);
        else
                hub_let_wait(hub, client, request);
}

static void hub_ask(Hub *hub, Client *client, const Request *request) {
        if (!hub->sampler)
                return hub_refuse(client, request, ERROR_LIMIT, NULL, "This broker has no live statistics.");
        /* Whoever forks and then asks means the child too. */
        if (hub->catch_up)
                hub->catch_up(hub);
        sampler_ask(hub->sampler, client, request);
}

/**
 * hub_on_programs() - what processes run is known
 * @hub:  the hub
 */
void hub_on_programs(Hub *hub) {
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);
                Request *request = client->waiting;

                if (!request || client->closing)
                        continue;
                client->waiting = NULL;
                --hub->n_waiting;
                charge_return(&client->request);
                if (request->type == REQUEST_SAMPLE)
                        hub_begin_samples(hub, client, request);
                else
                        hub_begin(hub, client, request);
                free(request);
                client_flush(client);
        }
}

/**
 * hub_serve() - answer a request
 * @hub:        the hub
 * @client:     who asks
 * @message:    the request, without its frame's prefix
 * @n_message:  its length
 */
void hub_serve(Hub *hub, Client *client, const uint8_t *message, size_t n_message) {
        uint8_t frame[ENCODED_REPLY_MAX];
        BrokerStatus status;
        EncodedError error;
        Request request;

        if (request_decode(message, n_message, &request, &error)) {
                client_refuse(client, &error);
                return;
        }
        switch (request.type) {
        case REQUEST_SUBSCRIBE:
                hub_subscribe(hub, client, &request);
                break;
        case REQUEST_STATUS:
                hub_status_for(hub, client, &status);
                client_reply(client, frame, encode_status(request.id, &status, frame));
                break;
        case REQUEST_STATS:
                hub_ask(hub, client, &request);
                break;
        case REQUEST_SAMPLE:
                hub_sample(hub, client, &request);
                break;
        }
}

/**
 * hub_set_policy() - something else applies from now on
 * @hub:     the hub
 * @policy:  what
 *
 * Who may know everything may so still. All others have to connect anew: what they
 * are told from now on would not go with what they were told before.
 */
void hub_set_policy(Hub *hub, const Policy *policy) {
        hub->policy = *policy;
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                if (client->rights.all)
                        continue;
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_ACCESS_CHANGED,
                                              .message = "What users may know of each other's processes has changed "
                                                         "on this machine: connect again.",
                                              .closing = true,
                                      });
                client_flush(client);
        }
}

/**
 * hub_stop() - say good-bye to all
 * @hub:  the hub
 *
 * What a socket does not take at once is lost with the connection.
 */
void hub_stop(Hub *hub) {
        list_for_each(feed, feed_safe, &hub->feeds.list)
                feed_close_batch(container_of(feed, Feed, link));
        list_for_each(link, safe, &hub->clients) {
                Client *client = container_of(link, Client, link);

                client_flush(client);
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_STOPPING,
                                              .message = "The broker is stopping.",
                                              .closing = true,
                                      });
                client_flush(client);
        }
        hub_reap(hub);
}

/*
 * Events.
 */

/**
 * hub_publish() - give an event to all who want it
 * @hub:                 the hub
 * @event:               the event, after the join
 * @realtime_offset_ns:  with which its times were made
 */
void hub_publish(Hub *hub, const Event *event, int64_t realtime_offset_ns) {
        if (!event->only_for_sets)
                ++hub->n_events[event->kind];
        feeds_publish(&hub->feeds, event, realtime_offset_ns);
        if (hub->sampler)
                sampler_publish(hub->sampler, event);
}

/**
 * hub_end_turn() - close batches, wake subscribers, free the dead
 * @hub:  the hub
 *
 * Return: 0, or a negative errno.
 */
int hub_end_turn(Hub *hub) {
        int r;

        hub->n_snapshot_budget = LIMIT_SNAPSHOT_TURN_BYTES;
        if (hub->feeds.n > 0 && !ev_is_active(&hub->age))
                ev_timer_again(hub->loop, &hub->age);
        list_for_each(link, safe, &hub->feeds.list) {
                Feed *feed = container_of(link, Feed, link);

                if (feed->stopped)
                        hub_end_feed(hub, feed);
                if (feed->n_closed == 0 && feed->n_open == 0)
                        continue;
                feed_close_batch(feed);
                feed->n_closed = 0;
                list_for_each(cursor, cursor_safe, &feed->cursors)
                        client_wake(container_of(cursor, Client, cursor.link));
        }
        r = hub->sampler ? sampler_end_turn(hub->sampler) : 0;
        hub_reap(hub);
        return error_trace(r);
}
