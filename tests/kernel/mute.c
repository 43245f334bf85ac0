/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Silences the proc connector, without any privilege: mute N [MS]. silence.h has the
 * means. With MS, everything is put back after so many milliseconds, by LISTEN instead of
 * IGNORE.
 *
 * Drops to uid and gid 65534 first, so that it proves what it claims. Ends with
 * 0 when the kernel took all messages.
 */

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "silence.h"

#define NOBODY 65534

int main(int argc, char **argv) {
        int fd, n = argc > 1 ? atoi(argv[1]) : 1;

        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0) {
                perror("mute: cannot become nobody");
                return 1;
        }
        fd = silence_open();
        if (fd < 0) {
                perror("mute: socket");
                return 1;
        }
        if (silence_turn(fd, n, true) < 0) {
                perror("mute: send");
                return 1;
        }
        if (argc > 2) {
                usleep((unsigned)atoi(argv[2]) * 1000);
                if (silence_turn(fd, n, false) < 0) {
                        perror("mute: send");
                        return 1;
                }
        }
        close(fd);
        return 0;
}
