/* SPDX-License-Identifier: Apache-2.0 */

/* Built without libsystemd. */

#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/root/service.h"

int service_take_listener(int *ret_fd) {
        if (getenv("LISTEN_FDS")) {
                log_error("A socket was handed in, but taskbrokerd was built without libsystemd: build it with "
                          "-Dsystemd=enabled, or start it without socket activation.");
                return SERVICE_E_REFUSED;
        }
        *ret_fd = -1;
        return 0;
}

void service_ready(Service *service) {
        *service = (Service){};
}

void service_alive(Service *service, uint64_t now_ns, const char *format, ...) {
        (void)service;
        (void)now_ns;
        (void)format;
}

void service_stopping(Service *service) {
        (void)service;
}
