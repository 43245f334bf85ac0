/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The total of a kind has three parts: the reserve, which is for root alone; the part that is
 * kept for ordinary sets; and the common part. These rules bound what a user holds of a kind:
 *
 *   - all users together never exceed the total, and without root the total less
 *     the reserve;
 *   - a user has at most its share;
 *   - up to its ordinary set, a user gets what is free, in whatever part it is. So a user
 *     that has nothing gets an ordinary set, as long as fewer users have one than the kept part
 *     is for;
 *   - beyond its ordinary set, a user gets only what the common part has. It leaves there
 *     as much as it has itself beyond its ordinary set. So no user ever takes the last, and
 *     each one more that takes all it can gets half as much as the one before.
 *
 * Root has no share. Within the reserve it takes what it wants; beyond it, root too leaves the
 * kept part to the ordinary sets.
 *
 * A rate is kept as the moment up to which all that was done is paid for: it may be ahead of
 * the clock by what is allowed at once, and no further. Processor time is kept in the same way,
 * but a user that is ahead by more than LIMIT_WORK_AHEAD_NS is throttled, not refused.
 *
 * The time of the broker is divided among the users that are present: those with work that is
 * not paid for yet. A user that is connected and asks for nothing takes no part of it.
 *
 * Users are few, and a user is looked up once a connection, so a list is enough. The user that
 * was looked up last is first, so that a flood of connections by one user finds it at once. A
 * user that holds nothing stays until its rates have recovered and its refusals are old.
 * Otherwise a client could reset them by connecting again.
 */

#include <assert.h>
#include <stdlib.h>

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/quota.h"

#define MIB ((uint64_t)1024 * 1024)
#define BYTES_KEPT(mib) ((mib) * MIB / LIMIT_BYTES_PARTS * LIMIT_BYTES_PARTS_KEPT)

/* A share of memory, in MiB. */
#define SHARE_OF_BYTES(total, of_user)                                                             \
        {                                                                                          \
                (total) * MIB, (total) * MIB / LIMIT_BYTES_PARTS, (of_user) * MIB,                 \
                        BYTES_KEPT(total) / LIMIT_ORDINARY_USERS, BYTES_KEPT(total)                \
        }

/* A share by the names of its limits. */
#define SHARE(kind)                                                                          \
        {                                                                                    \
                LIMIT_##kind, LIMIT_##kind##_RESERVED, LIMIT_USER_##kind, LIMIT_ORDINARY_##kind, \
                        LIMIT_ORDINARY_##kind *LIMIT_ORDINARY_USERS                          \
        }

const QuotaLimits quota_limits_default = {
        .root = 0,
        .held =
                {
                        [QUOTA_CONNECTIONS] = SHARE(CONNECTIONS),
                        [QUOTA_FEEDS] = SHARE(FEEDS),
                        [QUOTA_SAMPLE_FEEDS] = SHARE(SAMPLE_FEEDS),
                        [QUOTA_SUBTREES] = {LIMIT_SUBTREES, LIMIT_SUBTREES_RESERVED, LIMIT_USER_SUBTREES,
                                            LIMIT_ORDINARY_SUBTREES, LIMIT_SUBTREES_KEPT},
                        [QUOTA_REQUESTS] = SHARE(REQUESTS),
                        [QUOTA_BYTES] = SHARE_OF_BYTES(LIMIT_CLIENTS_MIB, LIMIT_USER_MIB),
                        [QUOTA_PROGRAMS] = SHARE_OF_BYTES(LIMIT_PROGRAMS_MIB, LIMIT_USER_PROGRAMS_MIB),
                },
        .rates =
                {
                        [QUOTA_SNAPSHOTS - _QUOTA_HELD] = {LIMIT_USER_SNAPSHOTS_A_SECOND, LIMIT_USER_SNAPSHOTS_AT_ONCE},
                        [QUOTA_STATS - _QUOTA_HELD] = {LIMIT_USER_STATS_A_SECOND, LIMIT_USER_STATS_AT_ONCE},
                        [QUOTA_CONNECTS - _QUOTA_HELD] = {LIMIT_USER_CONNECTS_A_SECOND, LIMIT_USER_CONNECTS_AT_ONCE},
                        [QUOTA_FILTERS - _QUOTA_HELD] = {LIMIT_FILTER_STEPS_A_SECOND, LIMIT_FILTER_STEPS_AT_ONCE},
                },
};

