/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/iotop/iotop_options.h"
#include "clients/cli/model/live_link.h"

/* Where the kernel tells what disks do. */
#define IOTOP_DISKS "/sys/block"

void iotop_settings(const IotopOptions *options, LiveSettings *ret_settings);
int iotop_screen(IotopOptions *options);
