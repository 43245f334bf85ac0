/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;
typedef struct ArenaChunk ArenaChunk;

/* The part of an arena that stays from one message to the next. A full exit event needs a tenth of it. */
#define ARENA_BLOCK (64u * 1024u)

struct Arena {
        uint8_t *block;
        size_t n_used;          /* bytes used of block */
        ArenaChunk *chunks;     /* pieces that did not fit the block, until the next reset */
        size_t n_total;
        size_t limit;
        bool exceeded;          /* since the last reset the limit was met */
        bool out_of_memory;     /* malloc() failed */
};

#define ARENA_NULL { 0 }

void arena_deinit(Arena *arena);
void arena_reset(Arena *arena, size_t limit);
void *arena_alloc(Arena *arena, size_t n);
