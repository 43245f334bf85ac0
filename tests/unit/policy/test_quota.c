/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Quotas: by tables, and compared with a model that counts every charge again at each step. At each
 * step root gets its reserve, and each user its ordinary set.
 */

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/quota.h"
#include "tests/unit/harness.h"

#define SECOND NSEC_PER_SEC
#define CHARGES_MAX 512u

/*
 * 100 in total, 10 of which are reserved for root, and 40 for one user; the limits of bytes are a
 * thousand times as large.
 */
static const QuotaLimits limits = {
        .held = {
                [QUOTA_CONNECTIONS] = { 100, 10, 40, 0, 0 },
                [QUOTA_FEEDS] = { 16, 2, 4, 0, 0 },
                [QUOTA_REQUESTS] = { 100, 10, 40, 0, 0 },
                [QUOTA_BYTES] = { 100000, 10000, 40000, 0, 0 },
        },
        .rates = {
                [QUOTA_SNAPSHOTS - _QUOTA_HELD] = { .a_second = 4, .at_once = 8 },
                [QUOTA_STATS - _QUOTA_HELD] = { .a_second = 100, .at_once = 100 },
        },
};

/* Takes single charges until one is refused. Return: how many were taken. @ret_r: the reason of the refusal. */
static size_t take_all(Charge *charges, QuotaUser *user, QuotaKind kind, int *ret_r) {
        size_t n = 0;
        int r;

        while ((r = charge_take(&charges[n], user, kind, 1)) == 0)
                ++n;
        if (ret_r)
                *ret_r = r;
        return n;
}

static void return_all(Charge *charges, size_t n) {
        for (size_t i = 0; i < n; ++i)
                charge_return(&charges[i]);
}

/* Each further user gets half of the rest, as long as that is at least one; root has its reserve. */
static void test_shares(void) {
        static const struct {
                uid_t uid;
                size_t n;
                int r;
        } table[] = {
                { 1000, 40, QUOTA_E_USER },     /* the limit of one user */
                { 1001, 25, QUOTA_E_USER },     /* no more than remains free for others */
                { 1002, 12, QUOTA_E_USER },
                { 1003, 6, QUOTA_E_USER },
                { 1004, 3, QUOTA_E_USER },
                { 1005, 2, QUOTA_E_USER },
                { 1006, 1, QUOTA_E_USER },
                { 1007, 0, QUOTA_E_USER },      /* the last free one is not given away */
                { 1000, 0, QUOTA_E_USER },
                { 0, 11, QUOTA_E_TOTAL },       /* root gets the last free one and the reserve */
                { 0, 0, QUOTA_E_TOTAL },
                { 1008, 0, QUOTA_E_TOTAL },
        };
        static Charge charges[ARRAY_SIZE(table)][CHARGES_MAX];
        Quota quota;

        quota_init(&quota, &limits);
        for (size_t i = 0; i < ARRAY_SIZE(table); ++i) {
                QuotaUser *user = quota_user_get(&quota, table[i].uid, SECOND);
                int r;

                assert(take_all(charges[i], user, QUOTA_CONNECTIONS, &r) == table[i].n && r == table[i].r);
                quota_user_unref(user);
        }
        assert(quota.used[QUOTA_CONNECTIONS] == 100 && quota.used_by_root[QUOTA_CONNECTIONS] == 11);
        for (size_t i = 0; i < ARRAY_SIZE(table); ++i)
                return_all(charges[i], table[i].n);
        assert(quota.used[QUOTA_CONNECTIONS] == 0);
        quota_deinit(&quota);
}

