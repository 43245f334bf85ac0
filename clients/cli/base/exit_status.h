/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Exit statuses of the taskbroker command, as its manual page lists them. */
enum {
        EXIT_STATUS_OK = 0,
        EXIT_STATUS_ERROR = 1,
        EXIT_STATUS_USAGE = 2,
        EXIT_STATUS_LOSS = 3,
};
