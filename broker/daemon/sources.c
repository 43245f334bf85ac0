/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel's sources are opened by the self-test, which checks that they work. A test that
 * takes the kernel's place hands in two sockets; these cannot be checked, because no
 * kernel reports a child on them.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/daemon/kernel_features.h"
#include "broker/daemon/sources.h"

static int cpumask_read(char *buffer, size_t n_buffer) {
        _cleanup_(fd_closep) int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
        ssize_t n;

        /* All possible CPUs, so that hotplugged ones are covered. The kernel refuses a mask with any other CPU. */
        n = fd < 0 ? -1 : read(fd, buffer, n_buffer - 1);
        if (n <= 0)
                return error_origin(n < 0 ? -errno : -ENODATA);
        buffer[n] = 0;
        buffer[strcspn(buffer, "\n")] = 0;
        return 0;
}

/**
 * sources_open() - open both sources
 * @connector:  output
 * @exits:      output
 * @features:   gets the version of taskstats
 * @options:    the command line
 * @printing:   findings go to stdout instead of the log
 *
 * Return: 0; SOURCES_E_FAILED; a negative errno. On failure too, both may be
 *         deinitialised.
 */
int sources_open(Connector *connector, ExitListener *exits, KernelFeatures *features, const Options *options,
                 bool printing) {
        char cpumask[256];
        ConnectorOptions connector_options = {
                .fd = options->connector_fd,
                .rcvbuf_bytes = options->rcvbuf_bytes,
                .keepalive = options->connector_fd >= 0 || kernel_features_release_is_at_least(features, 6, 6),
        };
        ExitListenerOptions exits_options = {
                .fd = options->taskstats_fd,
                .rcvbuf_bytes = options->rcvbuf_bytes,
                .cpumask = cpumask,
        };
        int r;

        if (options->connector_fd >= 0) {
                r = exit_listener_init(exits, &exits_options);
                if (!r)
                        r = connector_init(connector, &connector_options);
                return error_fold(r);
        }

        r = cpumask_read(cpumask, sizeof(cpumask));
        if (r)
                return error_trace(r);
        r = self_test_open(connector, exits, features, &connector_options, &exits_options, printing);
        return r > 0 ? SOURCES_E_FAILED : error_trace(r);
}
