/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kernel's messages, put together byte by byte from what is documented of
 * them, not from the broker's structs: the two must agree.
 *
 * Include it behind #undef NDEBUG.
 */

#include "tests/unit/harness.h"

/* Sizes and offsets of a message of the proc connector. */
#define PROC_BYTES 76
#define PROC_AT_CN 16
#define PROC_AT_SEQ 24
#define PROC_AT_ACK 28
#define PROC_AT_LEN 32
#define PROC_AT_EVENT 36
#define PROC_AT_CPU 40
#define PROC_AT_TIME 44
#define PROC_AT_UNION 52

enum {
        WHAT_NONE = 0x0,
        WHAT_FORK = 0x1,
        WHAT_EXEC = 0x2,
        WHAT_UID = 0x4,
        WHAT_GID = 0x40,
        WHAT_SID = 0x80,
        WHAT_PTRACE = 0x100,
        WHAT_COMM = 0x200,
        WHAT_COREDUMP = 0x40000000,
};
#define WHAT_EXIT 0x80000000u

/* The largest struct taskstats that is known, version 17, and where some of it is. */
#define STATS_BYTES 688
#define STATS_BYTES_V16 560
#define STATS_AT_EXITCODE 4
#define STATS_AT_FLAG 8
#define STATS_AT_BLKIO_COUNT 32
#define STATS_AT_RUN_VIRTUAL 72
#define STATS_AT_COMM 80
#define STATS_AT_UID 120
#define STATS_AT_PID 128
#define STATS_AT_PPID 132
#define STATS_AT_ETIME 144
#define STATS_AT_RSS 200
#define STATS_AT_NVCSW 272
#define STATS_AT_TGID 368
#define STATS_AT_TGETIME 376
#define STATS_AT_EXE_DEV 384
#define STATS_AT_EXE_INODE 392

/* Attributes of a taskstats message. */
enum {
        ATTR_PID = 1,
        ATTR_TGID = 2,
        ATTR_STATS = 3,
        ATTR_AGGR_PID = 4,
        ATTR_AGGR_TGID = 5,
        ATTR_NULL = 6,
};

#define EXIT_MESSAGE_MAX 4096

/* An exit message while it is put together. */
typedef struct ExitMessage ExitMessage;

struct ExitMessage {
        size_t n;
        uint8_t data[EXIT_MESSAGE_MAX] __attribute__((__aligned__(8)));
};

/* netlink header of type DONE, connector header, proc_event without its union. */
static inline void proc_bytes(uint8_t data[static PROC_BYTES], uint32_t seq, uint32_t what, uint32_t cpu,
                              uint64_t time_ns) {
        memset(data, 0, PROC_BYTES);
        put_u32(data, 0, PROC_BYTES);
        put_u16(data, 4, 3);
        put_u32(data, 8, seq);
        put_u32(data, PROC_AT_CN, 1);
        put_u32(data, PROC_AT_CN + 4, 1);
        put_u32(data, PROC_AT_SEQ, seq);
        put_u16(data, PROC_AT_LEN, 40);
        put_u32(data, PROC_AT_EVENT, what);
        put_u32(data, PROC_AT_CPU, cpu);
        put_u64(data, PROC_AT_TIME, time_ns);
}

static inline void proc_union(uint8_t data[static PROC_BYTES],
                              uint32_t a,
                              uint32_t b,
                              uint32_t c,
                              uint32_t d,
                              uint32_t e,
                              uint32_t f) {
        const uint32_t words[] = { a, b, c, d, e, f };

        memcpy(data + PROC_AT_UNION, words, sizeof(words));
}

static inline ExitMessage exit_message_new(void) {
        ExitMessage message = { .n = 20 };

        put_u16(message.data, 4, 0x1c);
        put_u8(message.data, 16, 2); /* TASKSTATS_CMD_NEW */
        put_u8(message.data, 17, 1);
        put_u32(message.data, 0, 20);
        return message;
}

/* Begins an attribute, whose length exit_message_close() sets. */
static inline size_t exit_message_open(ExitMessage *message, uint16_t type) {
        size_t at = message->n;

        assert(at + 4 <= sizeof(message->data));
        put_u16(message->data, at, 4);
        put_u16(message->data, at + 2, type);
        message->n += 4;
        return at;
}

static inline void exit_message_close(ExitMessage *message, size_t at) {
        put_u16(message->data, at, (uint16_t)(message->n - at));
        while (message->n % 4)
                message->data[message->n++] = 0;
        put_u32(message->data, 0, (uint32_t)message->n);
}

static inline void exit_message_add(ExitMessage *message, uint16_t type, const void *data, size_t n) {
        size_t at = exit_message_open(message, type);

        assert(message->n + n + 3 <= sizeof(message->data));
        if (n)
                memcpy(message->data + message->n, data, n);
        message->n += n;
        exit_message_close(message, at);
}

/* AGGR_PID or AGGR_TGID, with a padding attribute inside if the machine would have one. */
static inline void exit_message_aggregate(ExitMessage *message,
                                          uint16_t aggregate,
                                          uint32_t id,
                                          const uint8_t *stats,
                                          size_t n_stats,
                                          bool padding) {
        size_t at = exit_message_open(message, aggregate);

        exit_message_add(message, aggregate == ATTR_AGGR_PID ? ATTR_PID : ATTR_TGID, &id, sizeof(id));
        if (padding)
                exit_message_add(message, ATTR_NULL, NULL, 0);
        exit_message_add(message, ATTR_STATS, stats, n_stats);
        exit_message_close(message, at);
}
