/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An Error about a quota has three parts: how much of which resource the user has, whose limit was
 * reached, and what the client can do. A refusal changes no number, so the present numbers are the right ones.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/server/quota_error.h"

#define MIB ((uint64_t)1024 * 1024)

/* The texts about a part of the quota, for the log and for the client. */
typedef struct QuotaErrorWords {
        const char *name;       /* the resource, behind a number */
        const char *remedy;
} QuotaErrorWords;

static const QuotaErrorWords quota_words[_QUOTA_KINDS] = {
        [QUOTA_CONNECTIONS] = { "connections", "close others first" },
        [QUOTA_FEEDS] = { "feeds (different subscriptions)", "end others. Equal subscriptions share a feed" },
        [QUOTA_SAMPLE_FEEDS] = { "feeds of samples (different requests for samples)",
                                 "end others. Equal requests share a feed" },
        [QUOTA_SUBTREES] = { "feeds with subtrees in their filter", "end others, or filter by something else" },
        [QUOTA_REQUESTS] = { "pending requests", "wait for the answers to these requests" },
        [QUOTA_BYTES] = { "MiB of memory for connections and feeds",
                          "close some, and read what the broker sends" },
        [QUOTA_PROGRAMS] = { "MiB of memory for programs", "run fewer processes with long command lines" },
        [QUOTA_SNAPSHOTS] = { "snapshots a second", "ask again in a second" },
        [QUOTA_STATS] = { "statistics of tasks a second", "ask again in a second" },
        [QUOTA_CONNECTS] = { "connections a second", "keep connections, and wait before connecting again" },
        [QUOTA_FILTERS] = { "steps of a filter", "use a simpler filter" },
};

/* A number of @kind in the unit of its name. */
static uint64_t in_units(QuotaKind kind, uint64_t n) {
        return kind == QUOTA_BYTES || kind == QUOTA_PROGRAMS ? n / MIB : n;
}

static int print_held(const QuotaUser *user, QuotaKind kind, char *text, size_t n_text) {
        const QuotaShare *share = &user->quota->limits.held[kind];
        uint64_t used = in_units(kind, user->used[kind]), of_user = in_units(kind, share->of_user);

        if (user->used[kind] >= share->of_user || kind == QUOTA_BYTES)
                return snprintf(text, n_text, "Your user has %" PRIu64 " of the %" PRIu64 " %s that one user may have",
                                used, of_user, quota_words[kind].name);
        return snprintf(text, n_text, "Your user has %" PRIu64 " %s, and the rest is kept for other users", used,
                        quota_words[kind].name);
}

static int print_rate(const QuotaUser *user, QuotaKind kind, char *text, size_t n_text) {
        const QuotaRate *rate = &user->quota->limits.rates[kind - _QUOTA_HELD];

        return snprintf(text, n_text, "Your user makes or asks for more than the %" PRIu32 " %s that one user may have",
                        rate->a_second, quota_words[kind].name);
}

/**
 * quota_error_log() - count a refusal, and log it once an episode
 * @user:  the user whose request or connection was refused
 * @kind:  the part of the quota that is used up
 */
void quota_error_log(QuotaUser *user, QuotaKind kind) {
        if (quota_user_refused(user, kind, (uint64_t)clock_read_ns(CLOCK_MONOTONIC)))
                log_notice("User %u has used up its quota of %s: more is refused.", (unsigned int)user->uid,
                           quota_words[kind].name);
}

/**
 * quota_error_print() - the Error's message to a client whose user has used up its quota
 * @user:  the user
 * @kind:  the part of the quota that is used up
 *
 * Return: A sentence or two.
 */
QuotaErrorText quota_error_print(const QuotaUser *user, QuotaKind kind) {
        QuotaErrorText ret;
        int n;

        n = kind < _QUOTA_HELD ? print_held(user, kind, ret.text, sizeof(ret.text))
                               : print_rate(user, kind, ret.text, sizeof(ret.text));
        (void)snprintf(ret.text + n, sizeof(ret.text) - (size_t)n, ": %s.", quota_words[kind].remedy);
        return ret;
}

/**
 * quota_error_print_evicted() - the Error's message to a client that is closed for want of descriptors
 * @user:  the user
 *
 * Return: Two sentences.
 */
QuotaErrorText quota_error_print_evicted(const QuotaUser *user) {
        QuotaErrorText ret;

        (void)snprintf(ret.text, sizeof(ret.text),
                       "The broker has too few descriptors, so it closes connections of users who have many. Your user "
                       "has %" PRIu64 ": close some before you connect again.",
                       user->used[QUOTA_CONNECTIONS]);
        return ret;
}

/**
 * quota_error_print_total() - the Error's message when all users together have what there is
 * @quota:  the quota
 * @kind:   the part of it that is used up: below _QUOTA_HELD, because a rate has no total
 *
 * Return: A sentence.
 */
QuotaErrorText quota_error_print_total(const Quota *quota, QuotaKind kind) {
        const QuotaShare *share = &quota->limits.held[kind];
        QuotaErrorText ret;

        assert(kind < _QUOTA_HELD);
        (void)snprintf(ret.text, sizeof(ret.text),
                       "All users together have the %" PRIu64 " %s that the broker allows: try again later.",
                       in_units(kind, share->total), quota_words[kind].name);
        return ret;
}
