/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/policy/credentials.h"

/**
 * credentials_has_group() - whether a client is in a group
 * @credentials:  the client
 * @gid:        the group
 */
bool credentials_has_group(const Credentials *credentials, uint32_t gid) {
        if (credentials->gid == gid)
                return true;
        for (size_t i = 0; i < credentials->n_groups; ++i)
                if (credentials->groups[i] == gid)
                        return true;
        return false;
}
