/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names of users.
 *
 * getpwuid() may ask a directory server. So each user is looked up once, and the result
 * is kept, also if there is no name. A zeroed struct is an empty cache.
 */

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/users.h"

/**
 * users_name() - look up the name of a user
 * @users:      the cache
 * @uid:        the user
 *
 * Return: The name, escaped for a terminal, or the number if there is no name; valid
 *         until the next call.
 */
const char *users_name(Users *users, uint32_t uid) {
        const struct passwd *user;
        size_t slot = uid % USERS_CACHE;
        char *name = users->cache[slot].name;

        if (users->cache[slot].known && users->cache[slot].uid == uid)
                return name;

        users->cache[slot].known = true;
        users->cache[slot].uid = uid;
        user = getpwuid((uid_t)uid);
        if (user)
                text_escape(name, USERS_NAME_MAX, user->pw_name, TEXT_FOR_TERMINAL);
        else
                snprintf(name, USERS_NAME_MAX, "%" PRIu32, uid);

        return name;
}
