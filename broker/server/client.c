/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Output has three parts, replies, the snapshot and the feed, and each switches to
 * another only between two frames. A client that does not read its replies is not read from
 * either, so that it can ask for no more than LIMIT_REPLY_BYTES; a client that
 * does not read its feed falls off the feed's tail. Nobody waits for anybody.
 *
 * Whatever goes wrong with a client ends that client (`dead`), and nothing else:
 * no function here returns an error.
 */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/output/request_decode.h"
#include "broker/policy/limits.h"
#include "broker/server/client.h"
#include "broker/server/hub.h"
#include "broker/server/quota_error.h"
#include "broker/server/request_handler.h"
#include "broker/server/sampler.h"
#include "proto/frame.h"

#define CLIENT_MAGIC 0x7a5c11e7u

/* Bytes that one client can send or be sent in one turn of the loop. */
#define TURN_READ_BYTES (64u * 1024u)
#define TURN_WRITE_BYTES (1024u * 1024u)

#define IN_BYTES_FIRST 256u

/* Of a buffer for replies that was larger, when it is empty. */
#define BUFFER_BYTES_KEPT 4096u

/* In the order in which they begin. */
typedef enum OutputPart {
        OUTPUT_REPLIES,
        OUTPUT_SNAPSHOT,
        OUTPUT_FEED,
} OutputPart;

static void client_die(Client *client) {
        if (client->dead)
                return;
        client->dead = true;
        ev_io_stop(client->hub->loop, &client->reader);
        ev_io_stop(client->hub->loop, &client->writer);
        ev_timer_stop(client->hub->loop, &client->delay);
        ev_timer_stop(client->hub->loop, &client->deadline);
        hub_defer_free(client->hub, client);
}

static void client_set_deadline(Client *client, double seconds) {
        ev_timer_stop(client->hub->loop, &client->deadline);
        ev_timer_set(&client->deadline, seconds, 0.);
        ev_timer_start(client->hub->loop, &client->deadline);
}

/* A client that is idle between requests may be so for ever; before its first, or within one, it may not. */
static void client_await_request(Client *client) {
        if (client->served && buffer_n(&client->in) == 0)
                ev_timer_stop(client->hub->loop, &client->deadline);
        else
                client_set_deadline(client, LIMIT_REQUEST_SECONDS);
}

/*
 * Output.
 */

/**
 * client_reply() - queue a frame
 * @client:   the client
 * @frame:    a whole frame
 * @n_frame:  its length
 *
 * A client that has no room for what it is to be told is closed.
 */
void client_reply(Client *client, const uint8_t *frame, size_t n_frame) {
        int r;

        if (client->dead)
                return;
        r = buffer_append(&client->out, &client->memory, frame, n_frame);
        if (r == BUFFER_E_QUOTA)
                quota_error_log(client->user, QUOTA_BYTES);
        if (r)
                client_die(client);
}

/* The client ends as soon as it has its replies, and the frame that it is in. */
static void client_close(Client *client) {
        client->closing = true;
        ev_io_stop(client->hub->loop, &client->reader);
        client_set_deadline(client, LIMIT_UNREAD_SECONDS);
}

/**
 * client_refuse() - queue an Error
 * @client:  the client
 * @error:   what to say; if it is a closing one, the client ends after it
 */
void client_refuse(Client *client, const EncodedError *error) {
        uint8_t frame[ENCODED_REPLY_MAX];

        if (client->dead || client->closing)
                return;
        client_reply(client, frame, encode_error(error, frame));
        if (!error->closing)
                return;

        if (error->code == ERROR_FELL_BEHIND)
                ++client->hub->n_closed_for_strict;
        else
                ++client->hub->n_closed_for_errors;
        client_close(client);
}

/**
 * client_refuse_share() - tell a client that its user has its share
 * @client:      the client
 * @request_id:  of the request that is refused, or 0
 * @kind:        of what
 * @closing:     whether the client ends
 */
void client_refuse_share(Client *client, uint64_t request_id, QuotaKind kind, bool closing) {
        quota_error_log(client->user, kind);
        client_refuse(client, &(EncodedError){
                                      .request_id = request_id,
                                      .code = ERROR_QUOTA,
                                      .message = quota_error_message(kind),
                                      .closing = closing,
                              });
}

