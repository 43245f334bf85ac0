/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pool: objects of one size, cut from slabs, so that the code that runs for each event
 * does not call the allocator. A pool grows by one slab at a time up to its limit. It
 * returns no memory before it is deinitialised.
 */

#include <stddef.h>

typedef struct Pool Pool;

struct Pool {
        size_t n_object;        /* bytes of an object */
        size_t n_max;           /* limit of objects */
        size_t n_made;          /* objects in all slabs */
        size_t n_used;          /* objects in use */
        void *free;             /* chain of free objects */
        void *slabs;            /* chain of slabs */
};

void pool_init(Pool *pool, size_t n_object, size_t n_max);
void pool_deinit(Pool *pool);

void *pool_alloc(Pool *pool);
void *pool_alloc_any(Pool *pool);
void pool_free(Pool *pool, void *object);
