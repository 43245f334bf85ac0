/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A user who wants all of the broker: attack SOCKET SECONDS UID[+USERS] WHAT...
 *
 * Becomes the user, if that is not -1, and does each of what is named, in a process
 * of its own, as fast as it can, until the time is up. A name may come several times. With
 * USERS, so many users from UID on take turns in the processes. The program reads the broker's
 * answers and drops them. A refusal or a closed connection is no error. At the end it
 * prints how often it did each.
 */

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_MAX 4096

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static double end;
static int fds[N_MAX];
static volatile unsigned long *count;

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Never waits: a full queue of connections is tried again. */
static int attach(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                fd = -1;
        }
        return fd;
}

/* Reads what there is; whether the connection lives. */
static bool drain(int fd) {
        static char data[1 << 16];
        ssize_t n;

        while ((n = recv(fd, data, sizeof(data), 0)) > 0)
                ;
        return n < 0 && errno == EAGAIN;
}

static size_t put_varint(uint8_t *out, uint64_t value) {
        size_t n = 0;

        for (; value >= 0x80; value >>= 7)
                out[n++] = (uint8_t)(value | 0x80);
        out[n++] = (uint8_t)value;
        return n;
}

/* Field @tag with @n bytes of content. */
static size_t put_bytes(uint8_t *out, unsigned int tag, const void *data, size_t n) {
        size_t n_head = put_varint(out, tag << 3 | 2);

        n_head += put_varint(out + n_head, n);
        if (n > 0)
                memcpy(out + n_head, data, n);
        return n_head + n;
}

/* A Subscribe as a frame: of a filter, with a snapshot or not. */
static size_t put_subscribe(uint8_t *out, const uint8_t *filter, size_t n_filter, bool snapshot) {
        static uint8_t subscribe[8192], message[8192];
        size_t n = 0, n_message;

        for (uint8_t kind = 1; kind <= 5; ++kind) {
                subscribe[n++] = 1 << 3;
                subscribe[n++] = kind;
        }
        subscribe[n++] = 2 << 3;
        subscribe[n++] = 1;
        if (snapshot) {
                subscribe[n++] = 5 << 3;
                subscribe[n++] = 1;
        }
        n += put_bytes(subscribe + n, 7, filter, n_filter);
        n_message = put_bytes(message, 2, subscribe, n);
        n = put_varint(out, n_message);
        memcpy(out + n, message, n_message);
        return n + n_message;
}

static void close_all(size_t n) {
        for (size_t i = 0; i < n; ++i)
                close(fds[i]);
}

/* As many as it gets; then all are given up, and it begins anew. */
static void do_connections(void) {
        while (now() < end) {
                size_t n = 0;

                while (n < N_MAX && now() < end && (fds[n] = attach()) >= 0) {
                        ++n;
                        ++*count;
                }
                close_all(n);
        }
}

/* As many as it gets, held. */
static void do_hold(void) {
        size_t n = 0;

        while (now() < end) {
                if (n < N_MAX && (fds[n] = attach()) >= 0) {
                        ++n;
                        ++*count;
                } else {
                        usleep(1000);
                }
        }
        close_all(n);
}

/* Always another subscription, with a snapshot, of which a little is read. */
static void do_feeds(void) {
        for (uint32_t i = 0; now() < end; ++i) {
                uint8_t filter[16], frame[256];
                int fd = attach();

                if (fd < 0)
                        continue;
                filter[0] = 1 << 3;
                (void)!send(fd, frame, put_subscribe(frame, filter, 1 + put_varint(filter + 1, i), true), MSG_NOSIGNAL);
                (void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 10);
                (void)drain(fd);
                close(fd);
                ++*count;
        }
}

/* On sixteen connections, without a pause. */
static void do_requests(void) {
        uint8_t frames[4096];
        size_t n = 0;

        for (size_t i = 0; i + 3 <= sizeof(frames); i += 3)
                memcpy(frames + i, "\x02\x1a\x00", 3);
        for (; n < 16; ++n)
                fds[n] = attach();
        while (now() < end) {
                for (size_t i = 0; i < n; ++i) {
                        if (fds[i] < 0 || !drain(fds[i])) {
                                close(fds[i]);
                                fds[i] = attach();
                        }
                        if (fds[i] >= 0 && send(fds[i], frames, sizeof(frames) / 3 * 3, MSG_NOSIGNAL) > 0)
                                ++*count;
                }
        }
        close_all(n);
}

