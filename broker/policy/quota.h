/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Quota: how much of the broker each user has, and may have. Pure accounting:
 * it grants or refuses, and logs nothing. The caller embeds a Charge in each object that
 * costs something. The charge is returned when the object is freed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/list.h"
#include "broker/policy/subuid.h"

typedef struct Charge Charge;
typedef struct Quota Quota;
typedef struct QuotaLimits QuotaLimits;
typedef struct QuotaRate QuotaRate;
typedef struct QuotaShare QuotaShare;
typedef struct QuotaUser QuotaUser;

enum {
        _QUOTA_E_SUCCESS,
        QUOTA_E_USER,           /* the user has its share, or the rest is kept for other users */
        QUOTA_E_TOTAL,          /* there is no more for anyone, or for anyone but root */
};

typedef enum QuotaKind {
        /* Held until it is returned. */
        QUOTA_CONNECTIONS,
        QUOTA_FEEDS,            /* feeds of events */
        QUOTA_SAMPLE_FEEDS,
        QUOTA_SUBTREES,         /* feeds whose filter names subtrees: each takes a bit in every process */
        QUOTA_REQUESTS,         /* without an answer yet */
        QUOTA_BYTES,            /* memory for clients */
        QUOTA_PROGRAMS,         /* bytes of memory for programs, at the cost of the users who run them */
        _QUOTA_HELD,
        /* Limited by a rate. */
        QUOTA_SNAPSHOTS = _QUOTA_HELD,
        QUOTA_STATS,            /* tasks that are queried */
        QUOTA_CONNECTS,         /* connections that are made, whether they last or not */
        QUOTA_FILTERS,          /* steps of one feed's filter: see FilterBudget */
        _QUOTA_KINDS,
} QuotaKind;

struct QuotaShare {
        uint64_t total;
        uint64_t reserve;       /* part of the total, for root alone */
        uint64_t of_user;       /* for one user, root excepted */
        uint64_t ordinary;      /* the ordinary set: what each user gets first */
        uint64_t kept;          /* part of the total, for the ordinary sets alone */
};

struct QuotaRate {
        uint32_t a_second;
        uint32_t at_once;
};

struct QuotaLimits {
        uid_t root;             /* this user has the totals as its only limit */
        QuotaShare held[_QUOTA_HELD];
        QuotaRate rates[_QUOTA_KINDS - _QUOTA_HELD];
};

struct Quota {
        QuotaLimits limits;
        const SubuidMap *subuids;               /* not owned; NULL: each id is its own owner */
        List users;
        size_t n_users;
        size_t n_present;                       /* users, root excepted, with work that was not paid for when counted */
        uint64_t count_ns;                      /* when these users are counted again */
        uint64_t used[_QUOTA_HELD];             /* by all */
        uint64_t used_by_root[_QUOTA_HELD];
        uint64_t used_ordinary[_QUOTA_HELD];    /* by all but root, each up to its ordinary set */
        uint64_t n_refused;
        uint64_t line_due_ns;                   /* when the rate of the log allows the next line */
};

struct QuotaUser {
        Quota *quota;
        List link;
        uid_t uid;                              /* the owner of a subordinate id */
        size_t n_refs;
        uint64_t used[_QUOTA_HELD];
        uint64_t due_ns[_QUOTA_KINDS - _QUOTA_HELD]; /* when all that was done at a rate is paid for */
        uint64_t work_paid_ns;                  /* when the work that was done for it is paid for */
        uint64_t flush_turn;                    /* the turn in which its connections were sent events last */
        uint64_t flush_ns;                      /* the time that this took in that turn */
        uint64_t refused_ns[_QUOTA_KINDS];      /* last; 0: never */
};

struct Charge {
        QuotaUser *user;        /* NULL: nothing is charged */
        QuotaKind kind;
        uint64_t n;
};

#define CHARGE_NULL {}

extern const QuotaLimits quota_limits_default;

void quota_init(Quota *quota, const QuotaLimits *limits);
void quota_deinit(Quota *quota);
void quota_set_share(Quota *quota, QuotaKind kind, const QuotaShare *share);

QuotaUser *quota_user_get(Quota *quota, uid_t uid, uint64_t now_ns);
QuotaUser *quota_user_ref(QuotaUser *user);
QuotaUser *quota_user_unref(QuotaUser *user);
int quota_user_spend(QuotaUser *user, QuotaKind kind, uint64_t n, uint64_t now_ns);
void quota_user_overdraw(QuotaUser *user, QuotaKind kind, uint64_t n, uint64_t now_ns);
void quota_user_work(QuotaUser *user, uint64_t n_ns, uint64_t now_ns);
bool quota_user_is_throttled(const QuotaUser *user, uint64_t now_ns);
bool quota_user_comes_before(const QuotaUser *user, const QuotaUser *other);
bool quota_user_is_root(const QuotaUser *user);
bool quota_user_is_to_be_logged(QuotaUser *user, QuotaKind kind, uint64_t now_ns);
bool quota_user_refused(QuotaUser *user, QuotaKind kind, uint64_t now_ns);

int charge_take(Charge *charge, QuotaUser *user, QuotaKind kind, uint64_t n);
int charge_resize(Charge *charge, uint64_t n);
void charge_return(Charge *charge);
