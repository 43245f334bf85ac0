/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * QuotaShare: the parts of a total, made anew for a smaller total. However small that is, a part of it is for root,
 * and a part for users who have nothing yet.
 */

#include <stdint.h>

#include "broker/policy/quota.h"

QuotaShare quota_share_scale(const QuotaShare *share, uint64_t total);
uint64_t quota_share_of_descriptors(uint64_t n_descriptors);
