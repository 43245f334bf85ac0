/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A snapshot counts only if it is whole: as many tasks as its end says, and every task of the crowd among them, once.
 * Tasks are stepped over, not decoded: their numbers stand at their beginning.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/taskbroker/v1/broker.pb-c.h"
#include "tests/bench/crew.h"
#include "tests/bench/report.h"
#include "tests/bench/subscriber.h"
#include "tests/bench/table_readers.h"

#define READ_BYTES (1024u * 1024u)

/* No reader is kept waiting for longer, or something is wrong. */
#define TIMEOUT_MS 30000

#define TID_LIMIT (1u << 22)

enum {
        WIRE_VARINT = 0,
        WIRE_64 = 1,
        WIRE_BYTES = 2,
};

#define TAG(_number, _wire) ((uint64_t)(_number) << 3 | (_wire))

struct Reader {
        int fd;
        bool done;
        uint8_t *rest;          /* the beginning of a frame that has not arrived as a whole */
        size_t n_rest;
        uint64_t asked_ns, subscribed_ns, ended_ns;
        uint64_t n_tasks, n_bytes;
        uint64_t n_members;     /* tasks of the crowd */
        uint64_t digest;        /* over their numbers: it shows a task that came twice, in place of another */
        uint64_t n_captured;    /* members of which it is known what they run */
};

/* The set of the crowd's tasks. */
typedef struct Roll {
        uint8_t members[TID_LIMIT / 8];
        uint64_t n;
        uint64_t digest;
} Roll;

static Roll roll;

/* Room for what a read brings behind the rest of a frame. */
static uint8_t buffer[FRAME_MAX_FROM_BROKER + FRAME_PREFIX_MAX + READ_BYTES];

static uint64_t tid_digest(uint64_t tid) {
        return tid * tid * 0x9e3779b97f4a7c15u;
}

static void roll_call(const Crowd *crowd) {
        memset(&roll, 0, sizeof(roll));
        for (size_t i = 0; i < crowd->n_tasks; ++i) {
                uint32_t tid = crowd->tids[i];

                roll.members[tid / 8] |= (uint8_t)(1u << tid % 8);
                roll.digest += tid_digest(tid);
        }
        roll.n = crowd->n_tasks;
}

static bool roll_has(uint64_t tid) {
        return tid < TID_LIMIT && roll.members[tid / 8] & 1u << tid % 8;
}

/* The next field: its tag, and its value or its bytes. 0 at the end, -1 for what is not protobuf. */
static int field_next(const uint8_t **data, const uint8_t *end, uint64_t *ret_tag, uint64_t *ret_value,
                      const uint8_t **ret_bytes) {
        if (*data == end)
                return 0;
        if (varint_read(data, end, ret_tag) < 0)
                return -1;
        *ret_value = 8;
        if ((*ret_tag & 7) != WIRE_64 && varint_read(data, end, ret_value) < 0)
                return -1;
        if ((*ret_tag & 7) == WIRE_VARINT)
                return 1;
        *ret_bytes = *data;
        if (*ret_value > (uint64_t)(end - *data))
                return -1;
        *data += *ret_value;
        return 1;
}

/* Whether the program's state is CAPTURED. */
static bool program_is_captured(const uint8_t *data, const uint8_t *end) {
        const uint8_t *bytes;
        uint64_t tag, value;

        while (field_next(&data, end, &tag, &value, &bytes) > 0) {
                if (tag == TAG(1, WIRE_VARINT))
                        return value == TASKBROKER__V1__PROGRAM_STATE__PROGRAM_STATE_CAPTURED;
        }
        return false;
}

static int task_take(Reader *reader, bool programs, const uint8_t *data, const uint8_t *end) {
        const uint8_t *bytes;
        uint64_t tag, value;
        bool member = false;
        int r;

        ++reader->n_tasks;
        while ((r = field_next(&data, end, &tag, &value, &bytes)) > 0) {
                if (tag == TAG(2, WIRE_VARINT) && roll_has(value)) {
                        member = true;
                        ++reader->n_members;
                        reader->digest += tid_digest(value);
                }
                if (tag == TAG(2, WIRE_VARINT) && !programs)
                        return 0;
                if (tag == TAG(11, WIRE_BYTES) && member)
                        reader->n_captured += program_is_captured(bytes, bytes + value);
        }
        return r;
}

