/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/pool.h"
#include "broker/base/util.h"

#define SLAB_BYTES (64u * 1024u)

void pool_init(Pool *pool, size_t n_object, size_t n_max) {
        n_object = MAX(n_object, sizeof(void *));
        n_object = (n_object + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        assert(n_object <= SLAB_BYTES / 2);
        *pool = (Pool){ .n_object = n_object, .n_max = n_max };
}

void pool_deinit(Pool *pool) {
        void *slab = pool->slabs, *next;

        for (; slab; slab = next) {
                next = *(void **)slab;
                free(slab);
        }
        *pool = (Pool){};
}

static void pool_grow(Pool *pool) {
        size_t n = (SLAB_BYTES - alignof(max_align_t)) / pool->n_object;
        char *slab;

        n = MIN(n, pool->n_max - pool->n_made);
        if (n == 0)
                return;
        slab = malloc(alignof(max_align_t) + n * pool->n_object);
        if (!slab)
                return;

        *(void **)slab = pool->slabs;
        pool->slabs = slab;
        pool->n_made += n;
        for (char *object = slab + alignof(max_align_t); n > 0; --n, object += pool->n_object) {
                *(void **)object = pool->free;
                pool->free = object;
        }
}

/**
 * pool_alloc_any() - take an object without clearing it
 * @pool:  the pool
 *
 * For a caller that writes each byte before it reads it.
 *
 * Return: An uninitialised object; NULL at the limit or out of memory.
 */
void *pool_alloc_any(Pool *pool) {
        void *object;

        if (!pool->free)
                pool_grow(pool);
        object = pool->free;
        if (!object)
                return NULL;

        pool->free = *(void **)object;
        ++pool->n_used;
        return object;
}

/**
 * pool_alloc() - take an object
 * @pool:  the pool
 *
 * Return: An object, all bytes zero; NULL at the limit or out of memory.
 */
void *pool_alloc(Pool *pool) {
        void *object = pool_alloc_any(pool);

        return object ? memset(object, 0, pool->n_object) : NULL;
}

/**
 * pool_free() - give an object back
 * @pool:    the pool that it was taken from
 * @object:  the object, or NULL
 */
void pool_free(Pool *pool, void *object) {
        if (!object)
                return;
        assert(pool->n_used > 0);
        --pool->n_used;
        *(void **)object = pool->free;
        pool->free = object;
}
