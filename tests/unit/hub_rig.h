/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A hub in a loop of its own, and peers that talk to it over socket pairs. The
 * loop only turns, and seconds only pass, when a test makes them.
 *
 * Include it behind #undef NDEBUG.
 */

#include <ev.h>
#include <poll.h>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/output/cursor.h"
#include "broker/policy/limits.h"
#include "broker/server/admission.h"
#include "broker/server/client.h"
#include "broker/server/hub.h"
#include "broker/server/listener.h"
#include "broker/server/sampler.h"
#include "broker/tasks/join.h"
#include "tests/unit/made.h"
#include "tests/unit/pb.h"

/* Room for received bytes that were not taken. A test that takes them at once defines less before the #include. */
#ifndef PEER_BYTES_MAX
#define PEER_BYTES_MAX (64u * 1024u * 1024u)
#endif
#define RIG_EPOCH 0xfeedu

typedef struct Peer Peer;
typedef struct Rig Rig;

struct Rig {
        struct ev_loop *loop;
        Hub hub;
        KernelFeatures features;
        Connector connector;    /* silent */
        Tree procfs;
        Join join;              /* has the table and the programs; nothing comes out of it */
        ExitListener exits;     /* records that wait for the exits of those who are gone */
        int exits_kernel;
        Sampler sampler;        /* rig_add_sampler() */
        Listener *listener;     /* it is resumed when connections were closed; NULL: no listener */
        uint32_t n_published;
        bool stays_throttled;   /* throttled users are not resumed by rig_turn() */
};

/* The other end of a connection, and what came out of it. */
struct Peer {
        int fd;
        Connection *connection; /* our end, while it lives */
        uint8_t *bytes;
        size_t n, n_taken;      /* bytes received, and bytes taken as frames */
        bool ended;
};

static inline void rig_fill_status(StatusReport *report, BrokerStatus *ret_status) {
        ret_status->features = &container_of(report, Rig, hub.status)->features;
        ret_status->epoch = RIG_EPOCH;
        ret_status->time_offset_ns = 5;
        ret_status->live_tasks = 11;
        ret_status->foreign_acks = 12;
        ret_status->program_bytes = 13;
}

static inline Rig *rig_new_sized(size_t feed_bytes) {
        Rig *rig = calloc(1, sizeof(*rig));
        int fds[2];

        assert(rig);
        rig->loop = ev_loop_new(EVFLAG_AUTO);
        assert(rig->loop);
        snprintf(rig->features.release, sizeof(rig->features.release), "6.6.6-test");
        rig->procfs = tree_new();
        packet_pair(fds);
        rig->exits_kernel = fds[1];
        assert(exit_listener_init(&rig->exits, &(ExitListenerOptions){ .fd = fds[0], .rcvbuf_bytes = 1 << 20 }) == 0);
        join_init(&rig->join, &rig->connector, &rig->exits, &rig->features, rig->procfs.fd, NULL);
        join_set_time_offset(&rig->join, 5);
        /* the program reader emits no event */
        program_reader_init(&rig->join.programs, rig->procfs.fd, &rig->join.table, NULL);
        hub_init(&rig->hub, rig->loop, RIG_EPOCH, &rig->join.table, &rig->join.programs, feed_bytes,
                 &quota_limits_default, rig_fill_status);
        /* rig_age() is the clock: none runs beside it on a machine that is slow */
        assert(rig->hub.age.repeat == 1.);
        rig->hub.age.repeat = 1e6;
        return rig;
}

static inline Rig *rig_new(void) {
        return rig_new_sized(1 << 20);
}

static inline void rig_add_sampler(Rig *rig, StatsSource *source) {
        sampler_init(&rig->sampler, rig->loop, &rig->hub.feeds, &rig->join, source, rig->procfs.fd);
        hub_set_sampler(&rig->hub, &rig->sampler);
}

static inline void rig_free(Rig *rig) {
        hub_deinit(&rig->hub);
        if (rig->hub.sampler)
                sampler_deinit(&rig->sampler);
        assert(rig->join.programs.n_wanted == 0);
        join_deinit(&rig->join);
        exit_listener_deinit(&rig->exits);
        close(rig->exits_kernel);
        tree_free(&rig->procfs);
        ev_loop_destroy(rig->loop);
        free(rig);
}

static inline void rig_add_processes(Rig *rig, uint32_t first, size_t n) {
        for (uint32_t pid = first; pid < first + n; ++pid)
                (void)made_task(&rig->join.table, pid, pid, 1, pid);
}

