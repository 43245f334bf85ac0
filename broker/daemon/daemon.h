/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Daemon: owns every part of taskbrokerd and connects them; main() runs it. */

#include "broker/daemon/options.h"

enum {
        _DAEMON_E_SUCCESS,
        DAEMON_E_FAILED,        /* the reason was logged */
};

int daemon_run(const Options *options);
