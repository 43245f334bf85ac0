/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Share: what is said of a user that has its share of something, to its clients and in the log. */

#include "broker/policy/quota.h"

void quota_error_log(QuotaUser *user, QuotaKind kind);
const char *quota_error_message(QuotaKind kind);