/* The cursor fell off its feed's tail and is between frames: tell, and go on or end. */
static void client_recover(Client *client) {
        uint64_t first_number, lost;

        if (client->sampling)
                return sampler_recover(client->hub->sampler, client);
        lost = cursor_recover(&client->cursor, &first_number);
        if (lost == 0)
                return;
        client->hub->n_reader_lost += lost;

        if (client->strict) {
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_FELL_BEHIND,
                                              .message = "The subscription is strict, and events were lost because "
                                                         "the client did not read them in time.",
                                              .closing = true,
                                              .lost = lost,
                                      });
        } else {
                uint8_t frame[ENCODED_BATCH_HEADER_MAX + ENCODED_EVENT_MAX], event[ENCODED_EVENT_MAX];
                int64_t offset_ns = client->cursor.feed->realtime_offset_ns;
                Event loss = {
                        .kind = EVENT_LOSS,
                        .time_ns = (uint64_t)(clock_read_ns(CLOCK_MONOTONIC) + offset_ns),
                        .loss = {
                                .count = lost,
                                .source = LOSS_READER,
                                .reason = LOSS_FELL_BEHIND,
                        },
                };
                size_t n_event = encode_event(&loss, 0, event), n;

                n = encode_batch_header(first_number, offset_ns, n_event, frame);
                memcpy(frame + n, event, n_event);
                client_reply(client, frame, n + n_event);
        }
}

static bool client_has_replies(const Client *client) {
        return buffer_n(&client->out) > 0;
}

/* What may be sent now. Never two: replies go between two frames of the others. */
static OutputPart client_part(const Client *client) {
        if (!snapshot_cursor_is_at_boundary(&client->snapshot))
                return OUTPUT_SNAPSHOT;
        if (!cursor_is_at_boundary(&client->cursor))
                return OUTPUT_FEED;
        if (client_has_replies(client))
                return OUTPUT_REPLIES;
        return client->snapshot.snapshot && !client->closing ? OUTPUT_SNAPSHOT : OUTPUT_FEED;
}

/* Of a frame that was begun only the rest, where something else comes next. */
static size_t client_snapshot_slices(Client *client, struct iovec slices[static FEED_SLICES]) {
        size_t n = client->hub->n_snapshot_budget;

        if (client_has_replies(client) || client->closing)
                n = client->snapshot.frame->n - client->snapshot.offset;
        return snapshot_cursor_slices(&client->snapshot, n, slices);
}

static size_t client_slices(Client *client, OutputPart part, struct iovec slices[static FEED_SLICES]) {
        if (part == OUTPUT_SNAPSHOT)
                return client_snapshot_slices(client, slices);
        if (!cursor_is_at_boundary(&client->cursor)) {
                size_t n = client->cursor.n_frame_left;

                if (!client_has_replies(client) && !client->closing)
                        n = TURN_WRITE_BYTES;
                return cursor_slices(&client->cursor, n, slices);
        }
        if (client_has_replies(client)) {
                slices[0] = (struct iovec){ client->out.bytes + client->out.begin, buffer_n(&client->out) };
                return 1;
        }
        return client->closing ? 0 : cursor_slices(&client->cursor, TURN_WRITE_BYTES, slices);
}

static void client_sent(Client *client, OutputPart part, size_t n) {
        if (part == OUTPUT_FEED) {
                cursor_advance(&client->cursor, n);
                return;
        }
        if (part == OUTPUT_SNAPSHOT) {
                client->snapshot_age = 0;
                client->hub->n_snapshot_budget -= MIN(client->hub->n_snapshot_budget, n);
                snapshot_cursor_advance(&client->snapshot, n);
                return;
        }
        client->out.begin += n;
        if (client_has_replies(client))
                return;
        buffer_pack(&client->out);
        if (client->out.n_max > BUFFER_BYTES_KEPT)
                (void)buffer_resize(&client->out, &client->memory, BUFFER_BYTES_KEPT);
        if (client->closing || client->input_ended)
                return;
        client_await_request(client);
        if (!ev_is_active(&client->reader)) {
                ev_io_start(client->hub->loop, &client->reader);
                /* Requests may be here already that waited for this room. */
                ev_feed_event(client->hub->loop, &client->reader, EV_READ);
        }
}

