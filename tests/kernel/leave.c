/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leave CODE [GATE BUSY]: ends with the code that it is given; with two descriptors,
 * first closes BUSY, and then stays until GATE ends. storm and crowd exec it, so it
 * is static and does nothing else.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
        char c;

        if (argc > 3) {
                close(atoi(argv[3]));
                while (read(atoi(argv[2]), &c, 1) < 0 && errno == EINTR)
                        ;
        }
        return argc > 1 ? atoi(argv[1]) : 0;
}