/* Sixteen subscriptions of patterns that take long to match; and names that they are to be matched with. */
static void do_patterns(void) {
        static const char *const shapes[] = {
                "*[!b-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-zb-z]%02zub",
                "*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*%02zub",
                "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*%02zub",
        };
        static uint8_t filter[4096], frame[8192];
        size_t n_fds = 0;

        for (; n_fds < 16; ++n_fds) {
                size_t n = 0;

                for (size_t i = 0; i < 16; ++i) {
                        char pattern[80];

                        snprintf(pattern, sizeof(pattern), "%s%02zub", shapes[i % 3], (n_fds * 16 + i) % 100);
                        n += put_bytes(filter + n, 4, pattern, strlen(pattern));
                }
                fds[n_fds] = attach();
                if (fds[n_fds] >= 0)
                        (void)!send(fds[n_fds], frame, put_subscribe(frame, filter, n, false), MSG_NOSIGNAL);
        }
        while (now() < end) {
                for (size_t i = 0; i < n_fds; ++i)
                        if (fds[i] >= 0)
                                (void)drain(fds[i]);
                usleep(1000);
                ++*count;
        }
        close_all(n_fds);
}

/* A request of the member @tag as a frame. */
static size_t put_request(uint8_t *out, unsigned int tag, const uint8_t *data, size_t n) {
        static uint8_t message[8400];
        size_t n_message = put_bytes(message, tag, data, n), n_prefix = put_varint(out, n_message);

        memcpy(out + n_prefix, message, n_message);
        return n_prefix + n_message;
}

/* The statistics of as many processes as may be asked for at once, on eight connections, without a pause. */
static void do_stats(void) {
        static uint8_t pids[1024], body[1024], frame[2048];
        size_t n_pids = 0, n_frame;
        uint32_t pid = 1;

        for (int i = 0; i < 128; ++i, pid = pid * 7 % 4001)
                n_pids += put_varint(pids + n_pids, pid);
        n_frame = put_request(frame, 4, body, put_bytes(body, 1, pids, n_pids));
        for (size_t i = 0; i < 8; ++i)
                fds[i] = attach();
        while (now() < end) {
                for (size_t i = 0; i < 8; ++i) {
                        if (fds[i] < 0 || !drain(fds[i])) {
                                close(fds[i]);
                                fds[i] = attach();
                        }
                        if (fds[i] >= 0 && send(fds[i], frame, n_frame, MSG_NOSIGNAL) > 0)
                                ++*count;
                }
        }
        close_all(8);
}

/* Reads the first connections until the end. */
static void take_samples(size_t n) {
        while (now() < end) {
                for (size_t i = 0; i < n; ++i)
                        if (fds[i] >= 0)
                                (void)drain(fds[i]);
                usleep(1000);
                ++*count;
        }
        close_all(n);
}

/* Ten samples a second of each of sixteen sets of tasks. */
static void do_samples(void) {
        for (uint8_t i = 0; i < 16; ++i) {
                uint8_t body[16] = { 1 << 3, 100, 3 << 3 | 2, 2, 1 << 3, i }, frame[64];

                fds[i] = attach();
                if (fds[i] >= 0)
                        (void)!send(fds[i], frame, put_request(frame, 5, body, 6), MSG_NOSIGNAL);
        }
        take_samples(16);
}

/*
 * Ten samples a second by sixteen filters, each as long as a filter may be. The one half has patterns that take long to
 * match, the other half has lists of users and processes.
 */
static void do_sweeps(void) {
        static const char *const shapes[] = {
                "?*?*?*?*?*?*?*?*?*?*?*?*?*?*",
                "*[[:alpha:]][[:alpha:]][[:alpha:]][[:alpha:]]*",
        };
        static uint8_t filter[8192], body[8300], frame[8400];

        for (uint8_t i = 0; i < 16; ++i) {
                uint8_t head[] = { 1 << 3, 100, 2 << 3, 2 };
                size_t n = 0, n_body = sizeof(head);

                for (uint8_t k = 0; k < 16 && i % 2; ++k) {
                        char pattern[64];

                        snprintf(pattern, sizeof(pattern), "*%02u%s%02uz", i, shapes[k % 2], k);
                        n += put_bytes(filter + n, 4, pattern, strlen(pattern));
                }
                for (uint32_t k = 0; k < 64 && i % 2 == 0; ++k) {
                        filter[n++] = 1 << 3;
                        n += put_varint(filter + n, k < 32 ? k : 65500 + k);
                        filter[n++] = 2 << 3;
                        n += put_varint(filter + n, 1 + i * 100 + k);
                }
                memcpy(body, head, sizeof(head));
                n_body += put_bytes(body + n_body, 3, filter, n);
                fds[i] = attach();
                if (fds[i] >= 0)
                        (void)!send(fds[i], frame, put_request(frame, 5, body, n_body), MSG_NOSIGNAL);
        }
        take_samples(16);
}

/* Subscribes to the descendants of process 1, as often as the broker accepts; shuts half of them at once. */
/* As many streams as it gets, and all that they have is read at once. */
static void do_streams(void) {
        size_t n = 0;

        while (now() < end) {
                uint8_t frame[256];
                size_t n_frame = put_subscribe(frame, NULL, 0, false);

                if (n < N_MAX && (fds[n] = attach()) >= 0) {
                        for (int i = 0; i < 16; ++i)
                                (void)!send(fds[n], frame, n_frame, MSG_NOSIGNAL);
                        ++n;
                        ++*count;
                }
                for (size_t i = 0; i < n; ++i)
                        (void)drain(fds[i]);
        }
        close_all(n);
}

