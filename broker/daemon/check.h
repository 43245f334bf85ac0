/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Check: prints for a person what the kernel offers and what is missing; main() runs it in place of the daemon. */

#include "broker/daemon/options.h"

enum {
        _CHECK_E_SUCCESS,
        CHECK_E_FAILED,         /* the reason was printed */
};

int check_run(const Options *options);
