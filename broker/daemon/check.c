/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbrokerd --check: opens the sources as the daemon does, with the self-test, and
 * prints each finding on stdout. It serves no client and leaves nothing behind.
 */

#include <fcntl.h>
#include <stdio.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/daemon/check.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/sources.h"

/**
 * check_run() - print what the kernel offers and what is missing
 * @options:  the command line
 *
 * Return: 0; CHECK_E_FAILED; a negative errno.
 */
int check_run(const Options *options) {
        _cleanup_(fd_closep) int procfs_fd = open(options->procfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Connector connector = CONNECTOR_NULL;
        ExitListener exits = EXIT_LISTENER_NULL;
        KernelFeatures features;
        int r;

        if (procfs_fd < 0) {
                self_test_report(true, false, "/proc cannot be read. Mount it: mount -t proc proc /proc.");
                return CHECK_E_FAILED;
        }
        kernel_features_read(&features, procfs_fd, true);
        r = sources_open(&connector, &exits, &features, options, true);
        if (!r) {
                self_test_report_features(&connector, &exits, &features, true);
                puts("taskbrokerd can run on this machine.");
        } else if (r > 0) {
                puts("taskbrokerd cannot run here until the missing parts are there.");
        }
        connector_deinit(&connector);
        exit_listener_deinit(&exits);
        return r > 0 ? CHECK_E_FAILED : error_trace(r);
}
