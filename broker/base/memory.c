/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Near a limit of the address space (RLIMIT_AS, RLIMIT_DATA), a mapping as large as the
 * reserve fails. Trying such a mapping takes a microsecond and touches no page. The
 * memory limit of a cgroup does not show this way: --clients-mib must be set below it.
 */

#include <stdlib.h>
#include <sys/mman.h>

#include "broker/base/memory.h"

#define RESERVE_BYTES ((size_t)16 * 1024 * 1024)

/**
 * memory_is_scarce() - check whether less than the reserve is left
 *
 * Return: true if it is.
 */
bool memory_is_scarce(void) {
        void *reserve =
                mmap(NULL, RESERVE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (reserve == MAP_FAILED)
                return true;
        munmap(reserve, RESERVE_BYTES);
        return false;
}

/**
 * memory_alloc_optional() - realloc() that never takes from the reserve
 * @former:  memory to grow or shrink, or NULL
 * @n:       bytes
 *
 * Return: The memory, uninitialised beyond the content of @former; NULL if there is not
 *         enough, and @former is unchanged.
 */
void *memory_alloc_optional(void *former, size_t n) {
        return memory_is_scarce() ? NULL : realloc(former, n);
}
