/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owner: whose a task is, as far as access to what it did goes. Made of what the
 * table knows of it; read by the policy.
 */

#include <stdint.h>

typedef struct Owner Owner;

typedef enum OwnerClaim {
        OWNER_NONE,             /* nobody's but the administrator's: its ids differ, were changed, or it has privileges */
        OWNER_CURRENT,              /* the user's, but not all that it has used was used as his */
        OWNER_SINCE_BIRTH,             /* the user's, from its birth on */
} OwnerClaim;

struct Owner {
        uint32_t uid, gid;
        OwnerClaim claim;
};
