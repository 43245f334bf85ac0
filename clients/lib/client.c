/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The connection: bytes in, bytes out, and the state between them.
 *
 * Owns the socket, the room for one frame of the largest size, the requests that
 * wait to be sent, and the decoder. It waits for nothing: the program's own loop
 * does that. What the bytes mean, the decoder knows.
 *
 * The first error stays: a stream that has lost its place cannot find it again.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/address.h"
#include "clients/lib/client.h"
#include "proto/frame.h"

/* One frame always fits, so that a full buffer never means a stuck one. */
#define CLIENT_IN_MAX (FRAME_PREFIX_MAX + FRAME_MAX_FROM_BROKER)

void client_say(struct tb_client *client, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(client->error_text, sizeof(client->error_text), format, args);
        va_end(args);
}

static int client_fail_protocol(struct tb_client *client, const char *reason) {
        client->error = -EPROTO;
        client_say(client, "What listens there does not speak as taskbrokerd does: %s.", reason);
        return client->error;
}

static int client_fail_closed(struct tb_client *client, const char *manner) {
        client->error = -EPIPE;
        if (client->last_words[0])
                client_say(client, "The broker closed the connection: %s", client->last_words);
        else
                client_say(client, "The broker closed the connection%s.", manner);
        return client->error;
}

static int client_fail_errno(struct tb_client *client, int error, const char *what) {
        client->error = error;
        client_say(client, "Cannot %s: %s.", what, strerror(-error));
        return client->error;
}

int tb_connect_fd(int fd, struct tb_client **ret_client) {
        struct tb_client *client;
        int flags, r;

        client = calloc(1, sizeof(*client));
        if (!client) {
                close(fd);
                return -ENOMEM;
        }
        client->fd = fd; /* consumed */
        client->of_fd = true;

        client->in = malloc(CLIENT_IN_MAX);
        if (!client->in) {
                tb_close(client);
                return -ENOMEM;
        }

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
                r = -errno;
                tb_close(client);
                return r;
        }

        *ret_client = client;
        return 0;
}

