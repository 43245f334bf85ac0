/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The names of users, and the cache that keeps them.
 */

#include <assert.h>

#include "clients/cli/base/users.h"
#include "tests/unit/text_rig.h"

static void test_users(void) {
        static Users users;

        check_text(users_name(&users, 0), "root");
        check_text(users_name(&users, 4294960000u), "4294960000");
        /* Two users that share a slot of the cache replace each other. */
        check_text(users_name(&users, 4294960000u + USERS_CACHE), "4294960064");
        check_text(users_name(&users, 4294960000u), "4294960000");
        check_text(users_name(&users, 0), "root");
}

static void test_numeric(void) {
        static Users users, numeric = { .numeric = true };

        check_text(users_name(&numeric, 0), "0");
        check_text(users_name(&numeric, UINT32_MAX), "4294967295");
        assert(users_compare(&numeric, 9, 10) < 0 && users_compare(&numeric, 10, 9) > 0);
        assert(users_compare(&numeric, 10, 10) == 0);
        /* Names are compared as texts. */
        assert(users_compare(&users, 4294960000u, 0) < 0 && users_compare(&users, 0, 4294960000u) > 0);
        assert(users_compare(&users, 0, 0) == 0);
}

int main(void) {
        test_users();
        test_numeric();
        return 0;
}
