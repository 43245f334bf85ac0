/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The pool: its limit, the reuse of objects, objects of any size. */

#include "broker/base/pool.h"
#include "tests/unit/harness.h"

static void test_pool_limit_and_reuse(void) {
        enum { N = 5000 };
        static void *objects[N];
        Pool pool;

        pool_init(&pool, 40, N);
        for (size_t i = 0; i < N; ++i) {
                uint8_t *object = objects[i] = pool_alloc(&pool);

                assert(object);
                assert((uintptr_t)object % _Alignof(max_align_t) == 0);
                for (size_t k = 0; k < 40; ++k)
                        assert(object[k] == 0);
                memset(object, (int)i, 40);
                assert(pool.n_used == i + 1);
        }
        assert(!pool_alloc(&pool));
        assert(pool.n_made == N && pool.n_used == N);

        /* no two objects overlap: each still has its own bytes */
        for (size_t i = 0; i < N; ++i)
                for (size_t k = 0; k < 40; ++k)
                        assert(((uint8_t *)objects[i])[k] == (uint8_t)i);

        pool_free(&pool, NULL);
        assert(pool.n_used == N);
        pool_free(&pool, objects[17]);
        pool_free(&pool, objects[4711]);
        assert(pool.n_used == N - 2);
        /* the object that was freed last comes first, cleared */
        assert(pool_alloc(&pool) == objects[4711]);
        for (size_t k = 0; k < 40; ++k)
                assert(((uint8_t *)objects[4711])[k] == 0);
        assert(pool_alloc(&pool) == objects[17]);
        assert(!pool_alloc(&pool));
        assert(pool.n_made == N);
        pool_deinit(&pool);
}

static void test_pool_small_and_large(void) {
        Pool pool;
        void *one;

        /* an object smaller than the pointer of the free chain */
        pool_init(&pool, 1, 3);
        for (int i = 0; i < 3; ++i)
                assert(pool_alloc(&pool));
        assert(!pool_alloc(&pool));
        pool_deinit(&pool);

        /* two slabs, with the limit within the second one */
        pool_init(&pool, 30000, 3);
        for (int i = 0; i < 3; ++i) {
                one = pool_alloc(&pool);
                assert(one);
                memset(one, 0xff, 30000);
        }
        assert(!pool_alloc(&pool));
        pool_deinit(&pool);

        pool_init(&pool, 16, 0);
        assert(!pool_alloc(&pool));
        pool_deinit(&pool);
}

int main(void) {
        test_pool_limit_and_reuse();
        test_pool_small_and_large();
        return 0;
}
