/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The client's state, which its files share: client.c has the connection, request.c what is asked on it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/decode.h"
#include "clients/lib/encode_request.h"
#include "clients/lib/reconnect.h"

/* Some small requests, and one with the largest filter: a broker that answers takes each at once. */
#define CLIENT_OUT_MAX (2u * ENCODE_REQUEST_MAX)

struct tb_client {
        int fd;

        uint8_t *in;                    /* CLIENT_IN_MAX; pages are there once touched */
        size_t in_start;                /* of the frame at hand */
        size_t in_end;

        uint8_t out[CLIENT_OUT_MAX];
        size_t out_start;
        size_t out_end;
        bool out_closed;                /* the broker reads no more */

        uint64_t last_request_id;
        size_t n_batch_frame;           /* of the frame whose events or tasks are being taken */
        Decoder decoder;

        int error;                      /* that ended it */
        char error_text[512];
        char last_words[256];           /* of the broker, where it announced that it would close */

        char *path;                     /* NULL: the default */
        bool of_fd;                     /* made of a descriptor: nowhere to connect to again */
        bool broken;                    /* the connection has ended; what came before it is handed out first */
        Reconnect *reconnect;           /* NULL: the end of the connection is the client's */
        uint64_t asked_again_id;        /* of the subscription that was sent again, until its answer; 0: none */
        bool resuming;                  /* it asked to go on */
        bool subscribed_follows;        /* its answer is handed out behind the link's message */
        const char *restart_reason;     /* why it could not go on */
};

__attribute__((format(printf, 2, 3))) void client_say(struct tb_client *client, const char *format, ...);
int client_room(struct tb_client *client);
void client_queue(struct tb_client *client, const uint8_t *frame, size_t n_frame);
