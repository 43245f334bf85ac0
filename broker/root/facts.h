/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Facts: what this kernel is and can, read once; delay accounting is looked after. */

#include <stdbool.h>

#include "broker/model/status.h"

void facts_read(KernelFacts *ret_facts, int procfs_fd, bool real);
void facts_update(KernelFacts *facts, int procfs_fd);
bool facts_release_is_at_least(const KernelFacts *facts, unsigned int major, unsigned int minor);
