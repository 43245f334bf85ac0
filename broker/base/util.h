/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Small macros and cleanup functions that every layer uses. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * For a large local variable: the compiler does not fill it with zeros, as it does with
 * all others (-ftrivial-auto-var-init). Filling 4 KiB made an event cost a tenth more.
 * The code must write each byte before it reads it. Several pages do not belong on the
 * stack of code that runs for each event: -fstack-clash-protection touches each page.
 */
#if __has_attribute(uninitialized)
#define UNINITIALISED __attribute__((uninitialized))
#else
#define UNINITIALISED
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The object that embeds @member, which is at @pointer: a watcher's callback finds its owner this way. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

#define MIN(a, b)                                                             \
        ({                                                                    \
                __typeof__(a) _a = (a);                                       \
                __typeof__(b) _b = (b);                                       \
                _a < _b ? _a : _b;                                            \
        })

#define MAX(a, b)                                                             \
        ({                                                                    \
                __typeof__(a) _a = (a);                                       \
                __typeof__(b) _b = (b);                                       \
                _a > _b ? _a : _b;                                            \
        })

#define _cleanup_(function) __attribute__((__cleanup__(function)))

static inline void fd_closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

static inline void freep(void *pointer) {
        free(*(void **)pointer);
}

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull
