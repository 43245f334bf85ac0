/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Late exits: each expected EXIT is taken once, and beyond the limit the oldest number is forgotten. */

#include "broker/tasks/late_exits.h"
#include "tests/unit/harness.h"

static void test_taken_once(void) {
        LateExits late_exits = {};

        assert(!late_exits_take(&late_exits, 5));
        late_exits_add(&late_exits, 5);
        late_exits_add(&late_exits, 6);
        assert(late_exits.n == 2);
        assert(!late_exits_take(&late_exits, 7));
        assert(late_exits_take(&late_exits, 5));
        assert(!late_exits_take(&late_exits, 5));
        assert(late_exits_take(&late_exits, 6));
        assert(late_exits.n == 0);
}

/* Two tasks had the number, and the EXITs of both are late. */
static void test_same_number(void) {
        LateExits late_exits = {};

        late_exits_add(&late_exits, 5);
        late_exits_add(&late_exits, 5);
        assert(late_exits_take(&late_exits, 5));
        assert(late_exits_take(&late_exits, 5));
        assert(!late_exits_take(&late_exits, 5));
}

static void test_limit(void) {
        LateExits late_exits = {};

        for (uint32_t tid = 1; tid <= LATE_EXITS_MAX; ++tid)
                late_exits_add(&late_exits, tid);
        assert(late_exits.n == LATE_EXITS_MAX);

        /* a full ring forgets the oldest number */
        late_exits_add(&late_exits, 1001);
        assert(late_exits.n == LATE_EXITS_MAX);
        assert(!late_exits_take(&late_exits, 1));
        assert(late_exits_take(&late_exits, 2));
        assert(late_exits.n == LATE_EXITS_MAX - 1);

        /* the next place is the one that was freed, so that no number is forgotten */
        late_exits_add(&late_exits, 1002);
        assert(late_exits.n == LATE_EXITS_MAX);
        for (uint32_t tid = 3; tid <= LATE_EXITS_MAX; ++tid)
                assert(late_exits_take(&late_exits, tid));
        assert(late_exits_take(&late_exits, 1001) && late_exits_take(&late_exits, 1002));
        assert(late_exits.n == 0);
}

int main(void) {
        test_taken_once();
        test_same_number();
        test_limit();
        return 0;
}
