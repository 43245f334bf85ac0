/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* One connection: requests in any pieces, replies between frames, and every way to end. */

#include "tests/unit/hub_rig.h"

static void test_requests_in_pieces(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        PB(ServerMessage) *message;
        uint8_t frame[256];
        size_t n;

        /* byte by byte */
        n = request_status(frame, 300);
        for (size_t i = 0; i < n; ++i) {
                peer_expect_nothing(rig, &peer);
                peer_send(&peer, frame + i, 1);
        }
        message = peer_expect_body(rig, &peer, BROKER_STATUS);
        assert(message->broker_status->request_id == 300);
        message_free(message);

        /* many at once, and a part of one behind them */
        for (uint64_t id = 1; id <= 5; ++id)
                peer_ask_status(&peer, id);
        n = request_status(frame, 6);
        peer_send(&peer, frame, 3);
        for (uint64_t id = 1; id <= 5; ++id) {
                message = peer_expect_body(rig, &peer, BROKER_STATUS);
                assert(message->broker_status->request_id == id);
                message_free(message);
        }
        peer_expect_nothing(rig, &peer);
        peer_send(&peer, frame + 3, n - 3);
        message = peer_expect_body(rig, &peer, BROKER_STATUS);
        assert(message->broker_status->request_id == 6);
        message_free(message);
        peer_free(&peer);
        rig_free(rig);
}

/* The largest request that is allowed, though it is refused for what it says; the connection does not suffer. */
static void test_large_request(void) {
        static uint8_t frame[FRAME_MAX_FROM_CLIENT + 8];
        uint8_t *kinds = NULL;
        PB(ServerMessage) *message;
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        size_t n, n_kinds;

        /* subscribe { kinds, packed, all of a kind that is unknown } */
        for (n_kinds = FRAME_MAX_FROM_CLIENT - 8; ; ++n_kinds) {
                uint8_t lengths[3][FRAME_PREFIX_MAX];
                size_t n_lengths[3], i = 0;

                n_lengths[0] = frame_prefix(lengths[0], (uint32_t)n_kinds);
                n_lengths[1] = frame_prefix(lengths[1], (uint32_t)(1 + n_lengths[0] + n_kinds));
                n = 1 + n_lengths[1] + 1 + n_lengths[0] + n_kinds;
                if (n < FRAME_MAX_FROM_CLIENT)
                        continue;
                assert(n == FRAME_MAX_FROM_CLIENT);
                n_lengths[2] = frame_prefix(lengths[2], (uint32_t)n);
                memcpy(frame, lengths[2], n_lengths[2]);
                i = n_lengths[2];
                frame[i++] = 2 << 3 | 2;
                memcpy(frame + i, lengths[1], n_lengths[1]);
                i += n_lengths[1];
                frame[i++] = 1 << 3 | 2;
                memcpy(frame + i, lengths[0], n_lengths[0]);
                kinds = frame + i + n_lengths[0];
                memset(kinds, EVENT_KINDS_N, n_kinds);
                n += n_lengths[2];
                break;
        }
        for (size_t i = 0; i < n; i += 10000) {
                peer_send(&peer, frame + i, MIN(n - i, (size_t)10000));
                rig_turn(rig);
        }
        message = peer_expect_body(rig, &peer, ERROR);
        assert(message->error->code == TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE && !message->error->closing);
        assert(strcmp(message->error->field, "subscribe.kinds") == 0);
        message_free(message);
        peer_ask_status(&peer, 1);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        peer_free(&peer);
        rig_free(rig);
}

