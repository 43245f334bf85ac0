/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The broker's unit tests share these helpers: bytes put together by hand, memory
 * that ends where the data ends, and a temporary directory that is removed.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Tree Tree;

static inline void put_u8(uint8_t *data, size_t offset, uint8_t value) {
        data[offset] = value;
}

static inline void put_u16(uint8_t *data, size_t offset, uint16_t value) {
        memcpy(data + offset, &value, sizeof(value));
}

static inline void put_u32(uint8_t *data, size_t offset, uint32_t value) {
        memcpy(data + offset, &value, sizeof(value));
}

static inline void put_u64(uint8_t *data, size_t offset, uint64_t value) {
        memcpy(data + offset, &value, sizeof(value));
}

/* A copy that ends exactly where the data does, so that the address sanitizer sees who reads on. */
static inline void *exact_copy(const void *data, size_t n) {
        void *copy = malloc(n ? n : 1);

        assert(copy);
        memcpy(copy, data, n);
        return copy;
}

/* The same numbers in every run: xorshift, seeded by the test. */
static inline uint64_t random_next(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit) {
        return random_next(state) % limit;
}

/* Sequenced packets: like netlink they keep their boundaries, and no queue length but the buffer limits them. */
static inline void packet_pair(int fds[static 2]) {
        assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
}

static inline void packet_send(int fd, const void *data, size_t n) {
        assert(send(fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n);
}

/*
 * A directory of our own, for instance one that plays /proc.
 */
struct Tree {
        char path[64];
        int fd;
};

static inline Tree tree_new(void) {
        Tree tree = { .path = "/dev/shm/taskbroker-unit-XXXXXX" };

        /* Thousands of small files: in memory they take no time. */
        if (!mkdtemp(tree.path)) {
                strcpy(tree.path, "/tmp/taskbroker-unit-XXXXXX");
                assert(mkdtemp(tree.path));
        }
        tree.fd = open(tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(tree.fd >= 0);
        return tree;
}

/* Writes a file, and makes the directories above it. */
static inline void tree_write(const Tree *tree, const char *path, const void *data, size_t n) {
        char name[256];
        int fd;

        assert(strlen(path) < sizeof(name));
        for (size_t i = 0; path[i]; ++i) {
                name[i] = path[i];
                name[i + 1] = 0;
                if (path[i + 1] == '/')
                        assert(mkdirat(tree->fd, name, 0755) == 0 || errno == EEXIST);
        }
        fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert(fd >= 0);
        assert(write(fd, data, n) == (ssize_t)n);
        assert(close(fd) == 0);
}

static inline void tree_write_text(const Tree *tree, const char *path, const char *text) {
        tree_write(tree, path, text, strlen(text));
}

static inline int tree_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static inline void tree_free(Tree *tree) {
        assert(close(tree->fd) == 0);
        assert(nftw(tree->path, tree_remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}
