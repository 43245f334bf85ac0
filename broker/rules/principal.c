/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/rules/principal.h"

/**
 * principal_has_group() - whether a client is in a group
 * @principal:  the client
 * @gid:        the group
 */
bool principal_has_group(const Principal *principal, uint32_t gid) {
        if (principal->gid == gid)
                return true;
        for (size_t i = 0; i < principal->n_groups; ++i)
                if (principal->groups[i] == gid)
                        return true;
        return false;
}