/* An error that ends a connection is sent first, whether the client has sent more, or nothing else. */
static void test_closing_errors(void) {
        static const struct {
                size_t n;
                uint8_t bytes[16];
                ErrorCode code;
        } rows[] = {
                { 1, { 0x00 }, ERROR_BAD_FRAME },
                { 5, { 0xff, 0xff, 0xff, 0xff, 0xff }, ERROR_BAD_FRAME },
                { 8, { 'G', 'E', 'T', ' ', '/', '\r', '\n', 0 }, ERROR_BAD_MESSAGE },
                { 3, { 0x81, 0x80, 0x04 }, ERROR_TOO_LARGE },
                { 3, { 0xff, 0xff, 0x7f }, ERROR_TOO_LARGE },
                { 2, { 0x01, 0xff }, ERROR_BAD_MESSAGE },
                { 3, { 0x02, 0x08, 0x05 }, ERROR_BAD_MESSAGE },
                { 3, { 0x02, 0x70, 0x05 }, ERROR_UNKNOWN_FIELD },
                { 5, { 0x04, 0x1a, 0x02, 0x78, 0x05 }, ERROR_UNKNOWN_FIELD },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                Rig *rig = rig_new();
                Peer peer = peer_new_welcomed(rig, 0);
                uint8_t bytes[128] = {};

                if (rows[i].bytes[0] == 'G') {
                        /* a length of 71: no frame until so many came */
                        memcpy(bytes, rows[i].bytes, rows[i].n);
                        peer_send(&peer, bytes, 72);
                } else {
                        peer_send(&peer, rows[i].bytes, rows[i].n);
                }
                peer_expect_error(rig, &peer, rows[i].code, true);
                peer_expect_end(rig, &peer);
                assert(rig_status(rig).connections == 0 && rig_status(rig).closed_for_errors == 1);
                peer_free(&peer);
                rig_free(rig);
        }
}

/* Good requests before the bad request are answered; requests behind it are not. */
static void test_error_in_the_middle(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);

        peer_ask_status(&peer, 1);
        peer_ask_status(&peer, 2);
        peer_send(&peer, "", 1);
        peer_ask_status(&peer, 3);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        peer_expect_error(rig, &peer, ERROR_BAD_FRAME, true);
        peer_receive_all(rig, &peer);
        assert(peer.ended && peer.n == peer.n_taken);
        peer_free(&peer);
        rig_free(rig);
}

/* A socket that takes little at a time: all of it arrives, in order. */
static void test_partial_writes(void) {
        Rig *rig = rig_new_sized(64u << 20);
        Peer peer = peer_new_subscribed(rig, 4096, false, 0);
        uint64_t state = 99;

        for (int i = 0; i < 200; ++i) {
                rig_publish(rig, 1 + random_below(&state, 400));
                rig_turn(rig);
                (void)peer_receive(&peer, random_below(&state, 20000));
                rig_turn(rig);
        }
        peer_check_events(rig, &peer, 1, 0, rig->n_published, NULL);
        peer_expect_nothing(rig, &peer);
        assert(rig_status(rig).reader_lost == 0);
        peer_free(&peer);
        rig_free(rig);
}

/* Replies that are asked for in the middle of a frame come between frames, in their order. */
static void test_replies_between_frames(void) {
        Rig *rig = rig_new_sized(64u << 20);
        Peer peer = peer_new_subscribed(rig, 4096, false, 0);
        uint64_t state = 7, asked = 0, answered = 0;
        size_t n_within = 0, number = 1;
        uint32_t tid = 0;

        for (int i = 0; i < 400; ++i) {
                PB(ServerMessage) *message;

                if (rig->n_published - tid < 5000)
                        rig_publish(rig, 500);
                rig_turn(rig);
                n_within += peer_is_within_frame(&peer);
                if (asked - answered < 20) {
                        peer_ask_status(&peer, ++asked);
                        rig_turn(rig);
                }
                (void)peer_receive(&peer, 1 + random_below(&state, 9000));

                /* every frame that is here whole is one of the two, whole, in its turn */
                while ((message = peer_take(&peer))) {
                        if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS) {
                                assert(message->broker_status->request_id == ++answered);
                        } else {
                                assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH);
                                assert(message->event_batch->first_number == number);
                                for (size_t k = 0; k < message->event_batch->n_events; ++k)
                                        assert(message->event_batch->events[k]->tid == tid++);
                                number += message->event_batch->n_events;
                        }
                        message_free(message);
                }
        }
        /* the test tested what it was for */
        assert(n_within > 50 && asked > 30 && answered > 10);
        peer_free(&peer);
        rig_free(rig);
}