/* Root's charges come out of its reserve first: until it is used up, other users lose nothing. */
static void test_reserve(void) {
        static const struct {
                size_t n_root, n_user;
        } table[] = { { 0, 40 }, { 10, 40 }, { 20, 40 }, { 21, 39 }, { 60, 20 }, { 98, 1 }, { 99, 0 }, { 100, 0 } };
        static Charge roots[CHARGES_MAX], others[CHARGES_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(table); ++i) {
                QuotaUser *root, *user;
                Quota quota;

                quota_init(&quota, &limits);
                root = quota_user_get(&quota, 0, SECOND);
                user = quota_user_get(&quota, 1000, SECOND);
                for (size_t n = 0; n < table[i].n_root; ++n)
                        assert(charge_take(&roots[n], root, QUOTA_CONNECTIONS, 1) == 0);
                assert(take_all(others, user, QUOTA_CONNECTIONS, NULL) == table[i].n_user);
                return_all(roots, table[i].n_root);
                return_all(others, table[i].n_user);
                quota_user_unref(root);
                quota_user_unref(user);
                quota_deinit(&quota);
        }
}

/* A charge of one kind does not count for another kind. */
static void test_kinds(void) {
        static Charge connections[CHARGES_MAX], feeds[CHARGES_MAX];
        size_t n_connections, n_feeds;
        QuotaUser *user;
        Quota quota;

        quota_init(&quota, &limits);
        user = quota_user_get(&quota, 1000, SECOND);
        n_connections = take_all(connections, user, QUOTA_CONNECTIONS, NULL);
        n_feeds = take_all(feeds, user, QUOTA_FEEDS, NULL);
        assert(n_connections == 40 && n_feeds == 4);
        assert(user->used[QUOTA_CONNECTIONS] == 40 && user->used[QUOTA_FEEDS] == 4 && user->used[QUOTA_BYTES] == 0);
        return_all(connections, n_connections);
        return_all(feeds, n_feeds);
        quota_user_unref(user);
        quota_deinit(&quota);
}

static void test_resize(void) {
        Charge charge = CHARGE_NULL, other = CHARGE_NULL;
        QuotaUser *user;
        Quota quota;

        quota_init(&quota, &limits);
        user = quota_user_get(&quota, 1000, SECOND);
        assert(charge_take(&charge, user, QUOTA_BYTES, 40001) == QUOTA_E_USER && !charge.user);
        assert(charge_take(&charge, user, QUOTA_BYTES, UINT64_MAX) == QUOTA_E_TOTAL && !charge.user);
        assert(charge_take(&charge, user, QUOTA_BYTES, 0) == 0);
        assert(charge_resize(&charge, 39000) == 0 && user->used[QUOTA_BYTES] == 39000);
        assert(charge_take(&other, user, QUOTA_BYTES, 1000) == 0);
        assert(charge_resize(&charge, 39001) == QUOTA_E_USER && charge.n == 39000 && user->used[QUOTA_BYTES] == 40000);
        assert(charge_resize(&charge, UINT64_MAX) == QUOTA_E_TOTAL && charge.n == 39000);
        assert(charge_resize(&charge, 10) == 0 && quota.used[QUOTA_BYTES] == 1010);
        charge_return(&charge);
        charge_return(&charge);
        charge_return(&other);
        quota_user_unref(user);
        assert(quota.used[QUOTA_BYTES] == 0);
        quota_deinit(&quota);
}