void quota_init(Quota *quota, const QuotaLimits *limits) {
        *quota = (Quota){ .limits = *limits };
        list_init(&quota->users);
}

static void user_free(QuotaUser *user) {
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(user->used[kind] == 0);
        list_unlink(&user->link);
        --user->quota->n_users;
        free(user);
}

/**
 * quota_deinit() - free all users
 * @quota:  the quota; everything was given back
 */
void quota_deinit(Quota *quota) {
        list_for_each(link, safe, &quota->users) {
                QuotaUser *user = container_of(link, QuotaUser, link);

                assert(user->n_refs == 0);
                user_free(user);
        }
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(quota->used[kind] == 0 && quota->used_by_root[kind] == 0 && quota->used_ordinary[kind] == 0);
}

/*
 * Users.
 */

static bool user_is_forgettable(const QuotaUser *user, uint64_t now_ns) {
        if (user->n_refs > 0 || user->work_paid_ns > now_ns)
                return false;
        for (int rate = 0; rate < _QUOTA_KINDS - _QUOTA_HELD; ++rate)
                if (user->due_ns[rate] > now_ns)
                        return false;
        for (int kind = 0; kind < _QUOTA_KINDS; ++kind)
                if (user->refused_ns[kind] && now_ns - user->refused_ns[kind] < LIMIT_QUOTA_QUIET_NS)
                        return false;
        return true;
}

static void quota_forget(Quota *quota, uint64_t now_ns) {
        bool full = quota->n_users >= LIMIT_QUOTA_USERS;

        list_for_each(link, safe, &quota->users) {
                QuotaUser *user = container_of(link, QuotaUser, link);

                if (user_is_forgettable(user, now_ns) || (full && user->n_refs == 0))
                        user_free(user);
        }
}

/**
 * quota_user_get() - the user with a number, made if it is not there
 * @quota:   the quota
 * @uid:     the number; a subordinate id stands for its owner
 * @now_ns:  now, monotonic
 *
 * Return: The user, with a reference for the caller; NULL: no memory.
 */
QuotaUser *quota_user_get(Quota *quota, uid_t uid, uint64_t now_ns) {
        QuotaUser *user;

        uid = quota->subuids && uid != quota->limits.root ? subuid_map_owner(quota->subuids, uid) : uid;
        list_for_each(link, safe, &quota->users) {
                user = container_of(link, QuotaUser, link);
                if (user->uid != uid)
                        continue;
                list_unlink(&user->link);
                list_prepend(&quota->users, &user->link);
                return quota_user_ref(user);
        }
        quota_forget(quota, now_ns);
        user = calloc(1, sizeof(*user));
        if (!user)
                return NULL;
        user->quota = quota;
        user->uid = uid;
        list_prepend(&quota->users, &user->link);
        ++quota->n_users;
        return quota_user_ref(user);
}

QuotaUser *quota_user_ref(QuotaUser *user) {
        ++user->n_refs;
        return user;
}

/**
 * quota_user_unref() - give back a reference
 * @user:  the user, or NULL
 *
 * Return: NULL.
 */
QuotaUser *quota_user_unref(QuotaUser *user) {
        if (user) {
                assert(user->n_refs > 0);
                --user->n_refs;
        }
        return NULL;
}

/* Does @n at a rate, if what is then unpaid is within what may be done at once. */
static bool rate_spend(const QuotaRate *rate, uint64_t *due_ns, uint64_t n, uint64_t now_ns) {
        uint64_t each_ns = NSEC_PER_SEC / rate->a_second, due = MAX(*due_ns, now_ns);

        if (n > rate->at_once || due - now_ns > (rate->at_once - n) * each_ns)
                return false;
        *due_ns = due + n * each_ns;
        return true;
}

/**
 * quota_user_spend() - count an action that has a rate
 * @user:    the user
 * @kind:    the kind
 * @n:       how often
 * @now_ns:  now, monotonic
 *
 * Return: 0; QUOTA_E_USER: not now, and nothing was spent.
 */
int quota_user_spend(QuotaUser *user, QuotaKind kind, uint64_t n, uint64_t now_ns) {
        int rate = (int)kind - _QUOTA_HELD;

        assert(rate >= 0);
        if (quota_user_is_root(user))
                return 0;
        return rate_spend(&user->quota->limits.rates[rate], &user->due_ns[rate], n, now_ns) ? 0 : QUOTA_E_USER;
}

