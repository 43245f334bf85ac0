/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shares: how much there is for clients to have, and how much of it is one user's or root's. */

#include "broker/daemon/options.h"
#include "broker/policy/quota.h"

QuotaLimits quota_limits_find(const Options *options);