static void test_rates(void) {
        QuotaUser *user, *other;
        Quota quota;

        quota_init(&quota, &limits);
        user = quota_user_get(&quota, 1000, SECOND);
        other = quota_user_get(&quota, 1001, SECOND);
        for (int i = 0; i < 8; ++i)
                assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, SECOND) == 0);
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, SECOND) == QUOTA_E_USER);
        /* another user and another rate have budgets of their own */
        assert(quota_user_spend(other, QUOTA_SNAPSHOTS, 8, SECOND) == 0);
        assert(quota_user_spend(user, QUOTA_STATS, 100, SECOND) == 0);
        /* a refusal costs nothing: the next is due after a quarter of a second */
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, SECOND + SECOND / 4 - 1) == QUOTA_E_USER);
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, SECOND + SECOND / 4) == 0);
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, SECOND + SECOND / 4) == QUOTA_E_USER);
        /* an unused rate accumulates to `at_once` and no further */
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 9, 100 * SECOND) == QUOTA_E_USER);
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 8, 100 * SECOND) == 0);
        assert(quota_user_spend(user, QUOTA_STATS, UINT64_MAX, 100 * SECOND) == QUOTA_E_USER);
        /* a debt is paid off before anything else is allowed */
        assert(quota_user_spend(user, QUOTA_STATS, 1, 100 * SECOND) == 0);
        quota_user_overdraw(user, QUOTA_STATS, 999, 100 * SECOND);
        assert(quota_user_spend(user, QUOTA_STATS, 1, 109 * SECOND) == QUOTA_E_USER);
        assert(quota_user_spend(user, QUOTA_STATS, 1, 109 * SECOND + SECOND / 100) == 0);
        quota_user_unref(user);
        /* no rate limits root */
        user = quota_user_get(&quota, 0, SECOND);
        for (int i = 0; i < 100; ++i)
                assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, SECOND) == 0);
        quota_user_overdraw(user, QUOTA_STATS, 1000000, SECOND);
        assert(quota_user_spend(user, QUOTA_STATS, 1, SECOND) == 0);
        quota_user_unref(user);
        quota_user_unref(other);
        quota_deinit(&quota);
}

/* A user that disconnects and comes back keeps its rate and its episode of refusals. */
static void test_memory(void) {
        uint64_t now = SECOND;
        QuotaUser *user;
        Quota quota;

        quota_init(&quota, &limits);
        user = quota_user_get(&quota, 1000, now);
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 8, now) == 0);
        quota_user_unref(user);
        quota_user_unref(quota_user_get(&quota, 1001, now));
        user = quota_user_get(&quota, 1000, now);
        assert(quota_user_spend(user, QUOTA_SNAPSHOTS, 1, now) == QUOTA_E_USER);
        assert(quota_user_refused(user, QUOTA_SNAPSHOTS, now));
        quota_user_unref(user);

        /* the rate recovers in two seconds, the episode lasts a minute */
        now += 3 * SECOND;
        quota_user_unref(quota_user_get(&quota, 1002, now));
        user = quota_user_get(&quota, 1000, now);
        assert(!quota_user_refused(user, QUOTA_SNAPSHOTS, now));
        quota_user_unref(user);
        assert(quota.n_users == 2);
        now += LIMIT_QUOTA_QUIET_NS;
        quota_user_unref(quota_user_get(&quota, 1003, now));
        assert(quota.n_users == 1);
        quota_deinit(&quota);
}

static void test_log(void) {
        uint64_t now = SECOND;
        QuotaUser *user;
        Quota quota;
        size_t n = 0;

        quota_init(&quota, &limits);
        user = quota_user_get(&quota, 1000, now);
        assert(quota_user_refused(user, QUOTA_FEEDS, now));
        /* one line is logged as long as the refusals go on */
        for (int i = 0; i < 1000; ++i, now += LIMIT_QUOTA_QUIET_NS / 2)
                assert(!quota_user_refused(user, QUOTA_FEEDS, now));
        assert(quota_user_refused(user, QUOTA_CONNECTIONS, now));
        now += LIMIT_QUOTA_QUIET_NS;
        assert(quota_user_refused(user, QUOTA_FEEDS, now));
        quota_user_unref(user);
        assert(quota.n_refused == 1003);

        /* many users cannot fill the log */
        now += LIMIT_QUOTA_QUIET_NS;
        for (uid_t uid = 2000; uid < 4000; ++uid) {
                user = quota_user_get(&quota, uid, now);
                n += quota_user_refused(user, QUOTA_FEEDS, now);
                quota_user_unref(user);
        }
        assert(n == LIMIT_QUOTA_LINES);
        quota_deinit(&quota);
}

