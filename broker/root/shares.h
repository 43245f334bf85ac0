/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shares: how much there is for clients to have, and how much of it is one user's or root's. */

#include "broker/root/options.h"
#include "broker/rules/quota.h"

QuotaLimits shares_find(const Options *options);