/* The broker stops reading from a client with unread replies: a bounded number of replies waits, and none is lost. */
static void test_unread_replies(void) {
        enum { N = 100000 };
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 4096);
        uint64_t sent = 0, received = 0;
        uint8_t frame[256];

        while (received < N) {
                PB(ServerMessage) *message;
                size_t n_stuck = 0;

                /* as many requests as go in, until none does any more */
                while (sent < N && n_stuck < 3) {
                        size_t n = request_status(frame, sent + 1);
                        ssize_t r = send(peer.fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL);

                        if (r < 0) {
                                assert(errno == EAGAIN);
                                ++n_stuck;
                                rig_turn(rig);
                                assert(peer_n_replies(&peer) <= LIMIT_REPLY_BYTES + ENCODED_REPLY_MAX);
                                continue;
                        }
                        assert(r == (ssize_t)n);
                        n_stuck = 0;
                        ++sent;
                }
                if (received == 0) {
                        assert(sent < N);
                        assert(!peer_is_read(&peer));
                        assert(peer_has_deadline(&peer));
                }
                rig_turn(rig);
                (void)peer_receive(&peer, SIZE_MAX);
                while ((message = peer_take(&peer))) {
                        assert(message->broker_status->request_id == ++received);
                        message_free(message);
                }
        }
        peer_expect_nothing(rig, &peer);
        assert(!peer_has_deadline(&peer));
        peer_free(&peer);
        rig_free(rig);
}

/* Requests that were received already when there was no room for more replies are answered when there is. */
static void test_requests_that_waited(void) {
        bool waited = false;

        for (uint64_t n_group = 3; n_group < 40; n_group += 4) {
                Rig *rig = rig_new();
                Peer peer = peer_new_welcomed(rig, 4096);
                uint64_t sent = 0, received = 0;
                PB(ServerMessage) *message;

                while (peer_is_read(&peer)) {
                        for (uint64_t i = 0; i < n_group; ++i)
                                peer_ask_status(&peer, ++sent);
                        rig_turn(rig);
                }
                waited = waited || peer_n_input(&peer) > 0;
                peer_receive_all(rig, &peer);
                while ((message = peer_take(&peer))) {
                        assert(message->broker_status->request_id == ++received);
                        message_free(message);
                }
                assert(received == sent);
                peer_free(&peer);
                rig_free(rig);
        }
        assert(waited);
}

static void test_unread_for_too_long(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 4096);
        uint8_t frame[256];
        size_t n = request_status(frame, 1), n_replies = 0;
        PB(ServerMessage) *message;

        for (int i = 0; i < 20; ++i) {
                while (send(peer.fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n)
                        ;
                rig_turn(rig);
        }
        assert(!peer_is_read(&peer) && peer_has_deadline(&peer));
        peer_pass_deadline(rig, &peer);
        rig_turn(rig);
        peer_receive_all(rig, &peer);
        /* all that were answered, then why it ends */
        while ((message = peer_take(&peer)) &&
               message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS) {
                ++n_replies;
                message_free(message);
        }
        assert(n_replies > 10 && message);
        assert(message->error->code == TASKBROKER__V1__ERROR_CODE__ERROR_CODE_UNREAD_REPLIES &&
               message->error->closing);
        message_free(message);
        assert(peer.ended && rig_status(rig).connections == 0);
        peer_free(&peer);
        rig_free(rig);
}

/* It does not even take the error: it ends all the same. */
static void test_error_never_read(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_subscribed(rig, 4096, false, 0);

        rig_publish(rig, 5000);
        rig_turn(rig);
        peer_send(&peer, "", 1);
        rig_turn(rig);
        assert(rig_status(rig).connections == 1 && peer_is_closing(&peer));
        assert(peer_has_deadline(&peer));
        peer_pass_deadline(rig, &peer);
        rig_turn(rig);
        assert(rig_status(rig).connections == 0);
        rig_expect_idle_feeds(rig, 1);
        peer_free(&peer);
        rig_free(rig);
}

/* In the middle of a frame: the frame is finished first, the error is readable. */
static void test_error_within_a_frame(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_subscribed(rig, 4096, false, 0);
        PB(ServerMessage) *message;

        rig_publish(rig, 5000);
        rig_turn(rig);
        assert(peer_is_within_frame(&peer));
        peer_send(&peer, "", 1);
        rig_turn(rig);
        peer_receive_all(rig, &peer);
        message = peer_take(&peer);
        assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH);
        message_free(message);
        peer_expect_error(rig, &peer, ERROR_BAD_FRAME, true);
        peer_expect_end(rig, &peer);
        peer_free(&peer);
        rig_free(rig);
}