static int part_take(Reader *reader, bool programs, const uint8_t *data, const uint8_t *end) {
        const uint8_t *bytes;
        uint64_t tag, value;
        int r;

        while ((r = field_next(&data, end, &tag, &value, &bytes)) > 0) {
                if (tag == TAG(1, WIRE_BYTES) && task_take(reader, programs, bytes, bytes + value) < 0)
                        return -1;
        }
        return r;
}

static int end_take(Reader *reader, bool programs, uint64_t n_tasks) {
        if (reader->n_tasks != n_tasks || reader->n_members != roll.n || reader->digest != roll.digest) {
                fprintf(stderr,
                        "bench-table: a snapshot is not whole: %lu tasks, it says %lu; of %lu that sleep, %lu are in "
                        "it\n",
                        reader->n_tasks, n_tasks, roll.n, reader->n_members);
                return -1;
        }
        if (programs && reader->n_captured != roll.n) {
                fprintf(stderr, "bench-table: of %lu programs a snapshot has %lu\n", roll.n, reader->n_captured);
                return -1;
        }
        reader->ended_ns = now_ns();
        reader->done = true;
        return 0;
}

static int other_take(Reader *reader, bool programs, const uint8_t *data, size_t n_data) {
        Taskbroker__V1__ServerMessage *message = taskbroker__v1__server_message__unpack(NULL, n_data, data);
        int r = 0;

        if (!message)
                return -1;
        switch (message->body_case) {
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED:
                reader->subscribed_ns = now_ns();
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END:
                r = end_take(reader, programs, message->snapshot_end->task_count);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR:
                fprintf(stderr, "bench-table: the broker says: %s\n", message->error->message);
                r = -1;
                break;
        default:
                break;
        }
        taskbroker__v1__server_message__free_unpacked(message, NULL);
        return r;
}

static int message_take(Reader *reader, bool programs, const uint8_t *data, size_t n_data, size_t n_prefix) {
        const uint8_t *end = data + n_data;
        uint64_t n;

        /* the number of the stream comes first: there is one stream */
        if (*data == TAG(15, WIRE_VARINT)) {
                ++data;
                if (varint_read(&data, end, &n) < 0)
                        return -1;
        }
        if (*data != TAG(6, WIRE_BYTES))
                return other_take(reader, programs, data, (size_t)(end - data));
        ++data;
        if (varint_read(&data, end, &n) < 0 || n != (uint64_t)(end - data))
                return -1;
        reader->n_bytes += n_prefix + n_data;
        return part_take(reader, programs, data, end);
}

/* Keeps the incomplete frame at the end of the buffer for the next read. */
static int reader_keep(Reader *reader, const uint8_t *data, size_t n_data) {
        uint8_t *rest = n_data > 0 ? realloc(reader->rest, n_data) : reader->rest;

        if (n_data > 0 && !rest)
                return -1;
        if (n_data > 0)
                memcpy(rest, data, n_data);
        reader->rest = rest;
        reader->n_rest = n_data;
        return 0;
}