/* Many users cannot fill the memory. */
static void test_many_users(void) {
        Quota quota;

        quota_init(&quota, &limits);
        for (uid_t uid = 0; uid < 3 * LIMIT_QUOTA_USERS; ++uid) {
                QuotaUser *user = quota_user_get(&quota, uid, SECOND);

                assert(user && user->uid == uid);
                (void)quota_user_refused(user, QUOTA_CONNECTIONS, SECOND);
                quota_user_unref(user);
                assert(quota.n_users <= LIMIT_QUOTA_USERS);
        }
        quota_deinit(&quota);
}

/* All three parts of each total: kept are the ordinary sets of eight users. */
static const QuotaLimits parts = {
        .held = {
                [QUOTA_CONNECTIONS] = { 100, 10, 40, 4, 32 },
                [QUOTA_FEEDS] = { 30, 2, 12, 2, 16 },
                [QUOTA_SAMPLE_FEEDS] = { 18, 2, 16, 2, 16 },
                [QUOTA_SUBTREES] = { 12, 1, 3, 1, 8 },
                [QUOTA_REQUESTS] = { 100, 10, 40, 0, 0 },
                [QUOTA_BYTES] = { 100000, 10000, 40000, 3000, 24000 },
        },
        .rates = {
                [QUOTA_SNAPSHOTS - _QUOTA_HELD] = { .a_second = 4, .at_once = 8 },
                [QUOTA_STATS - _QUOTA_HELD] = { .a_second = 100, .at_once = 100 },
        },
};

#define MODEL_USERS 7u /* with root, and one that comes last */

/* The use of each user, counted from the charges. */
typedef struct Model {
        uint64_t used[MODEL_USERS][_QUOTA_HELD];
        uint64_t all[_QUOTA_HELD], ordinary[_QUOTA_HELD];
} Model;

static void model_count(Model *model, const Charge *charges) {
        *model = (Model){};
        for (size_t i = 0; i < CHARGES_MAX; ++i)
                if (charges[i].user)
                        model->used[charges[i].user->uid][charges[i].kind] += charges[i].n;
        for (uid_t uid = 0; uid < MODEL_USERS; ++uid)
                for (int kind = 0; kind < _QUOTA_HELD; ++kind) {
                        model->all[kind] += model->used[uid][kind];
                        if (uid > 0)
                                model->ordinary[kind] += MIN(model->used[uid][kind], parts.held[kind].ordinary);
                }
}

/* A user gets @n of a kind, and gives it back at once. */
static void model_expect(Quota *quota, uid_t uid, QuotaKind kind, uint64_t n) {
        QuotaUser *user = quota_user_get(quota, uid, SECOND);
        Charge charge = CHARGE_NULL;

        assert(charge_take(&charge, user, kind, n) == 0);
        charge_return(&charge);
        quota_user_unref(user);
}

/* The sums are right, root can get the rest of its reserve, and each user the rest of its ordinary set. */
static void model_check(Quota *quota, const Model *model) {
        for (int kind = 0; kind < _QUOTA_HELD; ++kind) {
                const QuotaShare *share = &parts.held[kind];

                assert(quota->used[kind] == model->all[kind] && quota->used_ordinary[kind] == model->ordinary[kind] &&
                       quota->used_by_root[kind] == model->used[0][kind]);
                assert(model->all[kind] <= share->total &&
                       model->all[kind] - model->used[0][kind] <= share->total - share->reserve);
                if (model->used[0][kind] < share->reserve)
                        model_expect(quota, 0, kind, share->reserve - model->used[0][kind]);
                for (uid_t uid = 1; uid < MODEL_USERS; ++uid) {
                        assert(model->used[uid][kind] <= share->of_user);
                        if (model->used[uid][kind] < share->ordinary)
                                model_expect(quota, uid, kind, share->ordinary - model->used[uid][kind]);
                }
        }
}

