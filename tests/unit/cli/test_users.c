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

int main(void) {
        test_users();
        return 0;
}
