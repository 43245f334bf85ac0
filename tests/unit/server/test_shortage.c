/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Too few descriptors: whoever has most loses connections, with an Error. Others keep theirs, and newcomers and root
 * get in. The descriptors of this process suffice: a test says how many are free.
 */

#include <sys/resource.h>

#define PEER_BYTES_MAX (64u * 1024u)

#include "broker/server/shortage.h"
#include "tests/unit/hub_rig.h"

#define N_MAX 300u
#define FIRST_UID 1000u

typedef struct Case {
        size_t n_users, n_each; /* users other than root, and their connections */
        size_t n_of_root;
        uint64_t n_free;
        size_t n_closed;        /* when any user waits */
        size_t n_for_root;      /* when root waits */
        rlim_t limit;           /* the limit of descriptors */
} Case;

static const Case cases[] = {
        /* one user has most of them: it keeps its ordinary set, which is one connection if the limit is low */
        { 1, 200, 1, 0, 16, 16, 1000 },
        { 1, 200, 1, 10, 6, 6, 1000 },
        { 1, 200, 1, 16, 0, 0, 1000 },
        { 1, 12, 1, 0, 5, 5, 1000 },
        { 1, 12, 1, 0, 6, 6, 200 },
        { 1, 4, 0, 0, 0, 3, 1000 },
        { 1, 4, 0, 0, 3, 3, 200 },
        { 1, 2, 0, 0, 1, 2, 200 },
        { 1, 1, 0, 0, 0, 1, 200 },
        /* all have equally many */
        { 3, 60, 2, 0, 16, 16, 1000 },
        { 30, 2, 2, 0, 0, 3, 1000 },
        { 30, 2, 2, 0, 16, 16, 200 },
        { 10, 1, 0, 0, 0, 3, 200 },
        { 10, 1, 0, 2, 0, 1, 200 },
        { 10, 1, 0, 3, 0, 0, 200 },
        /* root keeps what it has */
        { 0, 0, 20, 0, 0, 0, 200 },
};

static Peer peers[N_MAX];
static size_t n_peers;

static void add(Rig *rig, uid_t uid) {
        assert(n_peers < N_MAX);
        peers[n_peers] = peer_new_of(rig, 0, &(Credentials){ .uid = uid });
        message_free(peer_expect_body(rig, &peers[n_peers], WELCOME));
        ++n_peers;
}

static bool gets_in(Rig *rig, uid_t uid) {
        size_t n = rig_status(rig).connections;

        peers[n_peers++] = peer_new_of(rig, 0, &(Credentials){ .uid = uid });
        return rig_status(rig).connections == n + 1;
}

static void free_peers(void) {
        while (n_peers > 0)
                peer_free(&peers[--n_peers]);
}

static size_t count_of(Rig *rig, uid_t uid) {
        size_t n = 0;

        list_for_each(link, safe, &rig->hub.connections.open)
                n += container_of(link, Client, connection.link)->uid == uid;
        return n;
}

/* Each that was closed has read why, and nothing else. */
static void check_closed(Rig *rig, size_t n_expected) {
        size_t n = 0;

        for (size_t i = 0; i < n_peers; ++i) {
                (void)peer_receive(&peers[i], SIZE_MAX);
                if (!peers[i].ended)
                        continue;
                peer_expect_error(rig, &peers[i], ERROR_QUOTA, true);
                assert(peers[i].n == peers[i].n_taken);
                ++n;
        }
        assert(n == n_expected);
        assert(rig_status(rig).closed_for_errors == n && rig_status(rig).refused_quota == n);
}

