/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names of users.
 *
 * getpwuid() may ask a directory server. So each user is looked up once, and the result
 * is kept, also if there is no name. A zeroed struct is an empty cache with names.
 */

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/users.h"

/**
 * users_name() - look up the name of a user
 * @users:      the cache
 * @uid:        the user
 *
 * Return: The name, escaped for a terminal, or the number if there is no name, or if only
 *         numbers are wanted; valid until the next call.
 */
const char *users_name(Users *users, uint32_t uid) {
        const struct passwd *user;
        size_t slot = uid % USERS_CACHE;
        char *name = users->cache[slot].name;

        if (users->cache[slot].known && users->cache[slot].uid == uid)
                return name;

        users->cache[slot].known = true;
        users->cache[slot].uid = uid;
        user = users->numeric ? NULL : getpwuid((uid_t)uid);
        if (user)
                text_escape(name, USERS_NAME_MAX, user->pw_name, TEXT_FOR_TERMINAL);
        else
                snprintf(name, USERS_NAME_MAX, "%" PRIu32, uid);

        return name;
}

/* The order of two users: of their names, or of their numbers if only numbers are wanted. */
int users_compare(Users *users, uint32_t a, uint32_t b) {
        char name[USERS_NAME_MAX];

        if (users->numeric)
                return (a > b) - (a < b);

        snprintf(name, sizeof(name), "%s", users_name(users, a));
        return strcmp(name, users_name(users, b));
}
