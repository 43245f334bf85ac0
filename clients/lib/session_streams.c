/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The streams of a session: asks the broker for them, also on a later connection, and gives
 * each message the number of its stream.
 *
 * The program knows a stream by the number that it got first. The broker numbers the streams
 * of each connection anew. Requests about a stream wait until it is accepted, and are made
 * again on a later connection if they had no answer. Called by session.c and request.c.
 */

#include "clients/lib/session_streams.h"

/*
 * Asking.
 */

/* Whether requests for streams can be sent. On a later connection its Welcome comes first: it has the epoch. */
static bool session_is_open(const struct tb_client *client) {
        const Reconnect *reconnect = client->reconnect;

        return !reconnect || (!reconnect->disconnected && !reconnect->before_welcome);
}

static const char *session_restart_reason(const Stream *stream, uint64_t epoch) {
        if (!stream->number)
                return "The connection broke before the subscription had begun.";
        if (stream->epoch != epoch)
                return "The broker was restarted.";
        if (stream->samples)
                return "The samples of the time between are not known.";

        return "The connection broke before the snapshot was complete.";
}

static void session_ask(struct tb_client *client, Stream *stream) {
        const uint64_t epoch = client->decoder.welcome.epoch;
        const struct tb_place place = {
                .epoch = stream->epoch,
                .feed = stream->feed,
                .next_number = stream->next_number,
        };
        const struct tb_place *resume;
        uint8_t frame[ENCODE_REQUEST_MAX];
        size_t n;

        stream->state = STREAM_ASKED;
        stream->asked_id = stream->lost_time_ns ? ++client->last_request_id : stream->request_id;
        stream->resuming = stream->resumable && stream->epoch == epoch;
        if (!stream->resuming && !stream->restart_reason)
                stream->restart_reason = session_restart_reason(stream, epoch);
        resume = stream->has_former ? &stream->former : stream->resuming ? &place : NULL;
        if (stream->samples)
                n = encode_sample(frame, stream->asked_id, &stream->sampling, &stream->starts);
        else
                n = encode_subscribe(frame, stream->asked_id, &stream->subscription, &stream->starts, resume);
        client_queue(client, frame, n);
}

static void session_send_request(struct tb_client *client, StreamRequest *request) {
        uint32_t stream = request->stream->broker_number;
        uint8_t frame[ENCODE_REQUEST_MAX];
        size_t n = 0;

        request->sent = true;
        switch (request->type) {
        case STREAM_UNSUBSCRIBE:
                n = encode_unsubscribe(frame, request->id, stream);
                break;
        case STREAM_CHANGE_FILTER:
                n = encode_change_filter(frame, request->id, stream, &request->filter->filter);
                break;
        case STREAM_GET_SNAPSHOT:
                n = encode_get_snapshot(frame, request->id, stream);
                break;
        }
        client_queue(client, frame, n);
}

/* Sends the requests for streams and about streams whose time has come, as far as there is room. */
void session_send_requests(struct tb_client *client) {
        if (!session_is_open(client))
                return;

        for (Stream *stream = client->streams.first; stream; stream = stream->next)
                if (stream->state == STREAM_DUE && !stream->put_off && !stream->ending && client_has_room(client))
                        session_ask(client, stream);
        for (StreamRequest *request = client->streams.requests; request; request = request->next)
                if (request->stream->state == STREAM_LIVE && !request->sent && client_has_room(client))
                        session_send_request(client, request);
}

/*
 * Messages that the library makes.
 */

/* The connection, or one stream, is back. */
static int session_emit_restored(struct tb_client *client, uint32_t number, uint64_t lost_time_ns, const char *reason) {
        enum tb_link_state state = reason ? TB_LINK_RESTARTED : TB_LINK_RESUMED;

        client->decoder.message = (struct tb_message){
                .type = TB_MESSAGE_LINK,
                .stream = number,
                .link = reconnect_set_restored(client->reconnect, state, lost_time_ns, reason ? reason : ""),
        };
        return 1;
}

/* The answer to the repeated request for a stream, behind its TB_MESSAGE_LINK. */
static int session_emit_answer(struct tb_client *client, const Stream *stream) {
        client->decoder.message = (struct tb_message){
                .type = stream->samples ? TB_MESSAGE_SAMPLING : TB_MESSAGE_SUBSCRIBED,
                .stream = stream->number,
                .request_id = stream->request_id,
        };
        if (!stream->samples)
                client->decoder.message.subscribed = &client->decoder.subscribed;
        return 1;
}

/* The program has ended a stream while it had no connection. */
static int session_emit_unsubscribed(struct tb_client *client, const StreamRequest *request) {
        client->decoder.message = (struct tb_message){
                .type = TB_MESSAGE_UNSUBSCRIBED,
                .stream = request->stream->number,
                .request_id = request->id,
        };
        streams_remove(&client->streams, request->stream);
        return 1;
}

/**
 * session_emit_pending() - make the next message that does not come from the broker
 * @client:     the client, which reconnects
 *
 * Return: 1: decoder->message is for the program; 0: no message is due.
 */
int session_emit_pending(struct tb_client *client) {
        const Reconnect *reconnect = client->reconnect;
        const Stream *begun = client->begun;
        const StreamRequest *request;

        client->begun = NULL;
        if (begun)
                return session_emit_answer(client, begun);
        request = streams_find_ended(&client->streams);
        if (request)
                return session_emit_unsubscribed(client, request);
        if (reconnect->lost_reported && session_is_open(client) && !streams_any_lost(&client->streams))
                return session_emit_restored(client, 0, reconnect->lost_time_ns,
                                             reconnect->other_epoch ? "The broker was restarted." : NULL);

        return 0;
}

/*
 * Messages of the broker.
 */

