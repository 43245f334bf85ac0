/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The listening socket: whose path it takes, whose it leaves alone, and who may connect. */

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "broker/server/listener.h"
#include "tests/unit/hub_rig.h"

#define LISTEN_ON(path_)                                                                                               \
        (&(ListenerOptions){.path = path_, .fd = -1, .mode = LISTENER_MODE_DEFAULT, .group = (gid_t)-1})

static void path_of(const Tree *tree, const char *name, char path[static 108]) {
        assert((size_t)snprintf(path, 108, "%s/%s", tree->path, name) < 108);
}

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert(fd >= 0);
        strcpy(address.sun_path, path);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

/* A socket at @path; closed, it is left over. */
static int bind_to(const char *path, bool listening) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert(fd >= 0);
        strcpy(address.sun_path, path);
        assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
        if (listening)
                assert(listen(fd, 5) == 0);
        return fd;
}

static void check_welcome(Rig *rig, const char *path) {
        Peer peer = { .fd = connect_to(path), .bytes = malloc(PEER_BYTES_MAX) };

        assert(peer.fd >= 0 && peer.bytes);
        message_free(peer_expect_body(rig, &peer, WELCOME));
        peer_free(&peer);
        rig_turn(rig);
}

static void test_listen(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        mode_t mask = umask(077);
        Listener listener;
        char path[108];
        struct stat st;

        path_of(&tree, "sock", path);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
        /* everybody's, whatever the umask, which is left as it was */
        assert(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0666);
        assert(umask(mask) == 077);
        check_welcome(rig, path);
        check_welcome(rig, path);
        listener_deinit(&listener);
        assert(stat(path, &st) < 0 && errno == ENOENT);
        listener_deinit(&listener);
        rig_free(rig);
        tree_free(&tree);
}

static void test_many_connections(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        Listener listener;
        char path[108];
        int fds[200];

        path_of(&tree, "sock", path);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(fds); ++i) {
                fds[i] = connect_to(path);
                assert(fds[i] >= 0);
                /* the last fifty wait in the queue */
                if (i < 150 && i % 20 == 19)
                        rig_turn(rig);
        }
        /* few in a turn: events wait for its end */
        for (size_t n = rig_status(rig).connections; n < ARRAY_SIZE(fds); n = rig_status(rig).connections) {
                rig_run_watchers(rig);
                assert(rig_status(rig).connections == MIN(n + LIMIT_TURN_CONNECTIONS, ARRAY_SIZE(fds)));
        }
        for (size_t i = 0; i < ARRAY_SIZE(fds); ++i)
                close(fds[i]);
        rig_turn(rig);
        assert(rig_status(rig).connections == 0);
        listener_deinit(&listener);
        rig_free(rig);
        tree_free(&tree);
}

/*
 * A user that has connected too often is turned away at once, with an Error. A connection that waits behind
 * the flood is welcomed when as many turns have passed as the flood takes.
 */
