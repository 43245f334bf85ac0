/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Optional memory is refused before the address space is used up; other memory is not. */

#include <stdbool.h>
#include <sys/resource.h>

#include "broker/base/memory.h"
#include "tests/unit/harness.h"

/* Sanitizers reserve address space without limit. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Bytes of the address space of this process. */
static size_t address_space(void) {
        unsigned long n_pages;
        FILE *file = fopen("/proc/self/statm", "re");

        assert(file && fscanf(file, "%lu", &n_pages) == 1);
        fclose(file);
        return n_pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_plenty(void) {
        char *memory;

        assert(!memory_is_scarce());
        memory = memory_alloc_optional(NULL, 100);
        assert(memory);
        memset(memory, 'x', 100);
        memory = memory_alloc_optional(memory, 100000);
        assert(memory && memory[0] == 'x' && memory[99] == 'x');
        free(memory);
}

static void test_scarce(void) {
        struct rlimit limit;
        char *memory = memory_alloc_optional(NULL, 100), *other;

        assert(memory && getrlimit(RLIMIT_AS, &limit) == 0);
        memset(memory, 'x', 100);
        limit.rlim_cur = address_space() + ((size_t)4 << 20);
        assert(setrlimit(RLIMIT_AS, &limit) == 0);
        assert(memory_is_scarce());
        assert(!memory_alloc_optional(memory, 200));
        assert(memory[0] == 'x' && memory[99] == 'x');
        other = malloc(100);
        assert(other);
        free(other);
        free(memory);
}

int main(void) {
        test_plenty();
        if (!SANITIZED)
                test_scarce();
        return 0;
}