/* All users are within their share of time again. */
static inline void rig_end_throttling(Rig *rig) {
        list_for_each(link, safe, &rig->hub.quota.users)
                container_of(link, QuotaUser, link)->work_paid_ns = 0;
}

/* Throttled connections are checked now. */
static inline void rig_check_throttled(Rig *rig) {
        if (ev_is_active(&rig->hub.connections.resume))
                ev_feed_event(rig->loop, &rig->hub.connections.resume, EV_TIMER);
}

static inline bool rig_has_throttled(const Rig *rig) {
        return ev_is_active(&rig->hub.connections.resume);
}

/* Watchers are called once; the turn goes on. */
static inline void rig_run_watchers(Rig *rig) {
        ev_run(rig->loop, EVRUN_NOWAIT);
}

/* Sends to connections as the end of a turn does, and nothing else. */
static inline void rig_flush(Rig *rig) {
        connections_begin_turn(&rig->hub.connections);
        connections_flush_ready(&rig->hub.connections);
}

static inline void rig_end_turn(Rig *rig) {
        assert(hub_end_turn(&rig->hub) == 0);
        if (rig->listener && rig->hub.has_room)
                listener_resume(rig->listener);
}

/* Requests have taken so long in this turn. */
static inline void rig_use_turn(Rig *rig, uint64_t ns) {
        rig->hub.connections.turn_ns = ns;
}

/* As the daemon does it: the watchers, then the end of the turn. Four turns, for what takes several. */
static inline void rig_turn(Rig *rig) {
        for (int i = 0; i < 4; ++i) {
                if (!rig->stays_throttled) {
                        rig_end_throttling(rig);
                        rig_check_throttled(rig);
                }
                rig_run_watchers(rig);
                rig_end_turn(rig);
        }
}

/* Seconds pass. */
static inline void rig_age(Rig *rig, unsigned int seconds) {
        for (; seconds > 0; --seconds) {
                ev_feed_event(rig->loop, &rig->hub.age, EV_TIMER);
                rig_turn(rig);
        }
}

/* The time until delayed events are sent has passed. */
static inline void rig_pass_delay(Rig *rig, Connection *connection) {
        if (ev_is_active(&connection->delay)) {
                ev_timer_stop(rig->loop, &connection->delay);
                ev_feed_event(rig->loop, &connection->delay, EV_TIMER);
        }
}

/* The time of all deadlines comes. */
static inline void rig_pass_deadlines(Rig *rig) {
        list_for_each(link, safe, &rig->hub.connections.open) {
                Connection *connection = container_of(link, Connection, link);

                if (ev_is_active(&connection->deadline))
                        ev_feed_event(rig->loop, &connection->deadline, EV_TIMER);
        }
}

/* The next sample of each feed is due, and the sweep begins at the end of the turn. */
static inline void rig_sample(Rig *rig) {
        list_for_each(link, safe, &rig->sampler.feeds.list)
                container_of(link, SampleFeed, link)->due_ns = 0;
        ev_feed_event(rig->loop, &rig->sampler.due, EV_TIMER);
}

static inline bool rig_is_sweeping(const Rig *rig) {
        return rig->sampler.sweep.running || sampler_needs_drain(&rig->sampler);
}

/* Turns until the sweep is through, and all that was asked is answered. */
static inline void rig_finish_sampling(Rig *rig) {
        do
                rig_turn(rig);
        while (rig_is_sweeping(rig) || !stats_requests_are_done(&rig->sampler.requests));
        rig_turn(rig);
}

/* The pass over all processes, as the broker makes it. */
static inline void rig_read_programs(Rig *rig) {
        Program *program;
        Task *task;

        do {
                assert(program_reader_read_next(&rig->join.programs, &task, &program) == 0);
                if (task)
                        task_table_set_program(&rig->join.table, task->process, program);
        } while (task);
        hub_on_programs(&rig->hub);
}

/* Whether the hub counts seconds. */
static inline bool rig_is_aging(const Rig *rig) {
        return ev_is_active(&rig->hub.age);
}

/* The delay that all subscribers allow. */
static inline uint32_t rig_max_delay_ms(const Rig *rig) {
        return rig->hub.max_delay_ms;
}

static inline BrokerStatus rig_status(Rig *rig) {
        BrokerStatus status;

        status_report_all(&rig->hub.status, &status);
        return status;
}

