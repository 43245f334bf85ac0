/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects of one size, carved from slabs: what the hot path takes and gives back
 * without asking the allocator. A pool grows by a slab at a time up to its
 * limit, and keeps what it has until it is deinitialised.
 */

#include <stddef.h>

typedef struct Pool Pool;

struct Pool {
        size_t n_object;        /* bytes an object */
        size_t n_max;           /* objects at most */
        size_t n_made;          /* objects in all slabs */
        size_t n_used;          /* of those, given out */
        void *free;             /* chain of free objects */
        void *slabs;            /* chain of slabs */
};

void pool_init(Pool *pool, size_t n_object, size_t n_max);
void pool_deinit(Pool *pool);

void *pool_alloc(Pool *pool);
void *pool_alloc_any(Pool *pool);
void pool_free(Pool *pool, void *object);
