/* SPDX-License-Identifier: Apache-2.0 */

/* taskbrokerd, which taskbrokerd(8) describes: reads the command line, then runs the daemon or --check. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/daemon/check.h"
#include "broker/daemon/daemon.h"
#include "broker/daemon/inherited.h"
#include "broker/daemon/options.h"

/*
 * If the parent closed standard error, the next socket would take its number, and log lines
 * would go to the kernel or to a client. So each standard descriptor that is closed
 * becomes /dev/null. Standard output becomes one that cannot be written to: a report that
 * was asked for and goes nowhere is an error.
 */
static bool hold_standard_descriptors(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
                if (fcntl(fd, F_GETFD) < 0 &&
                    open("/dev/null", (fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) | O_CLOEXEC) != fd)
                        return false;

        return true;
}

/* Writes what stdio still has: help, version and the findings of --check. The daemon itself writes nothing there. */
static int finish(int status) {
        int r = fflush(stdout) == 0 ? 0 : -errno;

        if (r == 0 && ferror(stdout))
                r = -EIO;
        if (r == 0)
                return status;

        fprintf(stderr, "taskbrokerd: Cannot write to standard output: %s.\n", strerror(-r));
        return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

int main(int argc, char **argv) {
        Options options;
        int r;

        if (!hold_standard_descriptors())
                return EXIT_FAILURE;

        r = options_parse(&options, argc, argv);
        if (r)
                return r == OPTIONS_E_DONE ? finish(EXIT_SUCCESS) : 2;

        inherited_close(&options);
        log_init(options.log_level);
        r = options.check ? check_run(&options) : daemon_run(&options);
        return finish(r ? EXIT_FAILURE : EXIT_SUCCESS);
}