static int reader_read(Reader *reader, bool programs) {
        size_t n_buffer = reader->n_rest, done = 0;
        ssize_t l;

        if (n_buffer > 0)
                memcpy(buffer, reader->rest, n_buffer);
        l = read(reader->fd, buffer + n_buffer, READ_BYTES);
        if (l < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (l <= 0) {
                fprintf(stderr, "bench-table: the broker closed a connection\n");
                return -1;
        }
        n_buffer += (size_t)l;
        while (!reader->done) {
                size_t n_prefix, n_message;
                int r = frame_parse(buffer + done, n_buffer - done, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message);

                if (r == FRAME_E_PARTIAL)
                        break;
                if (r || message_take(reader, programs, buffer + done + n_prefix, n_message, n_prefix) < 0)
                        return -1;
                done += n_prefix + n_message;
        }
        return reader_keep(reader, buffer + done, n_buffer - done);
}

/* All connections, each greeted by the broker. */
int readers_connect(Readers *readers, const char *path, size_t n) {
        *readers = (Readers){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
        readers->readers = calloc(n, sizeof(*readers->readers));
        if (!readers->readers || readers->epoll_fd < 0)
                return -1;
        while (readers->n < n) {
                Reader *reader = &readers->readers[readers->n];
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = reader };

                reader->fd = stream_connect(path);
                if (reader->fd < 0) {
                        fprintf(stderr, "bench-table: no more than %zu connections: %s\n", readers->n, strerror(errno));
                        return -1;
                }
                ++readers->n;
                if (epoll_ctl(readers->epoll_fd, EPOLL_CTL_ADD, reader->fd, &event) < 0 ||
                    reader_read(reader, false) < 0)
                        return -1;
        }
        return 0;
}

static int readers_ask(Readers *readers, bool programs) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Subscribe subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        uint8_t packed[64];
        size_t n_packed;

        subscribe.threads = 1;
        subscribe.snapshot = 1;
        subscribe.programs = programs;
        /* for what comes behind the snapshot, which nobody here reads */
        subscribe.max_delay_ms = 1000;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        n_packed = taskbroker__v1__client_message__pack(&message, packed);
        for (size_t i = 0; i < readers->n; ++i) {
                readers->readers[i].asked_ns = now_ns();
                if (stream_send(readers->readers[i].fd, packed, n_packed) < 0)
                        return -1;
        }
        return 0;
}

static int readers_report(const Readers *readers, ReadersResult *ret) {
        double *values = calloc(readers->n, sizeof(*values));
        const Reader *first = &readers->readers[0];
        uint64_t last_ns = 0;

        if (!values)
                return -1;
        *ret = (ReadersResult){
                .n_tasks = first->n_tasks,
                .n_bytes = first->n_bytes,
                .subscribed_ms = (double)(first->subscribed_ns - first->asked_ns) / 1e6,
        };
        for (size_t i = 0; i < readers->n; ++i) {
                const Reader *reader = &readers->readers[i];

                values[i] = (double)(reader->ended_ns - reader->asked_ns) / 1e6;
                last_ns = reader->ended_ns > last_ns ? reader->ended_ns : last_ns;
                ret->n_bytes_all += reader->n_bytes;
        }
        ret->median_ms = median(values, readers->n);
        ret->max_ms = values[readers->n - 1];
        ret->ms = (double)(last_ns - first->asked_ns) / 1e6;
        free(values);
        return 0;
}

/* All ask, and read until each has a whole snapshot; -1 where one does not get it. */
int readers_run(Readers *readers, const Crowd *crowd, bool programs, ReadersResult *ret) {
        size_t n_done = 0;

        roll_call(crowd);
        if (readers_ask(readers, programs) < 0)
                return -1;
        while (n_done < readers->n) {
                struct epoll_event events[64];
                int n = epoll_wait(readers->epoll_fd, events, 64, TIMEOUT_MS);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        fprintf(stderr, "bench-table: of %zu clients %zu got a snapshot\n", readers->n, n_done);
                        return -1;
                }
                for (int i = 0; i < n; ++i) {
                        Reader *reader = events[i].data.ptr;

                        if (reader_read(reader, programs) < 0)
                                return -1;
                        if (!reader->done)
                                continue;
                        ++n_done;
                        epoll_ctl(readers->epoll_fd, EPOLL_CTL_DEL, reader->fd, NULL);
                }
        }
        return readers_report(readers, ret);
}

void readers_close(Readers *readers) {
        for (size_t i = 0; i < readers->n; ++i) {
                close(readers->readers[i].fd);
                free(readers->readers[i].rest);
        }
        free(readers->readers);
        if (readers->epoll_fd >= 0)
                close(readers->epoll_fd);
        *readers = (Readers){ .epoll_fd = -1 };
}