/* Nothing is refused without a reason. */
static void model_check_refusal(const Model *before, uid_t uid, QuotaKind kind, uint64_t n, int r) {
        const QuotaShare *share = &parts.held[kind];
        uint64_t mine = before->used[uid][kind], roots = before->used[0][kind], free;
        uint64_t kept = share->kept - MIN(share->kept, before->ordinary[kind]);

        free = share->total - before->all[kind];
        if (uid == 0) {
                assert(r == QUOTA_E_TOTAL && (n > free || (roots + n > share->reserve && n + kept > free)));
                return;
        }
        free -= share->reserve - MIN(roots, share->reserve);
        if (r == QUOTA_E_TOTAL)
                assert(n > free);
        else
                assert(mine + n > share->of_user || (mine + n > share->ordinary && mine + 2 * n + kept > free));
}

static void test_random(uint64_t seed) {
        static Charge charges[CHARGES_MAX];
        uint64_t state = seed;
        Model model = {};
        Quota quota;

        quota_init(&quota, &parts);
        for (int step = 0; step < 20000; ++step) {
                Charge *charge = &charges[random_below(&state, CHARGES_MAX)];
                /* The last user never asks but in model_check(). */
                uid_t uid = (uid_t)random_below(&state, MODEL_USERS - 1);
                QuotaKind kind = (QuotaKind)random_below(&state, _QUOTA_HELD);
                uint64_t n = kind == QUOTA_BYTES ? 1 + random_below(&state, 20000) : 1 + random_below(&state, 3);
                uint64_t more = n;
                int r = 0;

                if (!charge->user) {
                        QuotaUser *user = quota_user_get(&quota, uid, (uint64_t)step * NSEC_PER_MSEC + 1);

                        r = charge_take(charge, user, kind, n);
                        quota_user_unref(user);
                } else if (random_below(&state, 8) > 0) {
                        uid = charge->user->uid;
                        kind = charge->kind;
                        more = n - MIN(n, charge->n);
                        r = charge_resize(charge, n);
                } else {
                        charge_return(charge);
                }
                if (r)
                        model_check_refusal(&model, uid, kind, more, r);
                model_count(&model, charges);
                model_check(&quota, &model);
        }
        return_all(charges, CHARGES_MAX);
        model_count(&model, charges);
        model_check(&quota, &model);
        quota_deinit(&quota);
}

/* Users who take all they can, one after the other, leave the ordinary sets, and root its reserve. */
static void test_ordinary(void) {
        static Charge greedy[MODEL_USERS][CHARGES_MAX], late[CHARGES_MAX], roots[CHARGES_MAX];
        size_t n_greedy[MODEL_USERS], n_late, n_roots;
        QuotaUser *user;
        Quota quota;

        quota_init(&quota, &parts);
        for (uid_t uid = 0; uid < MODEL_USERS; ++uid) {
                user = quota_user_get(&quota, 1000 + uid, SECOND);
                n_greedy[uid] = take_all(greedy[uid], user, QUOTA_CONNECTIONS, NULL);
                assert(n_greedy[uid] >= parts.held[QUOTA_CONNECTIONS].ordinary);
                quota_user_unref(user);
        }
        /* the eighth comes late */
        user = quota_user_get(&quota, 2000, SECOND);
        n_late = take_all(late, user, QUOTA_CONNECTIONS, NULL);
        assert(n_late >= 4);
        quota_user_unref(user);
        /* root cannot take what is kept, but its reserve */
        for (uid_t uid = 0; uid < MODEL_USERS; ++uid)
                return_all(greedy[uid], n_greedy[uid]);
        user = quota_user_get(&quota, 0, SECOND);
        n_roots = take_all(roots, user, QUOTA_CONNECTIONS, NULL);
        quota_user_unref(user);
        for (uid_t uid = 0; uid < MODEL_USERS; ++uid) {
                user = quota_user_get(&quota, 1000 + uid, SECOND);
                assert(take_all(greedy[uid], user, QUOTA_CONNECTIONS, NULL) == 4);
                return_all(greedy[uid], 4);
                for (size_t i = 0; i < 4; ++i)
                        assert(charge_take(&greedy[uid][i], user, QUOTA_CONNECTIONS, 1) == 0);
                quota_user_unref(user);
        }
        for (uid_t uid = 0; uid < MODEL_USERS; ++uid)
                return_all(greedy[uid], 4);
        return_all(roots, n_roots);
        return_all(late, n_late);
        quota_deinit(&quota);
}

