/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* An arena: one limit for all pieces, and memory that is used again. */

#include <assert.h>
#include <string.h>

#include "clients/lib/arena.h"

static void test_arena(void) {
        Arena arena = ARENA_NULL;
        uint8_t *first, *piece;

        /* A new arena has no limit yet, and gives nothing. */
        assert(!arena_alloc(&arena, 1) && arena.exceeded);

        arena_reset(&arena, ARENA_BLOCK);
        first = arena_alloc(&arena, 100);
        assert(first);
        memset(first, 0xff, 100);
        piece = arena_alloc(&arena, 1);
        assert(piece && (uintptr_t)piece % 16 == 0 && piece >= first + 100);
        arena_reset(&arena, ARENA_BLOCK);
        assert(arena_alloc(&arena, 1) == first && first[0] == 0);

        /* Covers a piece that does not fit into the block, the exact limit, and the cost of empty pieces. */
        arena_reset(&arena, 3 * ARENA_BLOCK);
        assert(arena_alloc(&arena, 2 * ARENA_BLOCK));
        assert(!arena_alloc(&arena, ARENA_BLOCK + 1) && arena.exceeded && !arena.out_of_memory);
        assert(arena_alloc(&arena, ARENA_BLOCK) == first);
        assert(!arena_alloc(&arena, 1));
        assert(!arena_alloc(&arena, SIZE_MAX));
        arena_reset(&arena, 160);
        for (unsigned int i = 0; i < 10; ++i)
                assert(arena_alloc(&arena, 0));
        assert(!arena_alloc(&arena, 1));

        arena_deinit(&arena);
        arena_deinit(&arena);
}

int main(void) {
        test_arena();
        return 0;
}
