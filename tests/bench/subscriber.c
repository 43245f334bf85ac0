/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/taskbroker/v1/broker.pb-c.h"
#include "tests/bench/subscriber.h"

#define TAG(_number, _wire) ((uint8_t)((_number) << 3 | (_wire)))

enum {
        WIRE_VARINT = 0,
        WIRE_64 = 1,
        WIRE_BYTES = 2,
};

/* Room for one frame of the largest size and what a read brings behind it. */
static uint8_t buffer[2 * (FRAME_MAX_FROM_BROKER + FRAME_PREFIX_MAX)];

int stream_connect(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(address.sun_path))
                return -1;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

int stream_send(int fd, const uint8_t *message, size_t n_message) {
        uint8_t prefix[FRAME_PREFIX_MAX];
        size_t n_prefix = frame_prefix(prefix, (uint32_t)n_message);

        if (send(fd, prefix, n_prefix, MSG_NOSIGNAL) != (ssize_t)n_prefix ||
            send(fd, message, n_message, MSG_NOSIGNAL) != (ssize_t)n_message)
                return -1;
        return 0;
}

static int subscribe(int fd, const SubscriberOptions *options) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Subscribe subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        Taskbroker__V1__EventKind kinds[] = { TASKBROKER__V1__EVENT_KIND__EVENT_KIND_FORK };
        uint8_t packed[64];

        subscribe.threads = 1;
        subscribe.max_delay_ms = options->max_delay_ms;
        if (options->forks_only) {
                subscribe.n_kinds = 1;
                subscribe.kinds = kinds;
        }
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        return stream_send(fd, packed, taskbroker__v1__client_message__pack(&message, packed));
}

int varint_read(const uint8_t **data, const uint8_t *end, uint64_t *ret) {
        uint64_t value = 0;

        for (unsigned int shift = 0; *data < end && shift < 64; shift += 7) {
                uint8_t byte = *(*data)++;

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = value;
                        return 0;
                }
        }
        return -1;
}

/* Counts the events of a batch by their tags, without looking into them. */
static int batch_count(CrewSlot *slot, const uint8_t *data, const uint8_t *end) {
        uint64_t first = 0, n = 0, value;

        while (data < end) {
                uint8_t tag = *data++;

                switch (tag & 7) {
                case WIRE_VARINT:
                        if (varint_read(&data, end, &value) < 0)
                                return -1;
                        if (tag == TAG(1, WIRE_VARINT))
                                first = value;
                        break;
                case WIRE_64:
                        data += 8;
                        break;
                case WIRE_BYTES:
                        if (varint_read(&data, end, &value) < 0 || value > (uint64_t)(end - data))
                                return -1;
                        data += value;
                        n += tag == TAG(3, WIRE_BYTES);
                        break;
                default:
                        return -1;
                }
        }
        slot->lost += first - slot->next_number;
        slot->next_number = first + n;
        slot->events += n;
        return data == end ? 0 : -1;
}

static int message_handle(CrewSlot *slot, const uint8_t *data, size_t n_data, bool *subscribed) {
        const uint8_t *end = data + n_data;
        Taskbroker__V1__ServerMessage *message;
        uint64_t n;
        int r = 0;

        /* the number of the stream comes first: there is one stream */
        if (*data == TAG(15, WIRE_VARINT)) {
                ++data;
                if (varint_read(&data, end, &n) < 0)
                        return -1;
        }
        if (*data == TAG(2, WIRE_BYTES)) {
                ++data;
                if (varint_read(&data, end, &n) < 0 || n != (uint64_t)(end - data))
                        return -1;
                return batch_count(slot, data, end);
        }

        message = taskbroker__v1__server_message__unpack(NULL, (size_t)(end - data), data);
        if (!message)
                return -1;
        if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED) {
                slot->next_number = message->subscribed->next_number;
                *subscribed = true;
        } else if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR) {
                fprintf(stderr, "bench: the broker says: %s\n", message->error->message);
                r = -1;
        }
        taskbroker__v1__server_message__free_unpacked(message, NULL);
        return r;
}

/* Runs until SIGTERM, which simply ends it: what it counted stands in the slot. */
int subscriber_main(void *userdata, CrewSeat *seat) {
        const SubscriberOptions *options = userdata;
        bool subscribed = false, reported = false;
        size_t n_buffer = 0;
        int fd;

        fd = stream_connect(options->path);
        if (fd < 0 || subscribe(fd, options) < 0) {
                fprintf(stderr, "bench: cannot subscribe: %s\n", strerror(errno));
                return 1;
        }

        for (;;) {
                ssize_t l = read(fd, buffer + n_buffer, sizeof(buffer) - n_buffer);
                size_t done = 0;

                if (l < 0 && errno == EINTR)
                        continue;
                if (l <= 0)
                        return 1;
                n_buffer += (size_t)l;
                seat->slot->bytes += (uint64_t)l;
                ++seat->slot->reads;

                for (;;) {
                        size_t n_prefix, n_message;
                        int r = frame_parse(buffer + done,
                                            n_buffer - done,
                                            FRAME_MAX_FROM_BROKER,
                                            &n_prefix,
                                            &n_message);

                        if (r == FRAME_E_PARTIAL)
                                break;
                        if (r || message_handle(seat->slot, buffer + done + n_prefix, n_message, &subscribed) < 0) {
                                fprintf(stderr, "bench: the broker sent what is not the protocol\n");
                                return 1;
                        }
                        done += n_prefix + n_message;
                }
                memmove(buffer, buffer + done, n_buffer - done);
                n_buffer -= done;

                if (subscribed && !reported) {
                        crew_ready(seat);
                        reported = true;
                }
        }
}
