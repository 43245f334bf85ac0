/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Users Users;

#define USERS_CACHE 64
#define USERS_NAME_MAX 33

struct Users {
        bool numeric;                   /* no user is looked up */
        struct {
                bool known;
                uint32_t uid;
                char name[USERS_NAME_MAX];
        } cache[USERS_CACHE];
};

int users_compare(Users *users, uint32_t a, uint32_t b);
const char *users_name(Users *users, uint32_t uid);
