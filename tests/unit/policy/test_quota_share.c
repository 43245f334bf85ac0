/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * However few descriptors there are: users who take all that they can leave connections for a newcomer, and for root.
 */

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/quota_share.h"
#include "tests/unit/harness.h"

#define SECOND NSEC_PER_SEC

static Charge charges[LIMIT_CONNECTIONS];
static size_t n_charges;

static size_t take_all(Quota *quota, uid_t uid, size_t n_max) {
        QuotaUser *user = quota_user_get(quota, uid, SECOND);
        size_t n = 0;

        while (n < n_max && charge_take(&charges[n_charges], user, QUOTA_CONNECTIONS, 1) == 0) {
                ++n_charges;
                ++n;
        }
        quota_user_unref(user);
        return n;
}

static void check(uint64_t n_descriptors, uint64_t of_user) {
        QuotaLimits limits = quota_limits_default;
        QuotaShare *share = &limits.held[QUOTA_CONNECTIONS];
        uint64_t n_own = MIN(n_descriptors / 2, (uint64_t)LIMIT_DESCRIPTORS_RESERVED);
        Quota quota;

        *share = quota_share_scale(share, quota_share_of_descriptors(n_descriptors));
        share->of_user = of_user;
        /* half of the descriptors, or enough of them, are the broker's own */
        assert(share->total >= LIMIT_CONNECTIONS_LEAST && share->total <= LIMIT_CONNECTIONS);
        assert(share->total <= MAX(n_descriptors - n_own, (uint64_t)LIMIT_CONNECTIONS_LEAST));
        quota_init(&quota, &limits);
        n_charges = 0;
        for (uid_t uid = 1000; uid < 1003; ++uid)
                assert(take_all(&quota, uid, SIZE_MAX) >= 1);
        assert(take_all(&quota, 2000, share->ordinary) == share->ordinary);
        assert(take_all(&quota, 0, share->reserve) == share->reserve && share->reserve >= 2);
        while (n_charges > 0)
                charge_return(&charges[--n_charges]);
        quota_deinit(&quota);
}

/* The ordinary sets are counted anew, and what users have stays theirs. */
static void test_change(void) {
        QuotaLimits limits = quota_limits_default;
        QuotaShare full = limits.held[QUOTA_CONNECTIONS], less = full;
        Quota quota;

        less.total = 20;
        less.ordinary = 1;
        less.kept = 10;
        quota_init(&quota, &limits);
        n_charges = 0;
        for (uid_t uid = 1000; uid < 1005; ++uid)
                assert(take_all(&quota, uid, 5) == 5);
        assert(quota.used_ordinary[QUOTA_CONNECTIONS] == 25);
        quota_set_share(&quota, QUOTA_CONNECTIONS, &less);
        assert(quota.used_ordinary[QUOTA_CONNECTIONS] == 5 && quota.used[QUOTA_CONNECTIONS] == 25);
        assert(take_all(&quota, 1000, 1) == 0 && take_all(&quota, 0, 1) == 0);
        charge_return(&charges[--n_charges]);
        assert(quota.used_ordinary[QUOTA_CONNECTIONS] == 5);
        quota_set_share(&quota, QUOTA_CONNECTIONS, &full);
        assert(quota.used_ordinary[QUOTA_CONNECTIONS] == 24 && take_all(&quota, 0, 1) == 1);
        while (n_charges > 0)
                charge_return(&charges[--n_charges]);
        assert(quota.used_ordinary[QUOTA_CONNECTIONS] == 0);
        quota_deinit(&quota);
}

int main(void) {
        for (uint64_t n = 0; n <= 600; ++n)
                check(n, LIMIT_USER_CONNECTIONS);
        for (uint64_t n = 601; n <= 2 * LIMIT_CONNECTIONS; n += 97)
                check(n, LIMIT_CONNECTIONS);
        check(UINT64_MAX, LIMIT_CONNECTIONS);
        test_change();
        return 0;
}
