/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The client's state, which its files share: client.c has the connection, request.c the
 * requests, session.c the reconnecting, session_streams.c the streams.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/decode.h"
#include "clients/lib/encode_request.h"
#include "clients/lib/reconnect.h"
#include "clients/lib/streams.h"

/* Some small requests, and one with the largest filter: a broker that answers takes each at once. */
#define CLIENT_OUT_MAX (2u * ENCODE_REQUEST_MAX)

struct tb_client {
        int fd;

        uint8_t *in;                    /* CLIENT_IN_MAX; pages are there once touched */
        size_t in_start;                /* start of the current frame */
        size_t in_end;

        uint8_t out[CLIENT_OUT_MAX];
        size_t out_start;
        size_t out_end;
        bool out_closed;                /* the broker reads no more */

        char name[ENCODE_TEXT_MAX];     /* the program's; "": the broker gets none */
        char version[ENCODE_TEXT_MAX];
        bool info_sent;                 /* the broker has both, or gets them with a request that is queued */

        uint64_t last_request_id;
        size_t n_batch_frame;           /* size of the frame whose events or tasks tb_next() takes */
        Decoder decoder;
        Streams streams;
        Stream *stream;                 /* that the current frame belongs to; NULL: none */

        int error;                      /* that ended the client; 0: none */
        char error_text[512];
        char closing_text[256];           /* text of the Error that announced the close */

        char *path;                     /* NULL: the default */
        bool of_fd;                     /* made of a descriptor: nowhere to connect to again */
        bool broken;                    /* the connection has ended; the messages before its end come first */
        Reconnect *reconnect;           /* NULL: the client ends with its connection */
        Stream *begun;                  /* its answer comes behind the link's message; NULL: none */
};

__attribute__((format(printf, 2, 3))) void client_set_error_text(struct tb_client *client, const char *format, ...);
int client_fail_errno(struct tb_client *client, int error, const char *what);
int client_fail_protocol(struct tb_client *client, const char *reason);
int client_fail_closed(struct tb_client *client, const char *manner);
int client_exchange(struct tb_client *client);
int client_next(struct tb_client *client);
bool client_has_room(struct tb_client *client);
int client_room(struct tb_client *client);
void client_queue(struct tb_client *client, const uint8_t *frame, size_t n_frame);
