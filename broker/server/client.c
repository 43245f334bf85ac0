/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client holds references to objects of other modules: a feed, requests that wait. The
 * hub takes these away before it frees the client.
 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/memory.h"
#include "broker/server/client.h"

/**
 * client_new() - make a client of a socket
 * @ret_client:  output
 * @owner:       the connection's owner
 * @user:        all costs are charged to this user
 * @fd:          the socket; owned by the client on success
 *
 * Return: 0; CONNECTION_E_MEMORY; CONNECTION_E_QUOTA.
 */
int client_new(Client **ret_client, ConnectionOwner *owner, QuotaUser *user, int fd) {
        Client *client = memory_alloc_optional(NULL, sizeof(*client));
        int r;

        if (!client)
                return CONNECTION_E_MEMORY;
        *client = (Client){};
        list_init(&client->streams);
        r = connection_init(&client->connection, owner, user, fd, sizeof(*client));
        if (r) {
                free(client);
                return r;
        }
        *ret_client = client;
        return 0;
}

/**
 * client_free() - close the connection, and free the client
 * @client:  a client without streams or requests, or NULL
 *
 * Return: NULL.
 */
Client *client_free(Client *client) {
        if (!client)
                return NULL;
        assert(client->n_streams == 0 && client->n_pending == 0 && client->n_stats_requests == 0);
        connection_deinit(&client->connection);
        free(client);
        return NULL;
}

/* The number of the client's streams that have events. */
size_t client_count_events(const Client *client) {
        size_t n = 0;

        for (const List *link = client->streams.next; link != &client->streams; link = link->next)
                n += !container_of(link, const Stream, link)->sample_feed;
        return n;
}

/* The stream with a number; NULL: the client does not have it. */
Stream *client_find_stream(Client *client, uint32_t number) {
        list_for_each(link, safe, &client->streams) {
                Stream *stream = container_of(link, Stream, link);

                if (stream->send.number == number)
                        return stream;
        }
        return NULL;
}