/* All ids of a user are one user, and nobody owns root. */
static void test_subordinates(void) {
        SubuidRange ranges[] = { { 1, 99, 1000 }, { 100000, 165535, 1000 }, { 200000, 265535, 1001 } };
        const SubuidMap map = { .ranges = ranges, .n = ARRAY_SIZE(ranges) };
        static Charge charges[CHARGES_MAX];
        QuotaUser *user, *other, *root;
        Quota quota;
        size_t n;

        quota_init(&quota, &limits);
        quota.subuids = &map;
        user = quota_user_get(&quota, 1000, SECOND);
        other = quota_user_get(&quota, 200000, SECOND);
        root = quota_user_get(&quota, 0, SECOND);
        assert(user->uid == 1000 && other->uid == 1001 && root->uid == 0 && quota.n_users == 3);
        n = take_all(charges, user, QUOTA_CONNECTIONS, NULL);
        for (uid_t uid = 100000; uid < 165536; ++uid) {
                QuotaUser *subordinate = quota_user_get(&quota, uid, SECOND);
                Charge charge = CHARGE_NULL;

                assert(subordinate == user && charge_take(&charge, subordinate, QUOTA_CONNECTIONS, 1) == QUOTA_E_USER);
                quota_user_unref(subordinate);
        }
        assert(quota.n_users == 3);
        return_all(charges, n);
        quota_user_unref(user);
        quota_user_unref(other);
        quota_user_unref(root);
        quota_deinit(&quota);
}

/* Time is divided among users with unpaid work, not among all who are connected. */
static void test_present(void) {
        QuotaUser *user, *idle[30], *busy[4], *root;
        uint64_t now = SECOND;
        Quota quota;

        quota_init(&quota, &parts);
        user = quota_user_get(&quota, 1000, now);
        root = quota_user_get(&quota, 0, now);
        for (uid_t i = 0; i < ARRAY_SIZE(idle); ++i) {
                idle[i] = quota_user_get(&quota, 2000 + i, now);
                /* it asked for something a while ago */
                quota_user_work(idle[i], NSEC_PER_MSEC, now);
                quota_user_unref(quota_user_get(&quota, 3000 + i, now));
        }
        now += SECOND;
        quota_user_work(root, NSEC_PER_MSEC, now);
        quota_user_work(user, NSEC_PER_MSEC, now);
        assert(user->work_paid_ns == now + LIMIT_WORK_PART * NSEC_PER_MSEC);
        now += SECOND;
        for (uid_t i = 0; i < ARRAY_SIZE(busy); ++i) {
                busy[i] = quota_user_get(&quota, 4000 + i, now);
                quota_user_work(busy[i], SECOND, now);
        }
        now += LIMIT_PRESENT_NS;
        quota_user_work(user, NSEC_PER_MSEC, now);
        assert(user->work_paid_ns == now + LIMIT_WORK_PART * ARRAY_SIZE(busy) * NSEC_PER_MSEC);
        for (size_t i = 0; i < ARRAY_SIZE(idle); ++i)
                quota_user_unref(idle[i]);
        for (size_t i = 0; i < ARRAY_SIZE(busy); ++i)
                quota_user_unref(busy[i]);
        quota_user_unref(user);
        quota_user_unref(root);
        quota_deinit(&quota);
}

int main(void) {
        test_shares();
        test_reserve();
        test_kinds();
        test_resize();
        test_rates();
        test_memory();
        test_log();
        test_many_users();
        test_ordinary();
        test_subordinates();
        test_present();
        for (uint64_t seed = 1; seed <= 10; ++seed)
                test_random(seed);
        return 0;
}
