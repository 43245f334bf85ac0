/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LateExits: numbers of tasks whose exit was synthesised while the connector's EXIT may
 * still come. The join adds a number when it synthesises an exit, and takes it when the
 * late EXIT comes, which it drops. Bounded: beyond it the oldest number is forgotten.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct LateExits LateExits;

#define LATE_EXITS_MAX 64u

struct LateExits {
        uint32_t tids[LATE_EXITS_MAX];  /* 0: free */
        uint32_t i_next;                /* the place of the next number */
        uint32_t n;                     /* places in use */
};

void late_exits_add(LateExits *late_exits, uint32_t tid);
bool late_exits_take(LateExits *late_exits, uint32_t tid);
