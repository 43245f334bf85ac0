/* SPDX-License-Identifier: Apache-2.0 */

/* Ends with the code that it is given. storm execs it, so it is static and does nothing else. */

#include <stdlib.h>

int main(int argc, char **argv) {
        return argc > 1 ? atoi(argv[1]) : 0;
}