static void check_case(const Case *c, bool for_root) {
        size_t n_closed = for_root ? c->n_for_root : c->n_closed, n_newcomers = 0;
        Rig *rig = rig_new();
        struct rlimit limit;
        Shortage shortage;

        shortage_init(&shortage, &rig->hub);
        assert(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= c->limit);
        assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ c->limit, limit.rlim_max }) == 0);
        for (size_t i = 0; i < c->n_each; ++i)
                for (size_t user = 0; user < c->n_users; ++user)
                        add(rig, (uid_t)(FIRST_UID + user));
        for (size_t i = 0; i < c->n_of_root; ++i)
                add(rig, 0);
        assert(shortage_make_room(&shortage, c->n_free, for_root) == (n_closed > 0 || c->n_free >= 16));
        /* the descriptors are free at the end of the turn: until then no more connections are closed */
        if (n_closed > 0)
                assert(shortage_make_room(&shortage, 0, for_root));
        rig_turn(rig);
        check_closed(rig, n_closed);
        assert(count_of(rig, 0) == c->n_of_root);
        for (size_t user = 0; user < c->n_users && !for_root; ++user) {
                size_t n = count_of(rig, (uid_t)(FIRST_UID + user));
                size_t even = (c->n_users * c->n_each - n_closed) / c->n_users;

                assert(n >= 1 && n >= even && n <= even + 1);
        }

        /* Root and newcomers get the free ones, and the user who has most gets none. */
        if (n_closed > 0) {
                if (count_of(rig, FIRST_UID) >= rig_share(rig, QUOTA_CONNECTIONS)->ordinary)
                        assert(!gets_in(rig, FIRST_UID));
                assert(gets_in(rig, 0));
                while (n_newcomers < N_MAX / 2 && gets_in(rig, (uid_t)(50000 + n_newcomers)))
                        ++n_newcomers;
                assert(n_newcomers >= MAX((c->n_free + n_closed) / 2, (size_t)2));
        }
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        shortage_deinit(&shortage);
        free_peers();
        rig_turn(rig);
        rig_free(rig);
}

/* A connection with a stream is closed after those without one, and older ones after newer ones. */
static void test_order(void) {
        Rig *rig = rig_new();
        struct rlimit limit;
        Shortage shortage;

        shortage_init(&shortage, &rig->hub);
        assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 100, limit.rlim_max }) == 0);
        for (size_t i = 0; i < 6; ++i)
                add(rig, FIRST_UID);
        peer_ask_subscribe(&peers[5], 1, false, 0);
        message_free(peer_expect_body(rig, &peers[5], SUBSCRIBED));
        /* a connection that was served goes to the list's other end: it is not newer */
        peer_ask_status(&peers[0], 2);
        message_free(peer_expect_body(rig, &peers[0], BROKER_STATUS));
        assert(shortage_make_room(&shortage, 0, false));
        rig_turn(rig);
        for (size_t i = 0; i < 6; ++i) {
                (void)peer_receive(&peers[i], SIZE_MAX);
                assert(peers[i].ended == (i >= 2 && i < 5));
        }
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        shortage_deinit(&shortage);
        free_peers();
        rig_turn(rig);
        rig_free(rig);
}

/* A limit that was lowered below descriptors in use: to close those above it makes no room. */
static void test_lowered(void) {
        struct rlimit limit, few;
        Rig *rig = rig_new();
        QuotaShare full = *rig_share(rig, QUOTA_CONNECTIONS);
        Shortage shortage;
        int middle;

        shortage_init(&shortage, &rig->hub);
        for (size_t i = 0; i < 20; ++i)
                add(rig, FIRST_UID);
        middle = peers[10].connection->fd;
        assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        few = (struct rlimit){ .rlim_cur = (rlim_t)middle, .rlim_max = limit.rlim_max };
        assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
        assert(shortage_n_free(middle) == 0 && shortage_n_free(middle - 1) == 0 && shortage_n_free(middle - 3) == 2);
        assert(shortage_make_room(&shortage, 0, false));
        rig_turn(rig);
        for (size_t i = 0; i < 20; ++i) {
                (void)peer_receive(&peers[i], SIZE_MAX);
                assert(peers[i].ended == (i < 10));
        }
        /* while the limit is low, so is the total */
        ev_feed_event(rig->loop, &shortage.calm, EV_TIMER);
        rig_turn(rig);
        assert(ev_is_active(&shortage.calm) && rig_share(rig, QUOTA_CONNECTIONS)->total < full.total);
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        *rig_share(rig, QUOTA_CONNECTIONS) = full;
        shortage.full.total = MIN(full.total, (uint64_t)limit.rlim_cur / 2);
        ev_feed_event(rig->loop, &shortage.calm, EV_TIMER);
        rig_turn(rig);
        assert(!ev_is_active(&shortage.calm));
        shortage_deinit(&shortage);
        free_peers();
        rig_turn(rig);
        rig_free(rig);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        for (size_t i = 0; i < ARRAY_SIZE(cases); ++i) {
                check_case(&cases[i], false);
                check_case(&cases[i], true);
        }
        test_order();
        test_lowered();
        return 0;
}
