/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory for one decoded message: taken piece by piece, given back at once.
 *
 * protobuf-c allocates for every message, string and unknown field, and bytes
 * from outside can make it allocate fifty times their own size. An arena puts a
 * limit on that, and saves a malloc and a free per field in the ordinary case:
 * its first block is kept for the client's life, and no true event outgrows it.
 *
 * Called by the decoder only. It never gives back a single piece, and never
 * moves one.
 */

#include <stdlib.h>
#include <string.h>

#include "clients/lib/arena.h"

#define ARENA_ALIGN 16u

struct ArenaChunk {
        ArenaChunk *next;
        _Alignas(ARENA_ALIGN) uint8_t data[];
};

static void arena_free_chunks(Arena *arena) {
        while (arena->chunks) {
                ArenaChunk *chunk = arena->chunks;

                arena->chunks = chunk->next;
                free(chunk);
        }
}

void arena_deinit(Arena *arena) {
        arena_free_chunks(arena);
        free(arena->block);
        *arena = (Arena)ARENA_NULL;
}

/**
 * arena_reset() - give everything back and begin anew
 * @arena:      the arena
 * @limit:      how many bytes the next message may take
 */
void arena_reset(Arena *arena, size_t limit) {
        arena_free_chunks(arena);
        arena->n_used = 0;
        arena->n_total = 0;
        arena->limit = limit;
        arena->exceeded = false;
        arena->out_of_memory = false;
}

/**
 * arena_alloc() - take a piece
 * @arena:      the arena
 * @n:          its size
 *
 * The piece is zeroed. protobuf-c does not need that while all goes well, but
 * where it gives up in the middle of a repeated field it walks pointers that it
 * has not written yet (versions before 1.5.1).
 *
 * Return: The piece; NULL, with arena->exceeded or arena->out_of_memory set.
 */
void *arena_alloc(Arena *arena, size_t n) {
        ArenaChunk *chunk;
        void *piece;

        if (n > arena->limit - arena->n_total) {
                arena->exceeded = true;
                return NULL;
        }

        /* The padding counts too, else a million pieces of no size would be free of charge. */
        n = n ? (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
        arena->n_total = n > arena->limit - arena->n_total ? arena->limit : arena->n_total + n;

        if (!arena->block) {
                arena->block = malloc(ARENA_BLOCK);
                if (!arena->block) {
                        arena->out_of_memory = true;
                        return NULL;
                }
        }

        if (n <= ARENA_BLOCK - arena->n_used) {
                piece = arena->block + arena->n_used;
                arena->n_used += n;
                return memset(piece, 0, n);
        }

        chunk = calloc(1, sizeof(*chunk) + n);
        if (!chunk) {
                arena->out_of_memory = true;
                return NULL;
        }
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        return chunk->data;
}