static void test_deadlines(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        uint8_t frame[256];
        size_t n;

        /* before the first request; not between two; within one */
        assert(peer_has_deadline(&peer));
        peer_ask_status(&peer, 1);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        assert(!peer_has_deadline(&peer));
        n = request_status(frame, 2);
        peer_send(&peer, frame, n - 1);
        rig_turn(rig);
        assert(peer_has_deadline(&peer));
        peer_send(&peer, frame + n - 1, 1);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        assert(!peer_has_deadline(&peer));
        peer_send(&peer, frame, 1);
        rig_turn(rig);
        peer_pass_deadline(rig, &peer);
        peer_expect_error(rig, &peer, ERROR_TIMEOUT, true);
        peer_expect_end(rig, &peer);
        peer_free(&peer);

        peer = peer_new_welcomed(rig, 0);
        peer_pass_deadline(rig, &peer);
        peer_expect_error(rig, &peer, ERROR_TIMEOUT, true);
        peer_expect_end(rig, &peer);
        assert(rig_status(rig).connections == 0 && rig_status(rig).closed_for_errors == 2);
        peer_free(&peer);
        rig_free(rig);
}

/* A request that comes byte by byte may not take for ever: the clock is not set back by each byte. */
static void test_deadline_of_a_slow_request(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        uint8_t frame[256];
        ev_tstamp before;

        peer_ask_status(&peer, 1);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        (void)request_status(frame, 300);
        peer_send(&peer, frame, 1);
        rig_turn(rig);
        before = peer_deadline(rig, &peer);
        usleep(50000);
        peer_send(&peer, frame + 1, 1);
        rig_turn(rig);
        assert(peer_deadline(rig, &peer) < before - 0.02);
        peer_free(&peer);
        rig_free(rig);
}

/* The peer shuts down its sending side. */
static void test_half_close(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);
        uint8_t frame[256];

        /* with requests before it: they are answered */
        peer_ask_status(&peer, 1);
        peer_ask_status(&peer, 2);
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        message_free(peer_expect_body(rig, &peer, BROKER_STATUS));
        peer_expect_end(rig, &peer);
        assert(rig_status(rig).closed_for_errors == 0);
        peer_free(&peer);

        /* with none */
        peer = peer_new_welcomed(rig, 0);
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        peer_expect_end(rig, &peer);
        peer_free(&peer);

        /* within one */
        peer = peer_new_welcomed(rig, 0);
        peer_send(&peer, frame, request_status(frame, 1) - 1);
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        peer_expect_error(rig, &peer, ERROR_BAD_FRAME, true);
        peer_expect_end(rig, &peer);
        peer_free(&peer);
        rig_free(rig);
}

/* A subscriber may shut down its sending side, and goes on reading. */
static void test_half_close_of_subscriber(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);

        peer_ask_subscribe(&peer, 1, false, 0);
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        rig_publish(rig, 3);
        peer_check_events(rig, &peer, 1, 0, 3, NULL);
        rig_turn(rig);
        rig_publish(rig, 2);
        peer_check_events(rig, &peer, 4, 3, 2, NULL);
        /* until it closes: found out at the next event */
        peer_free(&peer);
        rig_publish(rig, 1);
        rig_turn(rig);
        assert(rig_status(rig).connections == 0);
        rig_expect_idle_feeds(rig, 1);
        rig_free(rig);
}

/* Without events the broker checks at intervals whether a half-closed client is still there. */
static void test_half_close_without_events(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 0);

        peer_ask_subscribe(&peer, 1, false, 0);
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        message_free(peer_expect_body(rig, &peer, SUBSCRIBED));
        rig_turn(rig);
        assert(peer_has_deadline(&peer));
        peer_pass_deadline(rig, &peer);
        rig_turn(rig);
        assert(rig_status(rig).connections == 1 && peer_has_deadline(&peer));
        peer_pass_deadline(rig, &peer);
        peer_free(&peer);
        rig_turn(rig);
        assert(rig_status(rig).connections == 0);
        rig_expect_idle_feeds(rig, 1);
        rig_free(rig);
}

