/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The filter of system calls: once it is set, the kernel refuses each call that the loop does
 * not need. The daemon sets it once, when everything is open and no client was read from.
 * A build without libseccomp takes seccomp_fallback.c.
 */

#include <stdbool.h>

enum {
        _SECCOMP_E_SUCCESS,
        SECCOMP_E_ABSENT,       /* built without libseccomp */
        SECCOMP_E_THREADS,      /* other threads cannot be confined: the service manager forbids seccomp(2) */
};

int seccomp_confine(bool removes_files, bool threads);