/**
 * client_flush() - send what there is, as far as the socket takes it
 * @client:  the client
 *
 * When the socket takes no more, the rest waits for it to become writable.
 */
void client_flush(Client *client) {
        struct ev_loop *loop = client->hub->loop;
        size_t n_budget = TURN_WRITE_BYTES;

        ev_timer_stop(loop, &client->delay);
        while (!client->dead) {
                struct iovec slices[FEED_SLICES];
                struct msghdr message = { .msg_iov = slices };
                OutputPart part;
                size_t n_wanted = 0;
                ssize_t n;

                if (client->cursor.broken)
                        return client_die(client);
                if (cursor_must_recover(&client->cursor) && !client->closing && !client_has_replies(client) &&
                    !client->snapshot.snapshot) {
                        client_recover(client);
                        continue;
                }
                part = client_part(client);
                if (part == OUTPUT_SNAPSHOT && client->hub->n_snapshot_budget == 0)
                        break;
                message.msg_iovlen = client_slices(client, part, slices);
                if (message.msg_iovlen == 0) {
                        if (client->closing)
                                client_die(client);
                        else
                                ev_io_stop(loop, &client->writer);
                        return;
                }
                if (n_budget == 0)
                        break;
                for (size_t i = 0; i < message.msg_iovlen; ++i)
                        n_wanted += slices[i].iov_len;

                n = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
                        break;
                if (n < 0)
                        return client_die(client);
                client_sent(client, part, (size_t)n);
                n_budget -= MIN(n_budget, (size_t)n);
                if ((size_t)n < n_wanted)
                        break;
        }
        if (!client->dead)
                ev_io_start(loop, &client->writer);
}

/**
 * client_wake() - its feed has something new
 * @client:  the client
 *
 * Sent at once, or when the time is up for which the client lets us hold it back.
 * Those times fall on a common grid, so that clients with the same delay are
 * served in one turn, while the bytes are in the processor's cache.
 */
void client_wake(Client *client) {
        struct ev_loop *loop = client->hub->loop;

        if (client->dead || ev_is_active(&client->writer) || ev_is_active(&client->delay))
                return;
        if (client->max_delay_ms == 0) {
                client_flush(client);
        } else {
                uint64_t period_ns = client->max_delay_ms * NSEC_PER_MSEC / HUB_POLL_SHARE * (HUB_POLL_SHARE - 1);
                uint64_t now_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);

                ev_timer_set(&client->delay, (double)(period_ns - now_ns % period_ns) / (double)NSEC_PER_SEC, 0.);
                ev_timer_start(loop, &client->delay);
        }
}

/**
 * client_age() - a second has passed
 * @client:  the client
 *
 * Who does not take its snapshot keeps it in memory.
 */
void client_age(Client *client) {
        if (!client->snapshot.snapshot || client->dead || client->closing || ++client->snapshot_age < LIMIT_UNREAD_SECONDS)
                return;
        client_refuse(client, &(EncodedError){
                                      .code = ERROR_UNREAD_REPLIES,
                                      .message = "The client does not read the snapshot that it asked for.",
                                      .closing = true,
                              });
}

/*
 * Input.
 */

static void client_refuse_frame(Client *client, int r) {
        EncodedError error = { .closing = true };

        if (r == FRAME_E_TOO_LARGE) {
                error.code = ERROR_TOO_LARGE;
                error.message = "The message is larger than 65536 bytes.";
        } else {
                error.code = ERROR_BAD_FRAME;
                error.message = "The bytes are not a length-delimited message: its length is 0 or not a varint.";
        }
        client_refuse(client, &error);
}

/* Room for a request of which @n bytes are to come in all; what a large one needed is given back after it. */
static void client_make_room(Client *client, size_t n) {
        int r = 0;

        n = MAX(n, (size_t)IN_BYTES_FIRST);
        if (n > client->in.n_max || buffer_n(&client->in) == 0)
                r = buffer_resize(&client->in, &client->memory, n);
        if (r == BUFFER_E_QUOTA)
                client_refuse_share(client, 0, QUOTA_BYTES, true);
        else if (r && n > client->in.n_max)
                client_die(client);
}