/* The limits of what users may hold, and of what they may do in a second. Tests change them. */
static inline QuotaLimits *rig_limits(Rig *rig) {
        return &rig->hub.quota.limits;
}

static inline QuotaShare *rig_share(Rig *rig, QuotaKind kind) {
        return &rig_limits(rig)->held[kind];
}

static inline QuotaRate *rig_rate(Rig *rig, QuotaKind kind) {
        return &rig_limits(rig)->rates[kind - _QUOTA_HELD];
}

static inline uint64_t rig_used(const Rig *rig, QuotaKind kind) {
        return rig->hub.quota.used[kind];
}

/* The policy applies to clients that connect from now on. */
static inline Policy *rig_policy(Rig *rig) {
        return &rig->hub.policy;
}

static inline const Feed *rig_first_feed(const Rig *rig) {
        return container_of(rig->hub.feeds.list.next, Feed, link);
}

static inline const Feed *rig_newest_feed(const Rig *rig) {
        return container_of(rig->hub.feeds.list.prev, Feed, link);
}

/* Snapshots that were made are too old to be shared. */
static inline void rig_age_snapshots(Rig *rig) {
        list_for_each(link, safe, &rig->hub.feeds.list)
                list_for_each(snapshot, snapshot_safe, &container_of(link, Feed, link)->snapshots)
                        container_of(snapshot, Snapshot, link)->time_ns = 1;
}

/* Feeds without a reader stay for clients that come back. */
static inline void rig_expect_idle_feeds(Rig *rig, size_t n) {
        size_t n_feeds = 0;

        for (const List *link = rig->hub.feeds.list.next; link != &rig->hub.feeds.list; link = link->next) {
                assert(list_is_empty(&container_of(link, const Feed, link)->cursors));
                ++n_feeds;
        }
        assert(n_feeds == n && rig_status(rig).feeds == n && rig_status(rig).subscribers == 0);
}

/* All is back that clients held, except for feeds that stay. */
static inline void rig_expect_no_clients(Rig *rig) {
        assert(rig_status(rig).connections == 0 && rig_status(rig).subscribers == 0);
        assert(list_is_empty(&rig->hub.connections.open) && list_is_empty(&rig->hub.connections.dead));
        assert(list_is_empty(&rig->hub.connections.held) && !hub_needs_programs(&rig->hub));
}

/* Connects a client with @credentials. @n_buffer: size of the broker's send buffer, 0: the system's default. */
static inline Peer peer_new_of(Rig *rig, int n_buffer, const Credentials *credentials) {
        Peer peer = { .bytes = malloc(PEER_BYTES_MAX) };
        int fds[2];

        assert(peer.bytes);
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        if (n_buffer)
                assert(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &n_buffer, sizeof(n_buffer)) == 0);
        peer.fd = fds[1];
        admission_welcome(&rig->hub, fds[0], credentials);
        if (!list_is_empty(&rig->hub.connections.open))
                peer.connection = container_of(rig->hub.connections.open.prev, Connection, link);
        return peer;
}

/* Connects a client of user root. */
static inline Peer peer_new(Rig *rig, int n_buffer) {
        return peer_new_of(rig, n_buffer, &(Credentials){});
}

static inline void peer_free(Peer *peer) {
        if (peer->fd >= 0)
                close(peer->fd);
        free(peer->bytes);
}

/*
 * Our end of the connection.
 */

static inline bool peer_has_deadline(const Peer *peer) {
        return ev_is_active(&peer->connection->deadline);
}

static inline double peer_deadline(Rig *rig, Peer *peer) {
        return ev_timer_remaining(rig->loop, &peer->connection->deadline);
}

/* The time of its deadline comes. */
static inline void peer_pass_deadline(Rig *rig, Peer *peer) {
        assert(peer_has_deadline(peer));
        ev_feed_event(rig->loop, &peer->connection->deadline, EV_TIMER);
}

static inline bool peer_is_read(const Peer *peer) {
        return ev_is_active(&peer->connection->reader);
}

static inline bool peer_is_throttled(const Peer *peer) {
        return peer->connection->throttled;
}

/* Its user is far over its share of time. */
static inline void peer_overdraw(Peer *peer) {
        peer->connection->user->work_paid_ns = UINT64_MAX;
}

static inline bool peer_is_closing(const Peer *peer) {
        return connection_is_closing(peer->connection);
}

