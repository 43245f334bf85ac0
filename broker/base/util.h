/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Small macros that every layer uses. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * For what is so large that filling it with zeros, as the compiler does with all
 * others (-ftrivial-auto-var-init), would be felt: 4 KiB for an event made that a
 * tenth dearer. Only what was written to it is ever read. It does not help against
 * -fstack-clash-protection, which touches each page of a frame: what would fill
 * several does not belong on the stack of what is done for each event.
 */
#if __has_attribute(uninitialized)
#define UNINITIALISED __attribute__((uninitialized))
#else
#define UNINITIALISED
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The object that @member, found at @pointer, is embedded in: how a watcher's callback finds its owner. */
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
