/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/iotop-options.h"
#include "clients/live-link.h"

/* Where the kernel tells what disks do. */
#define IOTOP_DISKS "/sys/block"

void iotop_settings(const IotopOptions *options, LiveSettings *ret_settings);
int iotop_screen(IotopOptions *options);