static int session_begin_stream(struct tb_client *client) {
        Decoder *decoder = &client->decoder;
        struct tb_message *message = &decoder->message;
        Stream *stream = streams_find_asked(&client->streams, message->request_id);
        bool samples = message->type == TB_MESSAGE_SAMPLING, resumed;
        uint64_t lost_time_ns;

        if (!stream && !decoder->stream)
                return 1;
        if (!stream || !decoder->stream || client->stream || stream->samples != samples)
                return client_fail_protocol(client, "a stream begins that was not asked for");

        lost_time_ns = stream->lost_time_ns;
        stream->lost_time_ns = 0;
        stream->state = STREAM_LIVE;
        stream->broker_number = decoder->stream;
        if (!stream->number)
                stream->number = ++client->streams.last_number;
        stream_set_place(stream, decoder->welcome.epoch, samples ? 0 : message->subscribed->feed,
                         samples ? 0 : message->subscribed->next_number, &decoder->starts);
        resumed = stream->resuming || (!samples && message->subscribed->resumed);
        stream->resumable = !samples && (resumed || !stream->subscription.snapshot);
        stream->has_former = false;
        message->stream = stream->number;
        message->request_id = stream->request_id;
        session_send_requests(client);
        if (!lost_time_ns)
                return 1;

        client->begun = resumed ? NULL : stream;
        return session_emit_restored(client, stream->number, lost_time_ns, resumed ? NULL : stream->restart_reason);
}

static int session_restart_stream(struct tb_client *client) {
        const struct tb_restarted *restarted = client->decoder.message.restarted;
        StreamRequest *request = streams_find_request(&client->streams, client->decoder.message.request_id);
        Stream *stream = client->stream;
        FilterCopy *former;

        if (!request && !client->decoder.stream)
                return 1;
        if (!request || request->stream != stream || request->type == STREAM_UNSUBSCRIBE)
                return client_fail_protocol(client, "a stream begins anew that was not to");

        request->answered = false;
        streams_drop_snapshots(&client->streams, stream);
        stream_set_place(stream, client->decoder.welcome.epoch, restarted->feed, restarted->next_number,
                         &client->decoder.starts);
        if (request->type == STREAM_GET_SNAPSHOT) {
                request->answered = true;
                stream->resumable = true;
                return 1;
        }
        former = stream->filter;
        stream_set_filter(stream, request->filter);
        request->filter = former;
        stream->resumable = !stream->samples && !stream->subscription.snapshot;
        streams_remove_request(&client->streams, request);
        return 1;
}

static int session_end_stream(struct tb_client *client) {
        const StreamRequest *request = streams_find_request(&client->streams, client->decoder.message.request_id);

        if (!request && !client->decoder.stream)
                return 1;
        if (!request || request->stream != client->stream || request->type != STREAM_UNSUBSCRIBE)
                return client_fail_protocol(client, "a stream ends that was not to");

        streams_remove(&client->streams, client->stream);
        client->stream = NULL;
        return 1;
}

/* The broker refuses a stream. It ends, or it is asked for in another way, or later. */
static int session_refuse_stream(struct tb_client *client, Stream *stream) {
        struct tb_message *message = &client->decoder.message;

        if (stream->resuming && message->error->code == TB_ERROR_RESUME_IMPOSSIBLE) {
                stream->state = STREAM_DUE;
                stream->resumable = false;
                stream->restart_reason = "The broker had given up the stream by then.";
                session_send_requests(client);
                return 0;
        }
        if (stream->lost_time_ns && reconnect_error_is_retryable(message->error->code)) {
                stream->state = STREAM_DUE;
                stream->put_off = true;
                reconnect_set_timer(client->reconnect);
                return 0;
        }

        message->stream = stream->number;
        message->request_id = stream->request_id;
        streams_remove(&client->streams, stream);
        return 1;
}

static int session_take_error(struct tb_client *client) {
        const struct tb_message *message = &client->decoder.message;
        StreamRequest *request;
        Stream *stream;

        if (message->error->closing)
                return 1;
        if (client->decoder.stream && !client->stream)
                return client_fail_protocol(client, "an Error ends no stream of this connection");
        if (client->stream) {
                streams_remove(&client->streams, client->stream);
                client->stream = NULL;
                return 1;
        }

        stream = streams_find_asked(&client->streams, message->request_id);
        if (stream)
                return session_refuse_stream(client, stream);
        request = streams_find_request(&client->streams, message->request_id);
        if (!request)
                return 1;
        if (request->type == STREAM_UNSUBSCRIBE)
                request->stream->ending = false;
        streams_remove_request(&client->streams, request);
        return 1;
}

/**
 * session_route() - give a message to its stream
 * @client:     the client; decoder->message is a message of the broker
 *
 * Return: 1: decoder->message is for the program; 0: it is not; -EPROTO.
 */
int session_route(struct tb_client *client) {
        const struct tb_message *message = &client->decoder.message;

        switch (message->type) {
        case TB_MESSAGE_SUBSCRIBED:
        case TB_MESSAGE_SAMPLING:
                return session_begin_stream(client);
        case TB_MESSAGE_RESTARTED:
                return session_restart_stream(client);
        case TB_MESSAGE_UNSUBSCRIBED:
                return session_end_stream(client);
        case TB_MESSAGE_ERROR:
                return session_take_error(client);
        default:
                break;
        }

        if (client->decoder.stream && !client->stream)
                return client_fail_protocol(client, "a message belongs to no stream of this connection");
        if (client->stream)
                stream_track(client->stream, message);
        if (client->stream && message->type == TB_MESSAGE_SNAPSHOT_END)
                streams_drop_snapshots(&client->streams, client->stream);
        return 1;
}