int tb_connect(const char *path, struct tb_client **ret_client) {
        struct tb_client *client;
        int fd, r;

        fd = address_connect(path);
        if (fd < 0)
                return fd;

        r = tb_connect_fd(fd, &client);
        if (r < 0)
                return r;

        /* tb_connect_fd() has set it: NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        client->of_fd = false;
        if (path) {
                client->path = strdup(path);
                if (!client->path) {
                        tb_close(client);
                        return -ENOMEM;
                }
        }

        *ret_client = client;
        return 0;
}

int tb_set_reconnect(struct tb_client *client) {
        int r;

        if (client->of_fd) {
                client_say(client, "A client that was made of a descriptor has nowhere to connect to again.");
                return -EINVAL;
        }
        if (client->reconnect)
                return 0;

        r = reconnect_new(&client->reconnect);
        if (r < 0)
                return r;

        return reconnect_watch(client->reconnect, client->fd, client->out_end > client->out_start);
}

struct tb_client *tb_close(struct tb_client *client) {
        if (!client)
                return NULL;

        decoder_deinit(&client->decoder);
        reconnect_free(client->reconnect);
        if (client->fd >= 0)
                close(client->fd);
        free(client->path);
        free(client->in);
        free(client);

        return NULL;
}

int tb_fd(const struct tb_client *client) {
        return client->reconnect ? client->reconnect->epoll_fd : client->fd;
}

short tb_poll_events(const struct tb_client *client) {
        return !client->reconnect && client->out_end > client->out_start ? POLLIN | POLLOUT : POLLIN;
}

static bool errno_means_closed(int error) {
        return error == EPIPE || error == ECONNRESET;
}

/*
 * That the broker takes no more is not yet an error: why it closed the
 * connection stands in what it sent last, and may be still to be read.
 */
static int client_send(struct tb_client *client) {
        ssize_t n;

        while (client->out_end > client->out_start) {
                n = send(client->fd,
                         client->out + client->out_start,
                         client->out_end - client->out_start,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0 && !errno_means_closed(errno))
                        return client_fail_errno(client, -errno, "send to the broker");
                if (n < 0) {
                        client->out_closed = true;
                        break;
                }
                client->out_start += (size_t)n;
        }

        client->out_start = client->out_end = 0;
        return 0;
}

static int client_receive(struct tb_client *client) {
        ssize_t n;

        if (client->in_start > 0) {
                memmove(client->in, client->in + client->in_start, client->in_end - client->in_start);
                client->in_end -= client->in_start;
                client->in_start = 0;
        }

        while (client->in_end < CLIENT_IN_MAX) {
                n = recv(client->fd, client->in + client->in_end, CLIENT_IN_MAX - client->in_end, MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0 && !errno_means_closed(errno))
                        return client_fail_errno(client, -errno, "receive from the broker");
                if (n <= 0)
                        return -EPIPE;
                client->in_end += (size_t)n;
        }

        return 0;
}

/* As frame_parse() of the frame at hand; what is not a frame becomes the client's error. */
static int client_parse(struct tb_client *client, size_t *ret_n_prefix, size_t *ret_n_message) {
        int r;

        r = frame_parse(client->in + client->in_start,
                        client->in_end - client->in_start,
                        FRAME_MAX_FROM_BROKER,
                        ret_n_prefix,
                        ret_n_message);
        if (r == FRAME_E_MALFORMED)
                return client_fail_protocol(client, "its bytes are not a frame of the protocol");
        if (r == FRAME_E_TOO_LARGE)
                return client_fail_protocol(client, "a frame is larger than the protocol allows");

        return r;
}

/* Sends and receives; -EPIPE: the connection has ended, and why is said. */
static int client_exchange(struct tb_client *client) {
        size_t n_prefix, n_message;
        int r, r_received;

        r = client_send(client);
        if (r < 0)
                return r;

        /* A frame stays at hand until its last event is taken. */
        r = client_parse(client, &n_prefix, &n_message);
        if (r != FRAME_E_PARTIAL)
                return r;

        r_received = client_receive(client);
        if (r_received < 0 && client->error < 0)
                return r_received;

        r = client_parse(client, &n_prefix, &n_message);
        if (r < 0 || r_received == 0)
                return r < 0 ? r : 0;

        /* The broker's last words may be among what has just come: then tb_next() meets the end. */
        return client_fail_closed(client,
                                  r == FRAME_E_PARTIAL && client->in_end > 0 ? " in the middle of a message" : "");
}

/* The next try. Until the broker answers it is not back. */
static int client_connect_again(struct tb_client *client) {
        int fd, flags;

        fd = address_connect(client->path);
        if (fd < 0 && reconnect_is_curable(fd)) {
                reconnect_wait(client->reconnect);
                return 0;
        }
        if (fd < 0)
                return client_fail_errno(client, fd, "connect to the broker again");

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
                close(fd);
                return client_fail_errno(client, -errno, "use the new connection");
        }
        client->fd = fd;
        client->in_start = client->in_end = 0;
        client->out_start = client->out_end = 0;
        client->out_closed = false;
        client->last_words[0] = 0;
        client->asked_again_id = 0;
        decoder_restart(&client->decoder);
        client->reconnect->down = false;

        return 0;
}

static int client_process_reconnecting(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        int r;

        if (reconnect->down) {
                if (!reconnect_is_due(reconnect))
                        return 0;
                r = client_connect_again(client);
                if (r < 0 || reconnect->down)
                        return r;
        }
        if (client->broken)
                return 0;

        r = client_exchange(client);
        if (r == -EPIPE) {
                client->broken = true;
                client->error = 0;
                return 0;
        }
        if (r < 0)
                return r;

        r = reconnect_watch(reconnect, client->fd, client->out_end > client->out_start);
        return r < 0 ? client_fail_errno(client, r, "wait for the broker") : 0;
}

int tb_process(struct tb_client *client) {
        if (client->error < 0)
                return client->error;

        return client->reconnect ? client_process_reconnecting(client) : client_exchange(client);
}

