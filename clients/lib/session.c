/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The session: what outlives a connection, of a client that reconnects.
 *
 * Without tb_set_reconnect() a session is one connection, and its end is the client's
 * error. With it, the session connects again, subscribes as before, and resumes the feed
 * or begins a new one. It reports each step with TB_MESSAGE_LINK.
 *
 * Owns the order of these steps. The bytes are the work of client.c, the timer and the
 * copy of the subscription the work of reconnect.c. It never waits.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/address.h"
#include "clients/lib/client.h"

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
        client->subscribe_id = 0;
        decoder_restart(&client->decoder);
        client->reconnect->disconnected = false;

        return 0;
}

static int session_process(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        int r;

        if (reconnect->disconnected) {
                if (!reconnect_is_due(reconnect))
                        return 0;
                r = session_connect(client);
                if (r < 0 || reconnect->disconnected)
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

        return client->reconnect ? session_process(client) : client_exchange(client);
}

/* Gives the connection up, and what else came by it: a later attempt can find room. */
static int session_retry_later(struct tb_client *client) {
        client->in_start = client->in_end;
        client->broken = true;
        return 0;
}

static int session_subscribe(struct tb_client *client, bool resume) {
        const Reconnect *reconnect = client->reconnect;
        const EncodeResume place = {
                .epoch = reconnect->epoch,
                .feed = reconnect->feed,
                .next_number = reconnect->next_number,
        };
        uint8_t frame[ENCODE_REQUEST_MAX];
        size_t n;

        /* the program can have queued requests meanwhile */
        if (client_room(client) < 0)
                return session_retry_later(client);
        client->subscribe_id = ++client->last_request_id;
        client->resuming = resume;
        if (reconnect->kept->samples)
                n = encode_sample(frame, client->subscribe_id, &reconnect->kept->sampling, &reconnect->kept->starts);
        else
                n = encode_subscribe(frame,
                                     client->subscribe_id,
                                     &reconnect->kept->subscription,
                                     &reconnect->kept->starts,
                                     resume ? &place : NULL);
        client_queue(client, frame, n);
        (void)reconnect_watch(client->reconnect, client->fd, true);
        return 0;
}

static int session_emit_link(struct tb_client *client, const struct tb_link *link) {
        client->decoder.message = (struct tb_message){ .type = TB_MESSAGE_LINK, .link = link };
        return 1;
}

static int session_emit_lost(struct tb_client *client) {
        bool lost_reported = client->reconnect->lost_reported;

        if (client->closing_text[0])
                client_set_error_text(client, "The broker closed the connection: %s", client->closing_text);
        client->broken = false;
        close(client->fd);
        client->fd = -1;
        reconnect_set_lost(client->reconnect, client->error_text, tb_time_now(client));
        client->reconnect->lost_reported = true;

        return lost_reported ? 0 : session_emit_link(client, &client->reconnect->link);
}

static int session_emit_restored(struct tb_client *client, const char *reason) {
        enum tb_link_state state = reason ? TB_LINK_RESTARTED : TB_LINK_RESUMED;

        return session_emit_link(client, reconnect_set_restored(client->reconnect, state, reason ? reason : ""));
}

/*
 * A message of a connection whose session is not restored yet. Return: 1: the program gets
 * decoder->message; 0: it gets nothing.
 */
static int session_restore(struct tb_client *client) {
        static const char restarted[] = "The broker was restarted.";
        const struct tb_message *message = &client->decoder.message;
        const Reconnect *reconnect = client->reconnect;
        bool same = client->decoder.welcome.epoch == reconnect->epoch;

        if (message->type == TB_MESSAGE_WELCOME) {
                if (!reconnect->has_subscription)
                        return session_emit_restored(client, same ? NULL : restarted);
                if (same)
                        client->restart_reason = reconnect->kept->samples
                                                         ? "The samples of the time between are not known."
                                                         : "The connection broke before the subscription had begun.";
                else
                        client->restart_reason = restarted;
                return session_subscribe(client, same && reconnect->resumable);
        }
        if (message->request_id != client->subscribe_id || !client->subscribe_id)
                return 1;

        client->subscribe_id = 0;
        if (message->type == TB_MESSAGE_SUBSCRIBED || message->type == TB_MESSAGE_SAMPLING) {
                client->decoder.message.request_id = reconnect->kept->request_id;
                reconnect_track(client->reconnect, message, &client->decoder.starts, client->decoder.welcome.epoch);
                if (client->resuming)
                        return session_emit_restored(client, NULL);
                client->subscribed_follows = true;
                return session_emit_restored(client, client->restart_reason);
        }
        if (message->type == TB_MESSAGE_ERROR && message->error->code == TB_ERROR_RESUME_IMPOSSIBLE &&
            client->resuming) {
                client->restart_reason = "The broker had given up the stream by then.";
                return session_subscribe(client, false);
        }
        if (message->type == TB_MESSAGE_ERROR && reconnect_error_is_retryable(message->error->code))
                return session_retry_later(client);

        return 1;
}

/* As client_next(). A Named is for the session alone: it keeps the processes for the next connection. */
static int session_take(struct tb_client *client) {
        int r = client_next(client);

        if (client->decoder.starts_changed)
                client->reconnect->kept->starts = client->decoder.starts;
        client->decoder.starts_changed = false;
        return r;
}

/* Whether the refusal of a connection is over some time later. A quota is for the program until the first reconnect. */
static bool session_can_retry(const struct tb_client *client, const struct tb_error *error) {
        if (error->code == TB_ERROR_QUOTA)
                return client->reconnect->link.state != 0;
        return reconnect_error_is_retryable(error->code);
}

/* As client_next(), without the messages that restore the session. */
static int session_next(struct tb_client *client) {
        Reconnect *reconnect = client->reconnect;
        const struct tb_message *message = &client->decoder.message;
        int r;

        if (client->subscribed_follows) {
                client->subscribed_follows = false;
                client->decoder.message = (struct tb_message){
                        .type = reconnect->kept->samples ? TB_MESSAGE_SAMPLING : TB_MESSAGE_SUBSCRIBED,
                        .request_id = reconnect->kept->request_id,
                };
                if (!reconnect->kept->samples)
                        client->decoder.message.subscribed = &client->decoder.subscribed;
                return 1;
        }

        while (!reconnect->disconnected) {
                r = session_take(client);
                if (r < 0)
                        return r;
                if (r == 0)
                        return client->broken && client->error == 0 ? session_emit_lost(client) : 0;

                if (message->type == TB_MESSAGE_ERROR && message->error->closing) {
                        if (session_can_retry(client, message->error))
                                continue;
                        client_fail_closed(client, "");
                        return 1;
                }
                if (!reconnect->lost_reported) {
                        reconnect_track(reconnect, message, &client->decoder.starts, client->decoder.welcome.epoch);
                        return 1;
                }
                r = session_restore(client);
                if (r > 0)
                        return r;
        }

        return 0;
}

int tb_next(struct tb_client *client, const struct tb_message **ret_message) {
        int r;

        r = client->reconnect ? session_next(client) : client_next(client);
        if (r > 0)
                *ret_message = &client->decoder.message;

        return r;
}
