/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The connection: bytes in, bytes out, and the state between them.
 *
 * Owns the socket, the room for one frame of the largest size, the requests that
 * wait to be sent, and the decoder. It waits for nothing: the program's own loop
 * does that. The decoder knows the meaning of the bytes.
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
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/address.h"
#include "clients/lib/client.h"
#include "proto/frame.h"

/* One frame always fits, so that a full buffer never means a stuck one. */
#define CLIENT_IN_MAX (FRAME_PREFIX_MAX + FRAME_MAX_FROM_BROKER)

void client_set_error_text(struct tb_client *client, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(client->error_text, sizeof(client->error_text), format, args);
        va_end(args);
}

int client_fail_protocol(struct tb_client *client, const char *reason) {
        client->error = -EPROTO;
        client_set_error_text(client, "The program that listens there does not speak as taskbrokerd does: %s.", reason);
        return client->error;
}

int client_fail_closed(struct tb_client *client, const char *manner) {
        client->error = -EPIPE;
        if (client->closing_text[0])
                client_set_error_text(client, "The broker closed the connection: %s", client->closing_text);
        else
                client_set_error_text(client, "The broker closed the connection%s.", manner);
        return client->error;
}

int client_fail_errno(struct tb_client *client, int error, const char *what) {
        client->error = error;
        client_set_error_text(client, "Cannot %s: %s.", what, strerror(-error));
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

struct tb_client *tb_close(struct tb_client *client) {
        if (!client)
                return NULL;

        decoder_deinit(&client->decoder);
        streams_deinit(&client->streams);
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
 * A broker that receives no more is not yet an error: its last message has the reason,
 * and can be still unread.
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

/* Parses the current frame as frame_parse() does. Malformed bytes become the client's error. */
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

/* Sends and receives. -EPIPE: the connection has ended, and the error text has the reason. */
int client_exchange(struct tb_client *client) {
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

        /* The broker's closing Error can be among the received bytes: then tb_next() finds it. */
        return client_fail_closed(client,
                                  r == FRAME_E_PARTIAL && client->in_end > 0 ? " in the middle of a message" : "");
}

/* The broker's Error before the end has the reason, which a person wants to read afterwards. */
static void client_keep_closing_text(struct tb_client *client) {
        const struct tb_message *message = &client->decoder.message;

        if (message->type != TB_MESSAGE_ERROR || !message->error->closing)
                return;

        snprintf(client->closing_text, sizeof(client->closing_text), "%s", message->error->message);
        if (client->error == -EPIPE)
                client_fail_closed(client, "");
}

/* Begins with a frame. A Named is for the library alone: it keeps the processes for the next connection. */
static int client_begin_frame(struct tb_client *client, const uint8_t *data, size_t n_data) {
        Decoder *decoder = &client->decoder;
        int r;

        client->stream = streams_find_live(&client->streams, decoder_peek_stream(data, n_data));
        decoder->partial = client->stream ? &client->stream->partial : NULL;
        r = decoder_begin(decoder, data, n_data);
        if (decoder->starts_changed && client->stream)
                client->stream->starts = decoder->starts;
        decoder->starts_changed = false;

        return r;
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

                r = client_begin_frame(client, client->in + client->in_start + n_prefix, n_message);
                if (decoder_is_within(&client->decoder))
                        client->n_batch_frame = n_prefix + n_message;
                else
                        client->in_start += n_prefix + n_message;
                if (r != 0)
                        return r;
        }
}

/* Messages that came before the connection failed are still valid. */
int client_next(struct tb_client *client) {
        int r;

        if (client->error == -EPROTO || client->error == -ENOMEM)
                return client->error;

        r = client_decode(client);
        if (r == -EPROTO && client->error != -EPROTO)
                client_fail_protocol(client, client->decoder.reason);
        else if (r == -ENOMEM)
                client_fail_errno(client, -ENOMEM, "take the broker's message");
        if (r <= 0)
                return r;
        client->decoder.message.stream = client->stream ? client->stream->number : 0;
        client_keep_closing_text(client);

        return r;
}

/* Whether one more request can be queued, however large it is. */
bool client_has_room(struct tb_client *client) {
        if (client->out_closed)
                return true;

        if (client->out_start > 0) {
                memmove(client->out, client->out + client->out_start, client->out_end - client->out_start);
                client->out_end -= client->out_start;
                client->out_start = 0;
        }
        return CLIENT_OUT_MAX - client->out_end >= ENCODE_REQUEST_MAX;
}

int client_room(struct tb_client *client) {
        if (client_has_room(client))
                return 0;

        client_set_error_text(client, "Too many requests wait to be sent: let tb_process() send them first.");
        return -ENOBUFS;
}

static void client_append(struct tb_client *client, const uint8_t *bytes, size_t n_bytes) {
        assert(n_bytes <= CLIENT_OUT_MAX - client->out_end);
        memcpy(client->out + client->out_end, bytes, n_bytes);
        client->out_end += n_bytes;
}

/* Queues a request with the name of the program behind its other members. */
static void client_queue_named(struct tb_client *client, const uint8_t *frame, size_t n_frame) {
        uint8_t info[ENCODE_CLIENT_INFO_MAX], prefix[FRAME_PREFIX_MAX];
        size_t n_info = encode_client_info(info, client->name, client->version);
        size_t n_prefix, n_message;

        frame_parse(frame, n_frame, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message);
        client_append(client, prefix, frame_prefix(prefix, (uint32_t)(n_message + n_info)));
        client_append(client, frame + n_prefix, n_message);
        client_append(client, info, n_info);
        client->info_sent = true;
}

/* Sends nothing to a broker that reads no more; tb_process() returns the error. */
void client_queue(struct tb_client *client, const uint8_t *frame, size_t n_frame) {
        if (client->out_closed)
                return;

        if (client->name[0] && !client->info_sent)
                client_queue_named(client, frame, n_frame);
        else
                client_append(client, frame, n_frame);
        /* also between two calls of tb_process(): the program waits for one descriptor alone */
        if (client->reconnect && client->fd >= 0)
                (void)reconnect_watch(client->reconnect, client->fd, true);
}

int tb_set_client_info(struct tb_client *client, const char *name, const char *version) {
        if (!version)
                version = "";
        if (strlen(name) >= sizeof(client->name) || strlen(version) >= sizeof(client->version)) {
                client_set_error_text(client, "The name and the version of a program have at most %zu bytes each.",
                                      sizeof(client->name) - 1);
                return -EINVAL;
        }

        strcpy(client->name, name);
        strcpy(client->version, version);
        client->info_sent = false;
        return 0;
}

static uint64_t client_read_clock(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t tb_time_now(const struct tb_client *client) {
        /* A former connection's Welcome will do, and until the first there is no other time to compare with. */
        if (client->decoder.welcome.boot_epoch_ns == 0)
                return client_read_clock(CLOCK_REALTIME);
        return client_read_clock(CLOCK_BOOTTIME) + (uint64_t)client->decoder.welcome.boot_epoch_ns;
}

uint64_t tb_time_to_realtime(const struct tb_client *client, uint64_t time_ns) {
        return time_ns + client_read_clock(CLOCK_REALTIME) - tb_time_now(client);
}

const struct tb_welcome *tb_client_welcome(const struct tb_client *client) {
        return client->decoder.welcomed ? &client->decoder.welcome : NULL;
}

const char *tb_error_text(const struct tb_client *client) {
        return client->error_text;
}
