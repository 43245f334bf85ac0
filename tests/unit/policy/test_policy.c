/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The access rules as tables: rights from credentials, owners of tasks, and the views that follow from both. */

#include "broker/base/util.h"
#include "broker/policy/policy.h"
#include "broker/model/owner.h"
#include "tests/unit/made.h"

#define ADMIN_GROUP 900u
#define EXEMPT_GROUP 901u

static const uint32_t groups[] = { 7, ADMIN_GROUP, EXEMPT_GROUP };

typedef struct RightsRow RightsRow;

struct RightsRow {
        const char *what;
        Policy policy;
        Credentials credentials;
        Rights rights;
        Access access;
};

static const Rights rights_all = { .all = true };
static const Rights rights_own = { .others = true, .uid = 1000, .gid = 100 };
static const Rights rights_status = { .others = true, .exit_status = true, .uid = 1000, .gid = 100 };
static const Rights rights_hidden = { .uid = 1000, .gid = 100 };

static void check_rights(const RightsRow *rows, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                Rights rights = policy_rights(&rows[i].policy, &rows[i].credentials);

                if (!rights_equal(&rights, &rows[i].rights) || rights_access(&rights) != rows[i].access) {
                        fprintf(stderr, "%s\n", rows[i].what);
                        abort();
                }
        }
}

/* The rights and the access class that follow from credentials and policy. */
static void test_rights(void) {
        static const RightsRow rows[] = {
                {"root", {.admin_group = ADMIN_GROUP}, {0, 0, false, NULL, 0, false, false}, {.all = true}, ACCESS_ALL},
                {"root, whatever is hidden",
                 {.admin_group = ADMIN_GROUP, .hides = true, .exempt_group = POLICY_NO_GROUP},
                 {0, 0, false, NULL, 0, false, false},
                 {.all = true},
                 ACCESS_ALL},
                {"root of a user namespace: no rights here",
                 {.admin_group = ADMIN_GROUP},
                 {0, 0, true, NULL, 0, false, false},
                 {.others = true, .uid = UINT32_MAX, .gid = 0},
                 ACCESS_OWN},
                {"group 0 is not root",
                 {.admin_group = ADMIN_GROUP},
                 {1000, 0, false, NULL, 0, false, false},
                 {.others = true, .uid = 1000, .gid = 0},
                 ACCESS_OWN},
                {"a user",
                 {.admin_group = ADMIN_GROUP},
                 {1000, 100, false, groups, 1, false, false},
                 {.others = true, .uid = 1000, .gid = 100},
                 ACCESS_OWN},
                {"a member",
                 {.admin_group = ADMIN_GROUP},
                 {1000, 100, false, groups, 2, false, false},
                 {.all = true},
                 ACCESS_ALL},
                {"the admin group is the primary group",
                 {.admin_group = ADMIN_GROUP},
                 {1000, ADMIN_GROUP, false, NULL, 0, false, false},
                 {.all = true},
                 ACCESS_ALL},
                {"a member, in a user namespace",
                 {.admin_group = ADMIN_GROUP},
                 {1000, 100, true, groups, 2, false, false},
                 {.others = true, .uid = 1000, .gid = 100},
                 ACCESS_OWN},
                {"no such group",
                 {.admin_group = POLICY_NO_GROUP},
                 {1000, UINT32_MAX, false, groups, 3, false, false},
                 {.others = true, .uid = 1000, .gid = UINT32_MAX},
                 ACCESS_OWN},
                {"exit status shown",
                 {.admin_group = ADMIN_GROUP, .shows_exit_status = true},
                 {1000, 100, false, NULL, 0, false, false},
                 {.others = true, .exit_status = true, .uid = 1000, .gid = 100},
                 ACCESS_OWN},
        };

        check_rights(rows, ARRAY_SIZE(rows));
}

/* Root without the capabilities that make /proc readable, and with an own mount that hides. */
static void test_rights_of_root(void) {
        static const RightsRow rows[] = {
                {"root without capabilities",
                 {.admin_group = ADMIN_GROUP},
                 {0, 0, false, NULL, 0, true, false},
                 {.others = true, .uid = UINT32_MAX, .gid = 0},
                 ACCESS_OWN},
                {"root without capabilities, a member",
                 {.admin_group = ADMIN_GROUP},
                 {0, 0, false, groups, 2, true, true},
                 {.all = true},
                 ACCESS_ALL},
                {"root, whatever its own mount hides",
                 {.admin_group = ADMIN_GROUP},
                 {0, 0, false, NULL, 0, false, true},
                 {.all = true},
                 ACCESS_ALL},
        };

        check_rights(rows, ARRAY_SIZE(rows));
}

