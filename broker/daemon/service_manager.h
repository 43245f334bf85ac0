/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ServiceManager: takes the listening socket that a service manager hands in, and sends it
 * readiness, watchdog messages and status texts. If no service manager started the
 * daemon, or in a build without libsystemd (service_manager_fallback.c), it does nothing.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct ServiceManager ServiceManager;

enum {
        _SERVICE_MANAGER_E_SUCCESS,
        SERVICE_MANAGER_E_REFUSED,      /* the reason was logged */
};

struct ServiceManager {
        bool is_present;        /* a service manager wants messages */
        bool is_ready;          /* it was sent that the daemon is ready */
        uint64_t interval_ns;   /* between two watchdog messages */
        uint64_t last_ns;       /* monotonic: the last message */
};

int service_manager_take_listener(int *ret_fd);
void service_manager_ready(ServiceManager *service);
void service_manager_alive(ServiceManager *service, uint64_t now_ns, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));
void service_manager_stopping(ServiceManager *service);
