/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Check: what the kernel offers and what it lacks, for a person to read. */

#include "broker/daemon/options.h"

enum {
        _CHECK_E_SUCCESS,
        CHECK_E_FAILED,         /* said why */
};

int check_run(const Options *options);
