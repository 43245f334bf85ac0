/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The filter of system calls: from here on the kernel refuses what the loop does
 * not need. Called once, when all is open and nobody has been heard yet.
 */

#include <stdbool.h>

enum {
        _SECCOMP_E_SUCCESS,
        SECCOMP_E_ABSENT,       /* built without it */
};

int seccomp_confine(bool removes_files);