/* Serves the requests that are whole, and makes room for the one that is not. */
static void client_serve(Client *client) {
        Buffer *in = &client->in;

        while (!client->dead && !client->closing && buffer_n(&client->out) < LIMIT_REPLY_BYTES) {
                size_t n_prefix, n_message;
                int r;

                r = frame_parse(in->bytes + in->begin, buffer_n(in), FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message);
                if (r == FRAME_E_PARTIAL) {
                        bool any = in->begin > 0;

                        buffer_pack(in);
                        client_make_room(client, n_prefix + n_message);
                        if (client->dead || client->closing)
                                return;
                        if (any || !ev_is_active(&client->deadline))
                                client_await_request(client);
                        return;
                }
                if (r)
                        return client_refuse_frame(client, r);
                client->served = true;
                request_handler_serve(client->hub, client, in->bytes + in->begin + n_prefix, n_message);
                in->begin += n_prefix + n_message;
        }

        if (client->dead || client->closing)
                return;
        /* It does not read its replies: neither do we read its requests. */
        buffer_pack(in);
        ev_io_stop(client->hub->loop, &client->reader);
        client_set_deadline(client, LIMIT_UNREAD_SECONDS);
}

/* Whether something is to come that it asked for. */
static bool client_expects(const Client *client) {
        return client->subscribed || client->waiting || client->sampling || client->n_questions > 0;
}

static bool client_has_gone(const Client *client) {
        struct pollfd pfd = { .fd = client->fd };

        return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR));
}

/*
 * The peer sends no more. If it has closed, it is gone (POLLHUP); if it has only
 * shut down its sending side, it still wants what it asked for.
 */
static void client_end_of_input(Client *client) {
        client->input_ended = true;
        ev_io_stop(client->hub->loop, &client->reader);
        if (client_has_gone(client))
                return client_die(client);
        if (buffer_n(&client->in) > 0) {
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_BAD_FRAME,
                                              .message = "The input ends within a message.",
                                              .closing = true,
                                      });
        } else if (!client_expects(client)) {
                client_close(client);
        } else {
                /* Nothing will tell when it goes for good: look now and then. */
                client_set_deadline(client, LIMIT_REQUEST_SECONDS);
        }
        client_flush(client);
}

/**
 * client_answered() - a reply was queued outside of its request
 * @client:  the client
 */
void client_answered(Client *client) {
        if (client->dead)
                return;
        if (client->input_ended && !client->closing && !client_expects(client))
                client_close(client);
        client_flush(client);
}

static void client_read(Client *client) {
        Buffer *in = &client->in;
        size_t n_budget = TURN_READ_BYTES;

        if (buffer_n(in) > 0)
                client_serve(client);
        while (n_budget > 0 && !client->dead && !client->closing && ev_is_active(&client->reader)) {
                ssize_t n = recv(client->fd, in->bytes + in->end, in->n_max - in->end, MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return client_die(client);
                if (n == 0)
                        return client_end_of_input(client);
                in->end += (size_t)n;
                n_budget -= MIN(n_budget, (size_t)n);
                client_serve(client);
        }
        if (!client->dead && client_has_replies(client))
                client_flush(client);
}

static void client_throttle(Client *client) {
        client->throttled = true;
        ev_io_stop(client->hub->loop, &client->reader);
        hub_schedule_resume(client->hub);
}

static void client_on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
        Client *client = container_of(watcher, Client, reader);
        uint64_t begin_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC), end_ns;

        (void)loop;
        (void)events;
        assert(client->magic == CLIENT_MAGIC);
        if (quota_user_is_throttled(client->user, begin_ns))
                return client_throttle(client);
        if (client->hub->turn_ns >= LIMIT_TURN_NS) {
                /* What is in the socket is told of in the next turn too; what is here already is not. */
                if (buffer_n(&client->in) > 0)
                        client_throttle(client);
                return;
        }
        client_read(client);
        end_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        client->hub->turn_ns += end_ns - begin_ns;
        hub_note_served(client->hub, client);
        quota_user_work(client->user, end_ns - begin_ns, end_ns);
}

/**
 * client_resume() - go on reading from it
 * @client:  a client that rests
 */