/**
 * quota_user_overdraw() - count an action that took more than its rate allows at once
 * @user:    the user
 * @kind:    the kind
 * @n:       how often, beyond what was spent
 * @now_ns:  now, monotonic
 *
 * The action is done already. The next one is refused until the rate has recovered.
 */
void quota_user_overdraw(QuotaUser *user, QuotaKind kind, uint64_t n, uint64_t now_ns) {
        int rate = (int)kind - _QUOTA_HELD;

        assert(rate >= 0);
        if (!quota_user_is_root(user))
                user->due_ns[rate] =
                        MAX(user->due_ns[rate], now_ns) + n * (NSEC_PER_SEC / user->quota->limits.rates[rate].a_second);
}

static bool user_is_present(const QuotaUser *user, uint64_t now_ns) {
        return !quota_user_is_root(user) && user->work_paid_ns > now_ns;
}

/*
 * Counts the users among which the time of all users is divided: those with unpaid work, at least one. The
 * count is kept for a moment, because each event needs it.
 */
static size_t quota_count_present(Quota *quota, uint64_t now_ns) {
        if (now_ns >= quota->count_ns) {
                quota->count_ns = now_ns + LIMIT_PRESENT_NS;
                quota->n_present = 0;
                list_for_each(link, safe, &quota->users)
                        quota->n_present += user_is_present(container_of(link, QuotaUser, link), now_ns);
        }
        return MAX(quota->n_present, (size_t)1);
}

/**
 * quota_user_work() - note that work was done for a user
 * @user:    the user
 * @n_ns:    how long the work took
 * @now_ns:  now, monotonic
 *
 * All users together may keep the broker busy for a half of its time; each that is present has an equal
 * part of that.
 */
void quota_user_work(QuotaUser *user, uint64_t n_ns, uint64_t now_ns) {
        uint64_t n_users = quota_user_is_root(user) ? 1 : quota_count_present(user->quota, now_ns);

        user->work_paid_ns = MAX(user->work_paid_ns, now_ns) + LIMIT_WORK_PART * n_users * n_ns;
}

/**
 * quota_user_is_throttled() - whether a user's next request shall wait
 * @user:    the user
 * @now_ns:  now, monotonic
 */
bool quota_user_is_throttled(const QuotaUser *user, uint64_t now_ns) {
        return user->work_paid_ns > now_ns + LIMIT_WORK_AHEAD_NS;
}

/* Whether a user has had less of the broker's time than another one, so that its work comes first. */
bool quota_user_comes_before(const QuotaUser *user, const QuotaUser *other) {
        return user->work_paid_ns < other->work_paid_ns;
}

bool quota_user_is_root(const QuotaUser *user) {
        return user->uid == user->quota->limits.root;
}

/**
 * quota_user_is_to_be_logged() - note that a user was refused something, without counting it
 * @user:    the user
 * @kind:    the kind that was refused
 * @now_ns:  now, monotonic
 *
 * An episode is over when there was no refusal for LIMIT_QUOTA_QUIET_NS.
 *
 * Return: Whether this begins an episode, and the log has room for a line about it.
 */
bool quota_user_is_to_be_logged(QuotaUser *user, QuotaKind kind, uint64_t now_ns) {
        static const QuotaRate lines = { .a_second = 1, .at_once = LIMIT_QUOTA_LINES };
        uint64_t before_ns = user->refused_ns[kind];

        user->refused_ns[kind] = now_ns;
        if (before_ns && now_ns - before_ns < LIMIT_QUOTA_QUIET_NS)
                return false;
        return rate_spend(&lines, &user->quota->line_due_ns, 1, now_ns);
}

/* The same, and counts it. */
bool quota_user_refused(QuotaUser *user, QuotaKind kind, uint64_t now_ns) {
        ++user->quota->n_refused;
        return quota_user_is_to_be_logged(user, kind, now_ns);
}

/*
 * Charges.
 */

/* How much of @n is within the ordinary set of a user. */
static uint64_t ordinary_of(const QuotaUser *user, QuotaKind kind, uint64_t n) {
        return quota_user_is_root(user) ? 0 : MIN(n, user->quota->limits.held[kind].ordinary);
}

/**
 * quota_set_share() - let other limits apply from now on
 * @quota:  the quota
 * @kind:   the kind
 * @share:  the limits; copied
 *
 * Users keep all that they have beyond these limits, and get no more.
 */