static inline bool peer_is_within_frame(const Peer *peer) {
        return peer->connection->queue.within;
}

static inline size_t peer_n_replies(const Peer *peer) {
        return buffer_n(&peer->connection->queue.replies);
}

static inline size_t peer_n_input(const Peer *peer) {
        return buffer_n(&peer->connection->in);
}

/* How long an event that came now would be delayed, in seconds. */
static inline double peer_delay(Rig *rig, Peer *peer) {
        const SendStream *stream = container_of(peer->connection->queue.streams.next, SendStream, link);

        ev_timer_stop(rig->loop, &peer->connection->delay);
        connection_wake(peer->connection, stream->max_delay_ms);
        return ev_timer_remaining(rig->loop, &peer->connection->delay);
}

/* Bytes that its input has room for, and that it is charged for. */
static inline size_t peer_n_input_max(const Peer *peer) {
        return peer->connection->in.n_max;
}

static inline uint64_t peer_n_charged(const Peer *peer) {
        return peer->connection->memory.n;
}

/* Receives at most @n_max bytes of what is there. */
static inline size_t peer_receive(Peer *peer, size_t n_max) {
        size_t n_all = 0;

        while (n_all < n_max && !peer->ended) {
                ssize_t n = recv(peer->fd, peer->bytes + peer->n, MIN(n_max - n_all, PEER_BYTES_MAX - peer->n),
                                 MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        peer->ended = true;
                        break;
                }
                peer->n += (size_t)n;
                n_all += (size_t)n;
        }
        return n_all;
}

/* Turns the loop and receives until nothing more comes. */
static inline void peer_receive_all(Rig *rig, Peer *peer) {
        do
                rig_turn(rig);
        while (peer_receive(peer, SIZE_MAX) > 0);
}

/* The next frame that is here whole, unpacked; NULL: none. Bytes that are no frame are a failure. */
static inline PB(ServerMessage) *peer_take(Peer *peer) {
        size_t n_prefix, n_message;
        PB(ServerMessage) *message;
        int r;

        r = frame_parse(peer->bytes + peer->n_taken, peer->n - peer->n_taken, FRAME_MAX_FROM_BROKER, &n_prefix,
                        &n_message);
        assert(r == 0 || r == FRAME_E_PARTIAL);
        if (r)
                return NULL;
        message = frame_unpack(peer->bytes + peer->n_taken, n_prefix + n_message);
        peer->n_taken += n_prefix + n_message;
        return message;
}

static inline void peer_expect_nothing(Rig *rig, Peer *peer) {
        peer_receive_all(rig, peer);
        assert(peer->n == peer->n_taken && !peer->ended);
}

static inline void peer_expect_end(Rig *rig, Peer *peer) {
        peer_receive_all(rig, peer);
        assert(peer->n == peer->n_taken && peer->ended);
}

/* Takes the next frame, which must have the body @body. */
static inline PB(ServerMessage) *peer_expect(Rig *rig, Peer *peer, PB(ServerMessage__BodyCase) body) {
        PB(ServerMessage) *message = peer_take(peer);

        if (!message) {
                peer_receive_all(rig, peer);
                message = peer_take(peer);
        }
        assert(message && message->body_case == body);
        return message;
}

#define peer_expect_body(rig, peer, BODY) peer_expect((rig), (peer), TASKBROKER__V1__SERVER_MESSAGE__BODY_##BODY)

/* An Error. @field: the one that is wrong; NULL: none is looked for. */
static inline void peer_expect_error_of(Rig *rig, Peer *peer, ErrorCode code, bool closing, const char *field) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, ERROR);

        assert((int)message->error->code == (int)code && message->error->closing == closing);
        assert(!field || strcmp(message->error->field, field) == 0);
        assert(strlen(message->error->message) > 10);
        message_free(message);
}

static inline void peer_expect_error(Rig *rig, Peer *peer, ErrorCode code, bool closing) {
        peer_expect_error_of(rig, peer, code, closing, NULL);
}