void client_resume(Client *client) {
        client->throttled = false;
        if (client->dead || client->closing || client->input_ended)
                return;
        ev_io_start(client->hub->loop, &client->reader);
        /* Requests may be here already. */
        ev_feed_event(client->hub->loop, &client->reader, EV_READ);
}

static void client_on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
        Client *client = container_of(watcher, Client, writer);

        (void)loop;
        (void)events;
        assert(client->magic == CLIENT_MAGIC);
        client_flush(client);
}

static void client_on_delay(struct ev_loop *loop, ev_timer *watcher, int events) {
        Client *client = container_of(watcher, Client, delay);

        (void)loop;
        (void)events;
        assert(client->magic == CLIENT_MAGIC);
        client_flush(client);
}

static void client_on_deadline(struct ev_loop *loop, ev_timer *watcher, int events) {
        Client *client = container_of(watcher, Client, deadline);

        (void)loop;
        (void)events;
        assert(client->magic == CLIENT_MAGIC);
        if (client->closing || (client->input_ended && client_has_gone(client)))
                return client_die(client);
        if (client->input_ended && !client_has_replies(client))
                return client_set_deadline(client, LIMIT_REQUEST_SECONDS);
        if (client_has_replies(client))
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_UNREAD_REPLIES,
                                              .message = "The client does not read the replies to its requests.",
                                              .closing = true,
                                      });
        else
                client_refuse(client, &(EncodedError){
                                              .code = ERROR_TIMEOUT,
                                              .message = "No complete request came within 30 seconds.",
                                              .closing = true,
                                      });
        client_flush(client);
}

/**
 * client_new() - take a connection
 * @ret_client:  output
 * @hub:         its owner
 * @user:        at whose cost it is
 * @fd:          the socket; owned by the client on success
 *
 * Return: 0; CLIENT_E_MEMORY; CLIENT_E_QUOTA.
 */
int client_new(Client **ret_client, Hub *hub, QuotaUser *user, int fd) {
        Client *client = memory_alloc_optional(NULL, sizeof(*client));
        int r;

        if (!client)
                return CLIENT_E_MEMORY;
        *client = (Client){};
        client->magic = CLIENT_MAGIC;
        client->hub = hub;
        client->fd = fd;
        list_init(&client->link);
        cursor_init(&client->cursor);
        r = charge_take(&client->memory, user, QUOTA_BYTES, sizeof(*client)) ? BUFFER_E_QUOTA : 0;
        if (!r)
                r = buffer_resize(&client->in, &client->memory, IN_BYTES_FIRST);
        if (r) {
                charge_return(&client->memory);
                free(client);
                return r == BUFFER_E_QUOTA ? CLIENT_E_QUOTA : CLIENT_E_MEMORY;
        }
        client->user = quota_user_ref(user);
        ev_io_init(&client->reader, client_on_readable, fd, EV_READ);
        ev_io_init(&client->writer, client_on_writable, fd, EV_WRITE);
        ev_timer_init(&client->delay, client_on_delay, 0., 0.);
        ev_timer_init(&client->deadline, client_on_deadline, 0., 0.);
        ev_io_start(hub->loop, &client->reader);
        client_set_deadline(client, LIMIT_REQUEST_SECONDS);
        *ret_client = client;
        return 0;
}

/**
 * client_free() - close and free
 * @client:  the client, or NULL
 *
 * Return: NULL.
 */
Client *client_free(Client *client) {
        if (!client)
                return NULL;
        assert(client->magic == CLIENT_MAGIC);
        ev_io_stop(client->hub->loop, &client->reader);
        ev_io_stop(client->hub->loop, &client->writer);
        ev_timer_stop(client->hub->loop, &client->delay);
        ev_timer_stop(client->hub->loop, &client->deadline);
        snapshot_cursor_detach(&client->snapshot);
        cursor_deinit(&client->cursor);
        list_unlink(&client->link);
        close(client->fd);
        free(client->waiting);
        buffer_deinit(&client->in);
        buffer_deinit(&client->out);
        charge_return(&client->request);
        charge_return(&client->memory);
        charge_return(&client->place);
        quota_user_unref(client->user);
        client->magic = 0;
        free(client);
        return NULL;
}
