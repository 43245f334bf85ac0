/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ServiceManager: what a service manager hands to the broker, and what it is told. Without
 * one, or built without libsystemd (service-fallback.c), nothing is handed in and
 * nothing is told.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct ServiceManager ServiceManager;

enum {
        _SERVICE_MANAGER_E_SUCCESS,
        SERVICE_MANAGER_E_REFUSED,      /* said why */
};

struct ServiceManager {
        bool told;              /* somebody wants to know */
        uint64_t interval_ns;   /* of signs of life */
        uint64_t last_ns;       /* monotonic */
};

int service_manager_take_listener(int *ret_fd);
void service_manager_ready(ServiceManager *service);
void service_manager_alive(ServiceManager *service, uint64_t now_ns, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));
void service_manager_stopping(ServiceManager *service);
