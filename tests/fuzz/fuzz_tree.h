/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A directory for a target's whole life: to make one for each input would take
 * longer than what is tested.
 *
 * Include it behind #undef NDEBUG.
 */

#include "tests/unit/harness.h"

static Tree fuzz_tree_kept;

static inline void fuzz_tree_remove(void) {
        tree_free(&fuzz_tree_kept);
}

static inline const Tree *fuzz_tree(void) {
        if (!*fuzz_tree_kept.path) {
                fuzz_tree_kept = tree_new();
                assert(atexit(fuzz_tree_remove) == 0);
        }
        return &fuzz_tree_kept;
}
