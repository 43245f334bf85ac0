/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Users Users;
typedef struct UsersEntry UsersEntry;
typedef struct UsersHelper UsersHelper;

/* Room for a name, escaped; a longer name is cut. */
#define USERS_NAME_MAX 264
#define USERS_NAME_COLUMNS 64

/* The names that were looked up. Zeroed, it is empty. */
struct Users {
        bool numeric;                   /* set by the owner: no user is looked up */
        bool background;                /* set by the owner: look-ups do not stall it */
        UsersEntry **buckets;
        size_t n_buckets;
        size_t n_entries;
        UsersHelper *helper;            /* NULL: there is none yet */
        uint64_t wait_began_ns;         /* the present second of waiting */
        uint64_t waited_ns;             /* the time waited in it */
};

int users_compare(Users *users, uint32_t a, uint32_t b);
const char *users_name(Users *users, uint32_t uid);
