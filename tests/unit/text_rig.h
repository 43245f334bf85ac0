/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compares texts, and prints both where they differ.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>

static inline void check_text(const char *is, const char *should) {
        assert(is && should);
        if (strcmp(is, should) != 0)
                fprintf(stderr, "is \"%s\", should be \"%s\"\n", is, should);
        assert(strcmp(is, should) == 0);
}