/* The same where /proc hides processes, and groups are exempt. */
static void test_rights_hidepid(void) {
        static const RightsRow rows[] = {
                {"a client whose own mount hides",
                 {.admin_group = ADMIN_GROUP},
                 {1000, 100, false, groups, 1, false, true},
                 {.uid = 1000, .gid = 100},
                 ACCESS_OWN_ONLY},
                {"exempt on the machine, not on its own mount",
                 {.admin_group = POLICY_NO_GROUP, .hides = true, .exempt_group = EXEMPT_GROUP},
                 {1000, 100, false, groups, 3, false, true},
                 {.uid = 1000, .gid = 100},
                 ACCESS_OWN_ONLY},
                {"root without capabilities, and hidden from",
                 {.admin_group = ADMIN_GROUP, .hides = true, .exempt_group = POLICY_NO_GROUP},
                 {0, 0, false, NULL, 0, true, false},
                 {.uid = UINT32_MAX, .gid = 0},
                 ACCESS_OWN_ONLY},
                {"hidepid",
                 {.admin_group = ADMIN_GROUP, .hides = true, .exempt_group = EXEMPT_GROUP},
                 {1000, 100, false, groups, 1, false, false},
                 {.uid = 1000, .gid = 100},
                 ACCESS_OWN_ONLY},
                {"hidepid, exempt",
                 {.admin_group = POLICY_NO_GROUP, .hides = true, .exempt_group = EXEMPT_GROUP},
                 {1000, 100, false, groups, 3, false, false},
                 {.others = true, .uid = 1000, .gid = 100},
                 ACCESS_OWN},
                {"hidepid, without a group",
                 {.admin_group = POLICY_NO_GROUP, .hides = true, .exempt_group = POLICY_NO_GROUP},
                 {1000, UINT32_MAX, false, groups, 3, false, false},
                 {.uid = 1000, .gid = UINT32_MAX},
                 ACCESS_OWN_ONLY},
                {"a group exempt from nothing",
                 {.admin_group = POLICY_NO_GROUP, .exempt_group = EXEMPT_GROUP},
                 {1000, 100, false, NULL, 0, false, false},
                 {.others = true, .uid = 1000, .gid = 100},
                 ACCESS_OWN},
        };

        check_rights(rows, ARRAY_SIZE(rows));
}

