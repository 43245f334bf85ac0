/* SPDX-License-Identifier: Apache-2.0 */

/* For builds without libsystemd: no messages are sent, and a socket that is handed in is an error. */

#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/daemon/service_manager.h"

int service_manager_take_listener(int *ret_fd) {
        if (getenv("LISTEN_FDS")) {
                log_error("A socket was handed in, but taskbrokerd was built without libsystemd: build it with "
                          "-Dsystemd=enabled, or start it without socket activation.");
                return SERVICE_MANAGER_E_REFUSED;
        }
        *ret_fd = -1;
        return 0;
}

void service_manager_ready(ServiceManager *service) {
        *service = (ServiceManager){};
}

void service_manager_alive(ServiceManager *service, uint64_t now_ns, const char *format, ...) {
        (void)service;
        (void)now_ns;
        (void)format;
}

void service_manager_stopping(ServiceManager *service) {
        (void)service;
}
