/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where a limit on the address space (RLIMIT_AS, RLIMIT_DATA) is near, a mapping as large
 * as the reserve fails: trying it takes a microsecond, and touches no page. A cgroup's
 * limit cannot be seen this way: there the quotas must be set to fit.
 */

#include <stdlib.h>
#include <sys/mman.h>

#include "broker/base/memory.h"

#define RESERVE_BYTES ((size_t)16 * 1024 * 1024)

/**
 * memory_is_scarce() - whether no more than the reserve is left
 */
bool memory_is_scarce(void) {
        void *reserve = mmap(NULL, RESERVE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (reserve == MAP_FAILED)
                return true;
        munmap(reserve, RESERVE_BYTES);
        return false;
}

/**
 * memory_alloc_optional() - realloc() that leaves the reserve alone
 * @former:  what shall grow or shrink, or NULL
 * @n:       bytes
 *
 * Return: The memory, of any content beyond what @former had; NULL: there is none, and
 *         @former is as it was.
 */
void *memory_alloc_optional(void *former, size_t n) {
        return memory_is_scarce() ? NULL : realloc(former, n);
}
