/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Texts cut to the columns of a terminal.
 */

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "clients/cli/base/terminal.h"

static void test_terminal(void) {
        size_t columns = 3;
        int fds[2];

        assert(terminal_fit("\xc3\xa9t\xc3\xa9s", &columns) == 5 && columns == 0);
        columns = 9;
        assert(terminal_fit("\xc3\xa9t\xc3\xa9s", &columns) == 6 && columns == 5);
        columns = 0;
        assert(terminal_fit("abc", &columns) == 0);
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
