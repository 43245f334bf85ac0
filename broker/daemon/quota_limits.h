/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The quota's limits on this machine: how much all clients may take, how much the clients of
 * one user, and how much is reserved for root.
 */

#include "broker/daemon/options.h"
#include "broker/policy/quota.h"

QuotaLimits quota_limits_find(const Options *options);