static inline void peer_send(const Peer *peer, const void *data, size_t n) {
        assert(send(peer->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n);
}

static inline size_t request_pack(uint8_t *frame, const PB(ClientMessage) *message) {
        size_t n = frame_prefix(frame, (uint32_t)taskbroker__v1__client_message__get_packed_size(message));

        return n + taskbroker__v1__client_message__pack(message, frame + n);
}

static inline size_t request_status(uint8_t frame[static 256], uint64_t id) {
        PB(GetBrokerStatus) get_status = TASKBROKER__V1__GET_BROKER_STATUS__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        message.request_id = id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS;
        message.get_broker_status = &get_status;
        return request_pack(frame, &message);
}

/* Asks for whatever there is to ask for. */
static inline void peer_ask_for(const Peer *peer, uint64_t id, const PB(Subscribe) *subscribe) {
        static uint8_t frame[FRAME_MAX_FROM_CLIENT + FRAME_PREFIX_MAX];
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        message.request_id = id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = (PB(Subscribe) *)subscribe;
        peer_send(peer, frame, request_pack(frame, &message));
}

static inline size_t request_subscribe(uint8_t frame[static 256], uint64_t id, bool strict, uint32_t max_delay_ms) {
        PB(EventKind) kinds[] = {TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COMM_CHANGE};
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        subscribe.kinds = kinds;
        subscribe.n_kinds = 1;
        subscribe.threads = true;
        subscribe.strict = strict;
        subscribe.max_delay_ms = max_delay_ms;
        message.request_id = id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        return request_pack(frame, &message);
}

static inline void peer_ask_status(const Peer *peer, uint64_t id) {
        uint8_t frame[256];

        peer_send(peer, frame, request_status(frame, id));
}

static inline void peer_ask_subscribe(const Peer *peer, uint64_t id, bool strict, uint32_t max_delay_ms) {
        uint8_t frame[256];

        peer_send(peer, frame, request_subscribe(frame, id, strict, max_delay_ms));
}

/* A connection past its Welcome. */
static inline Peer peer_new_welcomed(Rig *rig, int n_buffer) {
        Peer peer = peer_new(rig, n_buffer);

        message_free(peer_expect_body(rig, &peer, WELCOME));
        return peer;
}

static inline Peer peer_new_subscribed(Rig *rig, int n_buffer, bool strict, uint32_t max_delay_ms) {
        Peer peer = peer_new_welcomed(rig, n_buffer);

        peer_ask_subscribe(&peer, 1, strict, max_delay_ms);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        return peer;
}

/* Publishes an event as the join does: it refers to its task as the table has it. */
static inline void rig_publish_event(Rig *rig, const Event *event) {
        const TaskTable *table = &rig->join.table;
        Event emitted = *event;
        uint32_t tid = event->kind == EVENT_EXEC && event->exec.caller_tid ? event->exec.caller_tid : event->tid;

        emitted.time_offset_ns = 5;
        if (event->kind != EVENT_FORK && event->kind != EVENT_LOSS) {
                emitted.task_before = task_table_get(table, tid);
                emitted.leader_before = task_table_get_leader(table, event->pid);
        }
        hub_publish(&rig->hub, &emitted);
}

/* An event whose task has the number of how many were published before it. */
static inline void rig_publish(Rig *rig, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                Event event = { .kind = EVENT_COMM, .pid = 1, .tid = rig->n_published++, .comm = "0123456789abcde" };

                rig_publish_event(rig, &event);
        }
}

/*
 * Takes frames until @n events arrived or were reported as lost, from @tid on: each
 * in its turn, with its number. @ret_lost: how many were lost.
 */
static inline void peer_check_events(Rig *rig, Peer *peer, uint64_t number, uint32_t tid, size_t n, size_t *ret_lost) {
        size_t n_lost = 0, n_seen = 0;

        while (n_seen < n) {
                PB(ServerMessage) *message = peer_expect_body(rig, peer, EVENT_BATCH);
                const PB(EventBatch) *batch = message->event_batch;

                assert(batch->first_number == number + n_seen);
                assert(batch->realtime_offset_ns == 5);
                for (size_t i = 0; i < batch->n_events; ++i) {
                        const PB(Event) *event = batch->events[i];

                        if (event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS) {
                                assert(batch->n_events == 1 && event->loss->count > 0);
                                assert(event->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_READER);
                                assert(event->loss->reason == TASKBROKER__V1__LOSS_REASON__LOSS_REASON_FELL_BEHIND);
                                n_seen += event->loss->count;
                                n_lost += event->loss->count;
                        } else {
                                assert(event->tid == tid + n_seen);
                                ++n_seen;
                        }
                }
                message_free(message);
        }
        assert(n_seen == n);
        if (ret_lost)
                *ret_lost = n_lost;
        else
                assert(n_lost == 0);
}
