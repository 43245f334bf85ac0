/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The texts about a user that has used up a part of its quota: the message to its client,
 * and the line of the log. The server calls this where it refuses.
 */

#include "broker/policy/quota.h"

typedef struct QuotaErrorText QuotaErrorText;

struct QuotaErrorText {
        char text[256];
};

void quota_error_log(QuotaUser *user, QuotaKind kind);
QuotaErrorText quota_error_print(const QuotaUser *user, QuotaKind kind);
QuotaErrorText quota_error_print_evicted(const QuotaUser *user);
QuotaErrorText quota_error_print_total(const Quota *quota, QuotaKind kind);
