/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Fills KernelFeatures: this kernel's release and abilities, which the status and the self-test report. */

#include <stdbool.h>

#include "broker/model/status.h"

void kernel_features_read(KernelFeatures *ret_features, int procfs_fd, bool real);
void kernel_features_update(KernelFeatures *features, int procfs_fd);
bool kernel_features_release_is_at_least(const KernelFeatures *features, unsigned int major, unsigned int minor);