void quota_set_share(Quota *quota, QuotaKind kind, const QuotaShare *share) {
        quota->limits.held[kind] = *share;
        quota->used_ordinary[kind] = 0;
        list_for_each(link, safe, &quota->users) {
                const QuotaUser *user = container_of(link, QuotaUser, link);

                quota->used_ordinary[kind] += ordinary_of(user, kind, user->used[kind]);
        }
}

/* The part that is kept for ordinary sets, as far as no user has it. */
static uint64_t quota_kept(const Quota *quota, QuotaKind kind) {
        const QuotaShare *share = &quota->limits.held[kind];

        return share->kept - MIN(share->kept, quota->used_ordinary[kind]);
}

static int root_may_take(const Quota *quota, QuotaKind kind, uint64_t n) {
        const QuotaShare *share = &quota->limits.held[kind];
        uint64_t left = share->total - quota->used[kind] - n;

        /* the reserve is free as far as root has not used it */
        if (quota->used_by_root[kind] + n <= share->reserve)
                return 0;
        return left < quota_kept(quota, kind) ? QUOTA_E_TOTAL : 0;
}

static int user_may_take(const QuotaUser *user, QuotaKind kind, uint64_t n) {
        const Quota *quota = user->quota;
        const QuotaShare *share = &quota->limits.held[kind];
        uint64_t used = quota->used[kind], roots = quota->used_by_root[kind], mine = user->used[kind];
        uint64_t left, more, kept;

        if (n == 0)
                return 0;
        if (used >= share->total || n > share->total - used)
                return QUOTA_E_TOTAL;
        if (quota_user_is_root(user))
                return root_may_take(quota, kind, n);
        /* the part of root's use that exceeds the reserve is taken from the others */
        used += MAX(roots, share->reserve) - roots;
        if (used >= share->total || n > share->total - used)
                return QUOTA_E_TOTAL;
        if (mine + n > share->of_user)
                return QUOTA_E_USER;
        more = mine + n - ordinary_of(user, kind, mine + n);
        left = share->total - used - n;
        kept = quota_kept(quota, kind);
        kept -= MIN(kept, ordinary_of(user, kind, mine + n) - ordinary_of(user, kind, mine));
        return left < kept || more > left - kept ? QUOTA_E_USER : 0;
}

static void user_account(QuotaUser *user, QuotaKind kind, uint64_t n_before, uint64_t n) {
        Quota *quota = user->quota;
        uint64_t ordinary = ordinary_of(user, kind, user->used[kind]);

        user->used[kind] += n - n_before;
        quota->used[kind] += n - n_before;
        quota->used_ordinary[kind] += ordinary_of(user, kind, user->used[kind]) - ordinary;
        if (quota_user_is_root(user))
                quota->used_by_root[kind] += n - n_before;
}

/**
 * charge_take() - charge a user
 * @charge:  an empty charge
 * @user:    the user
 * @kind:    the kind
 * @n:       how much
 *
 * Return: 0; QUOTA_E_USER or QUOTA_E_TOTAL, and the charge is empty still.
 */
int charge_take(Charge *charge, QuotaUser *user, QuotaKind kind, uint64_t n) {
        int r;

        assert(!charge->user && kind < _QUOTA_HELD);
        r = user_may_take(user, kind, n);
        if (r)
                return r;
        user_account(user, kind, 0, n);
        *charge = (Charge){ .user = quota_user_ref(user), .kind = kind, .n = n };
        return 0;
}

/**
 * charge_resize() - take more of the same, or give some back
 * @charge:  a charge that is not empty
 * @n:       how much it shall be; less than before is never refused
 *
 * Return: 0; QUOTA_E_USER or QUOTA_E_TOTAL, and the charge is what it was.
 */
int charge_resize(Charge *charge, uint64_t n) {
        int r;

        assert(charge->user);
        if (n > charge->n) {
                r = user_may_take(charge->user, charge->kind, n - charge->n);
                if (r)
                        return r;
        }
        user_account(charge->user, charge->kind, charge->n, n);
        charge->n = n;
        return 0;
}

/**
 * charge_return() - give all of it back
 * @charge:  a charge; empty afterwards
 */
void charge_return(Charge *charge) {
        if (!charge->user)
                return;
        user_account(charge->user, charge->kind, charge->n, 0);
        quota_user_unref(charge->user);
        *charge = (Charge)CHARGE_NULL;
}