static void do_subtrees(void) {
        for (uint32_t i = 0; now() < end; ++i) {
                uint8_t filter[16] = { 3 << 3, 1, 1 << 3 }, frame[256];
                int fd = attach();

                if (fd < 0)
                        continue;
                (void)!send(fd, frame, put_subscribe(frame, filter, 3 + put_varint(filter + 3, i), true), MSG_NOSIGNAL);
                if (i % 2)
                        (void)shutdown(fd, SHUT_WR);
                (void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 10);
                (void)drain(fd);
                close(fd);
                ++*count;
        }
}

/* Snapshots of all tasks by patterns that cost much, each another feed; half of them are given up at once. */
static void do_snapshots(void) {
        static uint8_t filter[4096], frame[8192];

        for (uint32_t i = 0; now() < end; ++i) {
                size_t n = 0;
                int fd;

                for (uint32_t k = 0; k < 16; ++k) {
                        char pattern[80];

                        snprintf(pattern, sizeof(pattern), "*??????????????????????????????????????????%u-%u", i, k);
                        n += put_bytes(filter + n, 4, pattern, strlen(pattern));
                }
                fd = attach();
                if (fd < 0)
                        continue;
                (void)!send(fd, frame, put_subscribe(frame, filter, n, true), MSG_NOSIGNAL);
                if (i % 2)
                        (void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 100);
                close(fd);
                ++*count;
        }
}

/* Subscribers of everything, as many as it gets, which read only at times. */
static void do_readers(void) {
        size_t n = 0;

        while (now() < end) {
                uint8_t frame[256];

                if (n < N_MAX && (fds[n] = attach()) >= 0) {
                        (void)!send(fds[n++], frame, put_subscribe(frame, NULL, 0, false), MSG_NOSIGNAL);
                        ++*count;
                        continue;
                }
                for (size_t i = 0; i < n; ++i)
                        (void)drain(fds[i]);
                usleep(20000);
        }
        close_all(n);
}

/* Requests that never end, the largest that may be. */
static void do_halves(void) {
        static uint8_t part[60000] = { 0x80, 0x80, 0x04 };
        size_t n = 0;

        while (now() < end) {
                if (n < N_MAX && (fds[n] = attach()) >= 0) {
                        (void)!send(fds[n++], part, sizeof(part), MSG_NOSIGNAL);
                        ++*count;
                        continue;
                }
                close_all(n);
                n = 0;
        }
        close_all(n);
}

static const struct {
        const char *name;
        void (*run)(void);
} kinds[] = {
        { "connections", do_connections },
        { "hold", do_hold },
        { "feeds", do_feeds },
        { "requests", do_requests },
        { "patterns", do_patterns },
        { "readers", do_readers },
        { "halves", do_halves },
        { "stats", do_stats },
        { "streams", do_streams },
        { "samples", do_samples },
        { "snapshots", do_snapshots },
        { "subtrees", do_subtrees },
        { "sweeps", do_sweeps },
};

static int usage(void) {
        fprintf(stderr, "usage: attack SOCKET SECONDS UID[+USERS] WHAT...\n");
        return 2;
}

/* The attack with a name; NULL: the name is not known. */
static void (*find_kind(const char *name))(void) {
        for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); ++k)
                if (strcmp(kinds[k].name, name) == 0)
                        return kinds[k].run;
        return NULL;
}

static void become(int uid) {
        if (uid >= 0 && (setgroups(0, NULL) < 0 || setgid((gid_t)uid) < 0 || setuid((uid_t)uid) < 0)) {
                perror("attack: setuid");
                _exit(1);
        }
}

int main(int argc, char **argv) {
        struct rlimit limit;
        int uid, n_users = 1, failed = 0;

        if (argc < 5 || strlen(argv[1]) >= sizeof(address.sun_path))
                return usage();
        strcpy(address.sun_path, argv[1]);
        end = now() + atof(argv[2]);
        uid = atoi(argv[3]);
        if (strchr(argv[3], '+'))
                n_users = atoi(strchr(argv[3], '+') + 1);
        if (n_users < 1)
                return usage();
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
        count = mmap(NULL, (size_t)argc * sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (count == MAP_FAILED)
                return 1;
        for (int i = 4; i < argc; ++i) {
                void (*run)(void) = find_kind(argv[i]);

                if (!run)
                        return usage();
                if (fork() == 0) {
                        become(uid < 0 ? uid : uid + (i - 4) % n_users);
                        count += i;
                        run();
                        _exit(0);
                }
        }
        for (int status; wait(&status) > 0;)
                failed |= status;
        for (int i = 4; i < argc; ++i)
                printf("%s %lu\n", argv[i], count[i]);
        return failed ? 1 : 0;
}