/* Rights that differ in any member share no feed. */
static void test_rights_equal(void) {
        const Rights some[] = {
                rights_all, rights_own, rights_status, rights_hidden,
                { .others = true, .uid = 1001, .gid = 100 }, { .others = true, .uid = 1000, .gid = 101 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(some); ++i)
                for (size_t k = 0; k < ARRAY_SIZE(some); ++k)
                        assert(rights_equal(&some[i], &some[k]) == (i == k));
}

static void test_policy_equals(void) {
        const Policy some[] = {
                { .admin_group = 1 }, { .admin_group = 2 }, { .admin_group = 1, .shows_exit_status = true },
                { .admin_group = 1, .hides = true }, { .admin_group = 1, .exempt_group = 5 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(some); ++i)
                for (size_t k = 0; k < ARRAY_SIZE(some); ++k)
                        assert(policy_equals(&some[i], &some[k]) == (i == k));
}

/* The owner that follows from the ids and flags of a task in the table. */
static void test_owner(void) {
        static const struct {
                const char *what;
                uint32_t ruid, euid, rgid, egid;
                uint16_t flags;
                bool nondumpable, creds_stale;
                OwnerClaim claim;
        } table[] = {
                { "plain", 1000, 1000, 100, 100, 0, false, false, OWNER_SHOWN },
                { "seeded", 1000, 1000, 100, 100, TASK_SEEDED | TASK_COUNTED, false, false, OWNER_SHOWN },
                { "a setuid program", 1000, 0, 100, 100, 0, false, false, OWNER_NONE },
                { "a setgid program", 1000, 1000, 100, 42, 0, false, false, OWNER_NONE },
                { "root playing a user", 0, 1000, 100, 100, 0, false, false, OWNER_NONE },
                { "ids changed since exec", 1000, 1000, 100, 100, TASK_NONDUMPABLE, true, false, OWNER_UNPROVEN },
                { "privileged by its file", 1000, 1000, 100, 100, TASK_NONDUMPABLE, false, false, OWNER_UNPROVEN },
                { "not known", 1000, 1000, 100, 100, TASK_UNKNOWN, false, false, OWNER_NONE },
                { "ids changed and shown", 1000, 1000, 100, 100, TASK_CREDENTIALS_CHANGED, false, false, OWNER_SHOWN },
                { "hidden at the moment", 1000, 1000, 100, 100, 0, true, false, OWNER_HIDDEN },
                { "credentials may be stale", 1000, 1000, 100, 100, 0, false, true, OWNER_HIDDEN },
        };
        TaskTable made;
        Task *task;

        task_table_init(&made);
        task = made_task(&made, 50, 50, 1, 1);
        for (size_t i = 0; i < ARRAY_SIZE(table); ++i) {
                Owner owner;

                task->ruid = table[i].ruid;
                task->euid = table[i].euid;
                task->rgid = table[i].rgid;
                task->egid = table[i].egid;
                task->flags = table[i].flags;
                task->process->nondumpable = table[i].nondumpable;
                task->process->creds_stale = table[i].creds_stale;
                owner = owner_of_task(task);
                if (owner.claim != table[i].claim || owner.uid != table[i].ruid || owner.gid != table[i].rgid) {
                        fprintf(stderr, "%s\n", table[i].what);
                        abort();
                }
        }
        task_table_deinit(&made);
}

/* The view that a client has of a task, by the owner of the task. */
static void test_view(void) {
        static const struct {
                Owner owner;
                View all, own, status, hidden;
        } table[] = {
                { { 1000, 100, OWNER_SHOWN }, VIEW_FULL, VIEW_FULL, VIEW_FULL, VIEW_FULL },
                { { 1000, 100, OWNER_HIDDEN }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_PUBLIC },
                { { 1000, 100, OWNER_UNPROVEN }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_NONE },
                { { 1000, 100, OWNER_NONE }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_NONE },
                { { 1000, 101, OWNER_SHOWN }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_NONE },
                { { 1001, 100, OWNER_SHOWN }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_NONE },
                { { 0, 0, OWNER_SHOWN }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_NONE },
                { { 0, 0, OWNER_NONE }, VIEW_FULL, VIEW_PUBLIC, VIEW_PUBLIC, VIEW_NONE },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); ++i) {
                assert(policy_view(&rights_all, &table[i].owner) == table[i].all);
                assert(policy_view(&rights_own, &table[i].owner) == table[i].own);
                assert(policy_view(&rights_status, &table[i].owner) == table[i].status);
                assert(policy_view(&rights_hidden, &table[i].owner) == table[i].hidden);
        }
}

/* Every kind of event, about a task of the client's user and about a task of another user. */
static void test_view_event(void) {
        for (EventKind kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind) {
                const Event own = { .kind = kind, .owner = { 1000, 100, OWNER_SHOWN } };
                const Event other = { .kind = kind, .owner = { 1001, 100, OWNER_SHOWN } };
                bool loss = kind == EVENT_LOSS, coredump = kind == EVENT_COREDUMP;

                assert(policy_view_event(&rights_all, &own) == VIEW_FULL);
                assert(policy_view_event(&rights_all, &other) == VIEW_FULL);
                assert(policy_view_event(&rights_own, &own) == VIEW_FULL);
                assert(policy_view_event(&rights_own, &other) == (loss       ? VIEW_FULL
                                                                  : coredump ? VIEW_NONE
                                                                             : VIEW_PUBLIC));
                assert(policy_view_event(&rights_status, &other) == (loss ? VIEW_FULL : VIEW_PUBLIC));
                assert(policy_view_event(&rights_hidden, &own) == (loss ? VIEW_PUBLIC : VIEW_FULL));
                assert(policy_view_event(&rights_hidden, &other) == (loss ? VIEW_PUBLIC : VIEW_NONE));
        }
}

/* The view of a task in the table, and the view of its live statistics. */
static void test_view_task(void) {
        static const struct {
                TaskStats stats;
                View view;
        } table[] = {
                { { .ac_uid = 1000, .ac_gid = 100 }, VIEW_FULL },
                { { .ac_uid = 1000, .ac_gid = 100, .ac_flag = AC_FLAG_FORK | AC_FLAG_GROUP }, VIEW_FULL },
                { { .ac_uid = 1000, .ac_gid = 100, .ac_flag = AC_FLAG_SU }, VIEW_FULL },
                { { .ac_uid = 0, .ac_gid = 100 }, VIEW_PUBLIC },
                { { .ac_uid = 1000, .ac_gid = 0 }, VIEW_PUBLIC },
        };
        TaskTable made;
        Owner owner;
        Task *task;

        task_table_init(&made);
        task = made_task(&made, 50, 50, 1, 1);
        task->ruid = task->euid = 1000;
        task->rgid = task->egid = 100;
        assert(policy_view_task(&rights_all, task) == VIEW_FULL);
        assert(policy_view_task(&rights_own, task) == VIEW_FULL);
        assert(policy_view_task(&rights_hidden, task) == VIEW_FULL);
        for (size_t i = 0; i < ARRAY_SIZE(table); ++i) {
                owner = owner_of_live_task(task, &table[i].stats);
                assert(policy_view(&rights_all, &owner) == VIEW_FULL);
                assert(policy_view(&rights_own, &owner) == table[i].view);
                assert(policy_view(&rights_hidden, &owner) == table[i].view);
        }
        task->euid = 0;
        owner = owner_of_live_task(task, &table[0].stats);
        assert(policy_view_task(&rights_all, task) == VIEW_FULL);
        assert(policy_view_task(&rights_own, task) == VIEW_PUBLIC && policy_view(&rights_own, &owner) == VIEW_PUBLIC);
        assert(policy_view_task(&rights_hidden, task) == VIEW_NONE && policy_view(&rights_hidden, &owner) == VIEW_NONE);
        task_table_deinit(&made);
}

int main(void) {
        test_rights();
        test_rights_of_root();
        test_rights_hidepid();
        test_rights_equal();
        test_policy_equals();
        test_owner();
        test_view();
        test_view_event();
        test_view_task();
        return 0;
}
