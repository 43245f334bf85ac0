/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The width of a terminal, and whether it shows UTF-8.
 */

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "clients/cli/base/terminal.h"

static void test_terminal(void) {
        int fds[2];

        assert(pipe(fds) == 0);
        assert(terminal_width(fds[1]) == 0);

        assert(setenv("LC_ALL", "C.UTF-8", 1) == 0 && terminal_utf8());
        assert(setenv("LC_ALL", "C", 1) == 0 && !terminal_utf8());
        assert(setenv("LC_ALL", "no_SUCH", 1) == 0 && !terminal_utf8());
}

int main(void) {
        test_terminal();
        return 0;
}