/* The broker's Error that announces the end is what a person wants to read afterwards. */
static void client_keep_last_words(struct tb_client *client) {
        const struct tb_message *message = &client->decoder.message;

        if (message->type != TB_MESSAGE_ERROR || !message->error->closing)
                return;

        snprintf(client->last_words, sizeof(client->last_words), "%s", message->error->message);
        if (client->error == -EPIPE)
                client_fail_closed(client, "");
}

static int client_decode(struct tb_client *client) {
        size_t n_prefix, n_message;
        int r;

        for (;;) {
                if (decoder_is_within(&client->decoder)) {
                        r = decoder_next(&client->decoder);
                        if (r != 0)
                                return r;
                        client->in_start += client->n_batch_frame;
                        continue;
                }

                r = client_parse(client, &n_prefix, &n_message);
                if (r != 0)
                        return r < 0 ? r : 0;

                r = decoder_begin(&client->decoder, client->in + client->in_start + n_prefix, n_message);
                if (decoder_is_within(&client->decoder))
                        client->n_batch_frame = n_prefix + n_message;
                else
                        client->in_start += n_prefix + n_message;
                if (r != 0)
                        return r;
        }
}

/* What came before the connection failed is still good. */
static int client_next(struct tb_client *client) {
        int r;

        if (client->error == -EPROTO || client->error == -ENOMEM)
                return client->error;

        r = client_decode(client);
        if (r == -EPROTO && client->error != -EPROTO)
                client_fail_protocol(client, client->decoder.reason);
        else if (r == -ENOMEM)
                client_fail_errno(client, -ENOMEM, "take the broker's message");
        if (r > 0)
                client_keep_last_words(client);

        return r;
}

int client_room(struct tb_client *client) {
        if (client->out_closed)
                return 0;

        if (client->out_start > 0) {
                memmove(client->out, client->out + client->out_start, client->out_end - client->out_start);
                client->out_end -= client->out_start;
                client->out_start = 0;
        }
        if (CLIENT_OUT_MAX - client->out_end >= ENCODE_REQUEST_MAX)
                return 0;

        client_say(client, "Too many requests wait to be sent: let tb_process() send them first.");
        return -ENOBUFS;
}

/* To a broker that reads no more, nothing is sent; tb_process() will say so. */
void client_queue(struct tb_client *client, const uint8_t *frame, size_t n_frame) {
        if (client->out_closed)
                return;

        assert(n_frame <= CLIENT_OUT_MAX - client->out_end);
        memcpy(client->out + client->out_end, frame, n_frame);
        client->out_end += n_frame;
}

/*
 * Coming back.
 */

/* The connection is lost once more, by ourselves: there may be room for us another time. */
static int client_try_later(struct tb_client *client) {
        client->broken = true;
        return 0;
}

static int client_ask_again(struct tb_client *client, bool resume) {
        const Reconnect *reconnect = client->reconnect;
        const EncodeResume place = {
                .epoch = reconnect->epoch,
                .feed = reconnect->feed,
                .next_number = reconnect->next_number,
        };
        uint8_t frame[ENCODE_REQUEST_MAX];
        size_t n;

        /* the program may have asked for something meanwhile */
        if (client_room(client) < 0)
                return client_try_later(client);
        client->asked_again_id = ++client->last_request_id;
        client->resuming = resume;
        if (reconnect->samples)
                n = encode_sample(frame, client->asked_again_id, &reconnect->sampling);
        else
                n = encode_subscribe(frame, client->asked_again_id, &reconnect->subscription, resume ? &place : NULL);
        client_queue(client, frame, n);
        (void)reconnect_watch(client->reconnect, client->fd, true);
        return 0;
}

static int client_tell_link(struct tb_client *client, const struct tb_link *link) {
        client->decoder.message = (struct tb_message){ .type = TB_MESSAGE_LINK, .link = link };
        return 1;
}

