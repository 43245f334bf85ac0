/* SPDX-License-Identifier: Apache-2.0 */

#include <stddef.h>

#include "broker/tasks/late_exits.h"

/**
 * late_exits_add() - expect a late EXIT
 * @late_exits:  the numbers
 * @tid:         the task
 */
void late_exits_add(LateExits *late_exits, uint32_t tid) {
        uint32_t *place = &late_exits->tids[late_exits->i_next++ % LATE_EXITS_MAX];

        late_exits->n += *place == 0;
        *place = tid;
}

/**
 * late_exits_take() - look for an expected EXIT, and forget it
 * @late_exits:  the numbers
 * @tid:         the task
 *
 * Return: Whether one was expected.
 */
bool late_exits_take(LateExits *late_exits, uint32_t tid) {
        /* Called at each fork, when there is nearly always none. */
        if (late_exits->n == 0)
                return false;
        for (size_t i = 0; i < LATE_EXITS_MAX; ++i) {
                if (late_exits->tids[i] == tid) {
                        late_exits->tids[i] = 0;
                        --late_exits->n;
                        return true;
                }
        }
        return false;
}