static void test_flood(void) {
        static uid_t flooder = 65533, other = 65534;
        uid_t uid = geteuid();
        Tree tree = tree_new();
        Rig *rig = rig_new();
        int fds[LIMIT_BACKLOG - 1];
        QuotaUser *user;
        Listener listener;
        char path[108];
        Peer peer = { .bytes = malloc(PEER_BYTES_MAX) };

        path_of(&tree, "sock", path);
        assert(peer.bytes && chmod(tree.path, 0755) == 0 &&
               listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
        if (uid != 0) {
                flooder = uid;
                rig_limits(rig)->root = (uid_t)-2;
        }
        user = quota_user_get(&rig->hub.quota, flooder, 1);
        quota_user_overdraw(user, QUOTA_CONNECTS, 1000000, (uint64_t)clock_read_ns(CLOCK_MONOTONIC));
        assert(uid != 0 || seteuid(flooder) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(fds); ++i) {
                fds[i] = connect_to(path);
                assert(fds[i] >= 0);
        }
        assert(uid != 0 || (seteuid(0) == 0 && seteuid(other) == 0));
        peer.fd = connect_to(path);
        assert(peer.fd >= 0 && (uid != 0 || seteuid(0) == 0));

        rig_run_watchers(rig);
        _Static_assert(LIMIT_BACKLOG <= LIMIT_TURN_REFUSALS, "a turn empties the queue");
        assert(rig_status(rig).connections == (uid == 0) && rig_status(rig).refused_quota >= ARRAY_SIZE(fds));
        /* the time was charged to the flooder alone */
        assert(user->work_paid_ns > 0);
        if (uid == 0)
                message_free(peer_expect_body(rig, &peer, WELCOME));
        for (size_t i = 0; i < ARRAY_SIZE(fds); ++i) {
                Peer refused = { .fd = fds[i], .bytes = peer.bytes };

                peer_expect_error(rig, &refused, ERROR_QUOTA, true);
                close(fds[i]);
        }
        quota_user_unref(user);
        peer_free(&peer);
        rig_turn(rig);
        listener_deinit(&listener);
        rig_free(rig);
        tree_free(&tree);
}

static void test_stale_socket(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        Listener listener;
        char path[108];

        /* the first socket belonged to a broker that never listened, the second to a killed broker */
        for (int listening = 0; listening < 2; ++listening) {
                path_of(&tree, "stale", path);
                close(bind_to(path, listening));
                assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
                check_welcome(rig, path);
                listener_deinit(&listener);
        }
        rig_free(rig);
        tree_free(&tree);
}

/* Starts a listener when @go_fd ends, reports the result, and stops when @end_fd ends. */
static void race_run(const char *path, int go_fd, int result_fd, int end_fd) {
        Rig *rig = rig_new();
        Listener listener;
        int8_t r;
        char byte;

        assert(read(go_fd, &byte, 1) == 0);
        r = (int8_t)listener_init(&listener, &rig->hub, LISTEN_ON(path));
        assert(write(result_fd, &r, 1) == 1);
        assert(read(end_fd, &byte, 1) == 0);
        listener_deinit(&listener);
        rig_free(rig);
        _exit(0);
}

/* Several brokers start at once, over a stale socket or none. One listens, and the lock file is gone afterwards. */
static void test_start_at_once(void) {
        enum { N = 6, N_ROUNDS = 40 };
        Tree tree = tree_new();
        char path[108], lock[108];
        struct stat st;

        path_of(&tree, "sock", path);
        path_of(&tree, "sock.lock", lock);
        for (int round = 0; round < N_ROUNDS; ++round) {
                int go[2], results[2], ends[2], n_listen = 0, status;
                int8_t r;

                if (round % 2)
                        close(bind_to(path, true));
                assert(pipe2(go, O_CLOEXEC) == 0 && pipe2(results, O_CLOEXEC) == 0 &&
                       pipe2(ends, O_CLOEXEC) == 0);
                for (int i = 0; i < N; ++i) {
                        if (fork() > 0)
                                continue;
                        close(go[1]);
                        close(ends[1]);
                        race_run(path, go[0], results[1], ends[0]);
                }
                close(go[0]);
                close(go[1]);
                close(ends[0]);
                for (int i = 0; i < N; ++i) {
                        assert(read(results[0], &r, 1) == 1);
                        assert(r == 0 || r == LISTENER_E_IN_USE);
                        n_listen += r == 0;
                }
                assert(n_listen == 1);
                assert(stat(lock, &st) < 0 && errno == ENOENT);
                close(ends[1]);
                for (int i = 0; i < N; ++i)
                        assert(wait(&status) > 0 && status == 0);
                assert(stat(path, &st) < 0 && errno == ENOENT);
                close(results[0]);
                close(results[1]);
        }
        tree_free(&tree);
}

/* A lock without a process, of a broker that was killed, locks nothing; a lock that is held is another start. */
static void test_lock(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        char path[108], lock[108];
        Listener listener;
        int fd;

        path_of(&tree, "sock", path);
        path_of(&tree, "sock.lock", lock);
        fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_IN_USE);
        listener_deinit(&listener);
        close(fd);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
        check_welcome(rig, path);
        listener_deinit(&listener);
        assert(access(lock, F_OK) < 0);

        assert(symlink("/dev/null", lock) == 0);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_PATH);
        listener_deinit(&listener);
        rig_free(rig);
        tree_free(&tree);
}

static void test_in_use(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        Listener first, second;
        char path[108];

        path_of(&tree, "sock", path);
        assert(listener_init(&first, &rig->hub, LISTEN_ON(path)) == 0);
        assert(listener_init(&second, &rig->hub, LISTEN_ON(path)) == LISTENER_E_IN_USE);
        listener_deinit(&second);
        /* the first listener still works */
        check_welcome(rig, path);
        listener_deinit(&first);
        rig_free(rig);
        tree_free(&tree);
}

static void test_not_a_socket(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        char path[108], target[108];
        Listener listener;
        struct stat st;

        tree_write_text(&tree, "file", "precious");
        path_of(&tree, "file", path);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_PATH);
        listener_deinit(&listener);
        assert(stat(path, &st) == 0 && st.st_size == 8);

        path_of(&tree, "link", target);
        assert(symlink(path, target) == 0);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(target)) == LISTENER_E_PATH);
        listener_deinit(&listener);
        assert(lstat(target, &st) == 0 && S_ISLNK(st.st_mode));

        path_of(&tree, "nowhere/sock", path);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_PATH);
        listener_deinit(&listener);
        path_of(&tree, "file/sock", path);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_PATH);
        listener_deinit(&listener);

        /* a directory */
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(tree.path)) == LISTENER_E_PATH);
        listener_deinit(&listener);
        rig_free(rig);
        tree_free(&tree);
}

static void test_long_path(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        Listener listener;
        char path[200];
        size_t n = strlen(tree.path);

        memset(path, 'p', sizeof(path));
        memcpy(path, tree.path, n);
        path[n] = '/';
        path[108] = 0;
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_PATH);
        listener_deinit(&listener);
        path[107] = 0;
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
        listener_deinit(&listener);
        rig_free(rig);
        tree_free(&tree);
}

