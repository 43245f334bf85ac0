/* SPDX-License-Identifier: Apache-2.0 */

#include <time.h>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/server/quota_error.h"

/* The texts about a used-up part of the quota, for the log and for the client. */
typedef struct QuotaErrorText {
        const char *name;
        const char *message;
} QuotaErrorText;

static const QuotaErrorText quota_texts[_QUOTA_KINDS] = {
        [QUOTA_CONNECTIONS] =
                {
                        "connections",
                        "Your user has as many connections as one user may have: close others first.",
                },
        [QUOTA_FEEDS] =
                {
                        "feeds",
                        "Your user has as many feeds (different subscriptions) as one user may have: end others. "
                        "Equal subscriptions share a feed.",
                },
        [QUOTA_REQUESTS] =
                {
                        "pending requests",
                        "Your user has as many requests without an answer as one user may have: wait for these "
                        "answers.",
                },
        [QUOTA_BYTES] =
                {
                        "memory",
                        "Your user's connections and feeds have as much of the broker's memory as one user may have: "
                        "close some, and read what the broker sends.",
                },
        [QUOTA_SNAPSHOTS] =
                {
                        "snapshots a second",
                        "Your user asks for more snapshots than one user may in this time: ask again in a second.",
                },
        [QUOTA_FILTERS] =
                {
                        "time for filters",
                        "The filters of your user's subscriptions take more time than one user may have: use fewer or "
                        "simpler patterns of names.",
                },
        [QUOTA_STATS] =
                {
                        "statistics a second",
                        "Your user asks for the statistics of more tasks than one user may in this time: ask again in "
                        "a second.",
                },
};

/**
 * quota_error_log() - count a refusal, and log it once an episode
 * @user:  the user whose request or connection was refused
 * @kind:  the part of the quota that is used up
 */
void quota_error_log(QuotaUser *user, QuotaKind kind) {
        if (quota_user_refused(user, kind, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)))
                log_notice("User %u has used up its quota of %s: more is refused.", (unsigned int)user->uid,
                           quota_texts[kind].name);
}

/**
 * quota_error_message() - the Error's message to a client whose user has used up its quota
 * @kind:  the part of the quota that is used up
 *
 * Return: A sentence, static.
 */
const char *quota_error_message(QuotaKind kind) {
        return quota_texts[kind].message;
}
