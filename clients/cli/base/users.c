/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names of users.
 *
 * getpwuid() may ask a directory server: each user is asked for once, and the
 * answer kept, also that there is none. A zeroed struct is an empty cache.
 */

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/users.h"

/**
 * users_name() - a user's name
 * @users:      the cache
 * @uid:        the user
 *
 * Return: The name, harmless on a terminal, or the number where there is none;
 *         valid until the next call.
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
