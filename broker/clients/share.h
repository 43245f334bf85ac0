/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Share: what is said of a user that has its share of something, to its clients and in the log. */

#include "broker/rules/quota.h"

void share_note_refusal(QuotaUser *user, QuotaKind kind);
const char *share_message(QuotaKind kind);
