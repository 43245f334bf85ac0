/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/iotop/iotop_options.h"

/* Prints samples as lines until the options say to end. Returns the exit status. */
int iotop_batch(const IotopOptions *options);