static int client_tell_lost(struct tb_client *client) {
        bool away = client->reconnect->away;

        if (client->last_words[0])
                client_say(client, "The broker closed the connection: %s", client->last_words);
        client->broken = false;
        close(client->fd);
        client->fd = -1;
        reconnect_lose(client->reconnect, client->error_text);
        client->reconnect->away = true;

        return away ? 0 : client_tell_link(client, &client->reconnect->link);
}

static int client_tell_back(struct tb_client *client, const char *reason) {
        enum tb_link_state state = reason ? TB_LINK_RESTARTED : TB_LINK_RESUMED;

        return client_tell_link(client, reconnect_back(client->reconnect, state, reason ? reason : ""));
}

/*
 * A message of a connection that is not back yet. Return: 1: the program gets what
 * decoder->message is now; 0: nothing.
 */
static int client_come_back(struct tb_client *client) {
        static const char restarted[] = "The broker was restarted.";
        const struct tb_message *message = &client->decoder.message;
        const Reconnect *reconnect = client->reconnect;
        bool same = client->decoder.welcome.epoch == reconnect->epoch;

        if (message->type == TB_MESSAGE_WELCOME) {
                if (!reconnect->asked)
                        return client_tell_back(client, same ? NULL : restarted);
                if (same)
                        client->restart_reason = reconnect->samples ? "What would have been sampled meanwhile is not known."
                                                                    : "The connection broke before the subscription had begun.";
                else
                        client->restart_reason = restarted;
                return client_ask_again(client, same && reconnect->in_place);
        }
        if (message->request_id != client->asked_again_id || !client->asked_again_id)
                return 1;

        client->asked_again_id = 0;
        if (message->type == TB_MESSAGE_SUBSCRIBED || message->type == TB_MESSAGE_SAMPLING) {
                client->decoder.message.request_id = reconnect->request_id;
                reconnect_note(client->reconnect, message, client->decoder.welcome.epoch);
                if (client->resuming)
                        return client_tell_back(client, NULL);
                client->subscribed_follows = true;
                return client_tell_back(client, client->restart_reason);
        }
        if (message->type == TB_MESSAGE_ERROR && message->error->code == TB_ERROR_RESUME_IMPOSSIBLE && client->resuming) {
                client->restart_reason = "The broker had given up the stream by then.";
                return client_ask_again(client, false);
        }
        if (message->type == TB_MESSAGE_ERROR && reconnect_error_is_curable(message->error->code))
                return client_try_later(client);

        return 1;
}

/* As client_next(), without what is between the connections. */
static int client_next_reconnecting(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        const struct tb_message *message = &client->decoder.message;
        int r;

        if (client->subscribed_follows) {
                client->subscribed_follows = false;
                client->decoder.message = (struct tb_message){
                        .type = reconnect->samples ? TB_MESSAGE_SAMPLING : TB_MESSAGE_SUBSCRIBED,
                        .request_id = reconnect->request_id,
                };
                if (!reconnect->samples)
                        client->decoder.message.subscribed = &client->decoder.subscribed;
                return 1;
        }

        while (!reconnect->down) {
                r = client->broken && reconnect->away ? 0 : client_next(client);
                if (r < 0)
                        return r;
                if (r == 0)
                        return client->broken && client->error == 0 ? client_tell_lost(client) : 0;

                if (message->type == TB_MESSAGE_ERROR && message->error->closing) {
                        if (reconnect_error_is_curable(message->error->code))
                                continue;
                        client_fail_closed(client, "");
                        return 1;
                }
                if (!reconnect->away) {
                        reconnect_note(reconnect, message, client->decoder.welcome.epoch);
                        return 1;
                }
                r = client_come_back(client);
                if (r > 0)
                        return r;
        }

        return 0;
}

int tb_next(struct tb_client *client, const struct tb_message **ret_message) {
        int r;

        r = client->reconnect ? client_next_reconnecting(client) : client_next(client);
        if (r > 0)
                *ret_message = &client->decoder.message;

        return r;
}

const struct tb_welcome *tb_client_welcome(const struct tb_client *client) {
        return client->decoder.welcomed ? &client->decoder.welcome : NULL;
}

const char *tb_error_text(const struct tb_client *client) {
        return client->error_text;
}
