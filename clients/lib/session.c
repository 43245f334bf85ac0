/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The session: what outlives a connection, of a client that reconnects.
 *
 * Without tb_set_reconnect() a session is one connection, and its end is the client's
 * error. With it, the session connects again, and asks for its streams again. It reports
 * each step with TB_MESSAGE_LINK.
 *
 * Owns the order of these steps. The bytes are the work of client.c, the streams the work
 * of session_streams.c, and the timer the work of reconnect.c. It never waits.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/address.h"
#include "clients/lib/session_streams.h"

int tb_set_reconnect(struct tb_client *client) {
        int r;

        if (client->of_fd) {
                client_set_error_text(client,
                                      "A client that was made of a descriptor has nowhere to connect to again.");
                return -EINVAL;
        }
        if (client->reconnect)
                return 0;

        r = reconnect_new(&client->reconnect);
        if (r < 0)
                return r;

        return reconnect_watch(client->reconnect, client->fd, client->out_end > client->out_start);
}

/* The next attempt to connect. The session is restored once the broker answers. */
static int session_connect(struct tb_client *client) {
        int fd, flags;

        fd = address_connect(client->path);
        if (fd < 0 && reconnect_is_retryable(fd)) {
                reconnect_set_timer(client->reconnect);
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
        client->info_sent = false;
        client->closing_text[0] = 0;
        client->stream = NULL;
        decoder_restart(&client->decoder);
        client->reconnect->disconnected = false;
        client->reconnect->before_welcome = true;

        return 0;
}

static int session_process(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        bool due = reconnect_is_due(reconnect);
        int r;

        if (reconnect->disconnected) {
                if (!due)
                        return 0;
                r = session_connect(client);
                if (r < 0 || reconnect->disconnected)
                        return r;
        } else if (due) {
                streams_put_on(&client->streams);
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

        session_send_requests(client);
        r = reconnect_watch(reconnect, client->fd, client->out_end > client->out_start);
        return r < 0 ? client_fail_errno(client, r, "wait for the broker") : 0;
}

int tb_process(struct tb_client *client) {
        int r;

        if (client->error < 0)
                return client->error;
        if (client->reconnect)
                return session_process(client);

        r = client_exchange(client);
        if (r == 0)
                session_send_requests(client);
        return r;
}

static int session_emit_lost(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        bool lost_reported = reconnect->lost_reported;
        uint64_t now_ns = tb_time_now(client);

        if (client->closing_text[0])
                client_set_error_text(client, "The broker closed the connection: %s", client->closing_text);
        client->broken = false;
        close(client->fd);
        client->fd = -1;
        reconnect_set_lost(reconnect, client->error_text, now_ns);
        reconnect->lost_reported = true;
        streams_set_lost(&client->streams, now_ns);
        if (lost_reported)
                return session_emit_pending(client);

        client->decoder.message = (struct tb_message){ .type = TB_MESSAGE_LINK, .link = &reconnect->link };
        return 1;
}

/* The first message of a connection. On a later one it is not for the program: the streams come back now. */
static int session_take_welcome(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        uint64_t epoch = client->decoder.welcome.epoch;

        reconnect->other_epoch = reconnect->epoch != epoch;
        reconnect->epoch = epoch;
        if (!reconnect->before_welcome)
                return 1;

        reconnect->before_welcome = false;
        session_send_requests(client);
        return 0;
}

/* Whether the refusal of a connection is over some time later. A quota is for the program until the first reconnect. */
static bool session_can_retry(const struct tb_client *client, const struct tb_error *error) {
        if (error->code == TB_ERROR_QUOTA)
                return client->reconnect->link.state != 0;
        return reconnect_error_is_retryable(error->code);
}

/* A message of the broker, for a client that reconnects. Return: as session_route(). */
static int session_take(struct tb_client *client) {
        const struct tb_message *message = &client->decoder.message;

        if (message->type == TB_MESSAGE_WELCOME)
                return session_take_welcome(client);
        if (message->type != TB_MESSAGE_ERROR || !message->error->closing)
                return session_route(client);
        if (session_can_retry(client, message->error))
                return 0;

        client_fail_closed(client, "");
        return 1;
}

static int session_next(struct tb_client *client) {
        int r;

        for (;;) {
                r = session_emit_pending(client);
                if (r > 0 || client->reconnect->disconnected)
                        return r;

                r = client_next(client);
                if (r == 0 && client->broken && client->error == 0)
                        return session_emit_lost(client);
                if (r <= 0)
                        return r;
                r = session_take(client);
                if (r != 0)
                        return r;
        }
}

static int session_next_without_reconnect(struct tb_client *client) {
        int r;

        do {
                r = client_next(client);
                if (r <= 0)
                        return r;
                r = session_route(client);
        } while (r == 0);

        return r;
}

int tb_next(struct tb_client *client, const struct tb_message **ret_message) {
        int r;

        r = client->reconnect ? session_next(client) : session_next_without_reconnect(client);
        if (r > 0)
                *ret_message = &client->decoder.message;

        return r;
}