static void test_permission(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        char path[108], stale[108];
        uid_t uid = geteuid();
        Listener listener;

        path_of(&tree, "sock", path);
        path_of(&tree, "stale", stale);
        close(bind_to(stale, true));
        assert(chmod(stale, 0666) == 0 && chmod(tree.path, 0555) == 0);
        /* root may write anywhere */
        assert(uid != 0 || seteuid(65534) == 0);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == LISTENER_E_PERMISSION);
        listener_deinit(&listener);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(stale)) == LISTENER_E_PERMISSION);
        listener_deinit(&listener);
        assert(uid != 0 || seteuid(0) == 0);
        assert(access(stale, F_OK) == 0);
        assert(chmod(tree.path, 0700) == 0);
        rig_free(rig);
        tree_free(&tree);
}

/* A broker that came after has its own socket there: it is not ours to remove. */
static void test_replaced(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        Listener listener;
        char path[108], keep[108];
        struct stat st;
        int fd;

        path_of(&tree, "sock", path);
        path_of(&tree, "keep", keep);
        assert(listener_init(&listener, &rig->hub, LISTEN_ON(path)) == 0);
        /* the old inode is kept, so that the new one cannot have its number */
        assert(link(path, keep) == 0 && unlink(path) == 0);
        fd = bind_to(path, true);
        listener_deinit(&listener);
        assert(stat(path, &st) == 0 && S_ISSOCK(st.st_mode));
        close(fd);
        rig_free(rig);
        tree_free(&tree);
}

/* A socket from a service manager is used unchanged, and the manager keeps its file. */
static void test_handed_in(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        Listener listener;
        char path[108];
        struct stat st;

        path_of(&tree, "sock", path);
        assert(listener_init(&listener, &rig->hub, &(ListenerOptions){.path = "/unused", .fd = bind_to(path, true)}) ==
               0);
        assert(listener.path[0] == 0);
        check_welcome(rig, path);
        listener_deinit(&listener);
        assert(stat(path, &st) == 0);
        rig_free(rig);
        tree_free(&tree);
}

static Listener paused;

/* Takes every descriptor that there is; returns how many. */
static size_t take_descriptors(int *spare, size_t n_max) {
        size_t n = 0;

        while (n < n_max && (spare[n] = dup(0)) >= 0)
                ++n;
        assert(n < n_max && errno == EMFILE);
        return n;
}

/*
 * Out of descriptors, and root alone has connections: it pauses, and takes up the connection that waited as soon as
 * another is closed, or after a while.
 */
static void test_pause(void) {
        Tree tree = tree_new();
        Rig *rig = rig_new();
        struct rlimit limit, few;
        int spare[256], first, fds[2];
        char path[108];
        size_t n;

        rig_limits(rig)->root = geteuid();
        path_of(&tree, "sock", path);
        assert(listener_init(&paused, &rig->hub, LISTEN_ON(path)) == 0);
        rig->listener = &paused;
        first = connect_to(path);
        fds[0] = connect_to(path);
        fds[1] = connect_to(path);
        assert(first >= 0 && fds[0] >= 0 && fds[1] >= 0);
        /* the loop needs its own descriptors first, and takes all three in */
        rig_turn(rig);
        assert(rig_status(rig).connections == 3);
        close(fds[0]);
        close(fds[1]);
        rig_turn(rig);
        assert(rig_status(rig).connections == 1);

        fds[0] = connect_to(path);
        fds[1] = connect_to(path);
        assert(fds[0] >= 0 && fds[1] >= 0);
        assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        few = limit;
        few.rlim_cur = 256;
        assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
        n = take_descriptors(spare, ARRAY_SIZE(spare));
        rig_turn(rig);
        assert(rig_status(rig).connections == 1);
        assert(!ev_is_active(&paused.watcher) && ev_is_active(&paused.pause) && ev_is_active(&paused.calm));

        /* One goes: its place is the next one's, who it is can be seen, and for the one after there is not enough. */
        close(first);
        close(spare[--n]);
        rig_turn(rig);
        assert(rig_status(rig).connections == 1 && paused.pending >= 0);
        assert(!ev_is_active(&paused.watcher) && ev_is_active(&paused.pause));

        while (n > 0)
                close(spare[--n]);
        assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        ev_feed_event(rig->loop, &paused.pause, EV_TIMER);
        rig_turn(rig);
        assert(rig_status(rig).connections == 2 && paused.pending < 0 && rig_status(rig).refused_connections == 0);
        assert(ev_is_active(&paused.watcher) && ev_is_active(&paused.calm));
        ev_feed_event(rig->loop, &paused.calm, EV_TIMER);
        rig_turn(rig);
        assert(!ev_is_active(&paused.calm));
        close(fds[0]);
        close(fds[1]);
        listener_deinit(&paused);
        rig_free(rig);
        tree_free(&tree);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        test_listen();
        test_many_connections();
        test_flood();
        test_stale_socket();
        test_start_at_once();
        test_lock();
        test_in_use();
        test_not_a_socket();
        test_long_path();
        test_permission();
        test_replaced();
        test_handed_in();
        test_pause();
        return 0;
}