/* Half-closed with replies that it has not read yet: they come, then the end. */
static void test_half_close_with_unread_replies(void) {
        Rig *rig = rig_new();
        Peer peer = peer_new_welcomed(rig, 4096);
        uint64_t sent = 0, received = 0;
        PB(ServerMessage) *message;
        uint8_t frame[256];

        for (int i = 0; i < 20; ++i) {
                while (send(peer.fd, frame, request_status(frame, sent + 1), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
                        ++sent;
                rig_turn(rig);
        }
        assert(shutdown(peer.fd, SHUT_WR) == 0);
        peer_receive_all(rig, &peer);
        while ((message = peer_take(&peer))) {
                assert(message->broker_status->request_id == ++received);
                message_free(message);
        }
        assert(received == sent);
        assert(peer.ended && peer.n == peer.n_taken);
        peer_free(&peer);
        rig_free(rig);
}

/* A client that is too slow for the feed gets the place and the number of its lost events, and goes on. */
static void test_fall_behind(void) {
        Rig *rig = rig_new_sized(0);
        Peer peer = peer_new_subscribed(rig, 4096, false, 0), brisk = peer_new_subscribed(rig, 0, false, 0);
        size_t n_lost = 0, n_brisk = 0;

        for (int i = 0; i < 300; ++i) {
                rig_publish(rig, 200);
                rig_turn(rig);
                peer_check_events(rig, &brisk, 1 + n_brisk, (uint32_t)n_brisk, 200, NULL);
                n_brisk += 200;
        }
        peer_check_events(rig, &peer, 1, 0, rig->n_published, &n_lost);
        assert(n_lost > 1000 && n_lost < rig->n_published);
        assert(rig_status(rig).reader_lost == n_lost);
        /* the client receives events as any other client does from then on */
        rig_publish(rig, 5);
        peer_check_events(rig, &peer, 1 + n_brisk, (uint32_t)n_brisk, 5, NULL);
        peer_free(&peer);
        peer_free(&brisk);
        rig_free(rig);
}

static void test_fall_behind_strict(void) {
        Rig *rig = rig_new_sized(0);
        Peer peer = peer_new_subscribed(rig, 4096, true, 0);
        PB(ServerMessage) *message;
        uint64_t n_events = 0;

        for (int i = 0; i < 300; ++i) {
                rig_publish(rig, 200);
                rig_turn(rig);
        }
        peer_receive_all(rig, &peer);
        while ((message = peer_take(&peer)) && message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH) {
                assert(message->event_batch->first_number == 1 + n_events);
                n_events += message->event_batch->n_events;
                message_free(message);
        }
        assert(message);
        assert(message->error->code == TASKBROKER__V1__ERROR_CODE__ERROR_CODE_FELL_BEHIND && message->error->closing);
        assert(message->error->lost > 0 && message->error->lost + n_events <= rig->n_published);
        assert(message->error->lost == rig_status(rig).reader_lost);
        message_free(message);
        peer_expect_end(rig, &peer);
        assert(rig_status(rig).closed_for_strict == 1 && rig_status(rig).closed_for_errors == 0 &&
               rig_status(rig).connections == 0);
        peer_free(&peer);
        rig_free(rig);
}

/* Gone in the middle of everything. */
static void test_sudden_end(void) {
        Rig *rig = rig_new();
        Peer peers[8];

        for (int i = 0; i < 8; ++i)
                peers[i] = peer_new_subscribed(rig, 4096, i % 2, 0);
        rig_publish(rig, 3000);
        rig_turn(rig);
        for (int i = 0; i < 8; ++i) {
                (void)peer_receive(&peers[i], (size_t)i * 1000);
                peer_ask_status(&peers[i], 1);
                peer_free(&peers[i]);
                rig_publish(rig, 10);
                if (i % 3 == 0)
                        rig_turn(rig);
        }
        rig_turn(rig);
        assert(rig_status(rig).connections == 0);
        rig_expect_idle_feeds(rig, 1);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_requests_in_pieces();
        test_large_request();
        test_closing_errors();
        test_error_in_the_middle();
        test_partial_writes();
        test_replies_between_frames();
        test_unread_replies();
        test_requests_that_waited();
        test_unread_for_too_long();
        test_error_never_read();
        test_error_within_a_frame();
        test_deadlines();
        test_deadline_of_a_slow_request();
        test_half_close();
        test_half_close_of_subscriber();
        test_half_close_without_events();
        test_half_close_with_unread_replies();
        test_fall_behind();
        test_fall_behind_strict();
        test_sudden_end();
        return 0;
}
