/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/iotop/iotop_options.h"

/* Draws samples on the terminal until a key says to end. Returns the exit status. */
int iotop_screen(IotopOptions *options);
