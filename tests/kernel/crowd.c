/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes of all sorts, made at full speed, of which some stay:
 *
 *         crowd --comm NAME --helper PATH --truth FILE [--count N] [--workers W]
 *               [--stay K] [--kinds KIND,...] [--groups DIRECTORY,...]
 *
 * Says "ready" and the workers' pids on standard output, and begins when it is sent
 * a line. When each worker has made N children, or all were sent another line, and
 * all have gone but every K-th of a kind, which stays, it writes FILE and says "done".
 * At the end of standard input all go. The behaviour of a kind varies with a period of 12,
 * so K is best prime to it.
 *
 * plain   ends.
 * orphan  ends before its own child does.
 * daemon  the same, with a session and a name of its own, and a child's child.
 * uid     becomes CROWD_UID, makes a child, and is root again or not.
 * comm    gives itself another name, NAME and a "+", and takes it back or not.
 * exec    runs the helper.
 * thread  has threads that end before it or after it, or of which one runs the helper.
 * cpu     is moved to a processor, and makes a child there.
 * group   goes to one of the cgroups, and runs the helper there.
 * move    goes to one of the cgroups, and runs nothing.
 *
 * When crowd says "done", each process that stays has its last name, user, group and threads,
 * and blocks. Each blocks on a pipe that crowd alone can write to, so that no process outlives
 * crowd. Another pipe, which all processes that do not block yet can write to, ends when the
 * last of them blocks or has gone.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kernel/leader.h"
#include "tests/kernel/truth.h"

#define CROWD_UID 61234
#define N_WORKERS 8
#define N_GROUPS 8
#define N_WINDOW 16
#define N_THREADS 3

enum Kind {
        KIND_PLAIN,
        KIND_ORPHAN,
        KIND_DAEMON,
        KIND_UID,
        KIND_COMM,
        KIND_EXEC,
        KIND_THREAD,
        KIND_CPU,
        KIND_GROUP,
        KIND_MOVE,
        _N_KINDS,
};

static const char *const kind_names[] = {
        "plain", "orphan", "daemon", "uid", "comm", "exec", "thread", "cpu", "group", "move",
};

/* Shared by all processes. */
typedef struct Board {
        uint32_t n_records;
        bool failed;
        bool stop;              /* the workers are to make no more */
        struct CrowdRecord records[];
} Board;

/* One child: what it is to do. */
typedef struct Part {
        enum Kind kind;
        uint32_t sequence;
        bool stays;
        int code;
} Part;

static Board *board;
static size_t n_board;
static const char *comm = "crowd", *helper, *groups[N_GROUPS];
static uint32_t n_groups, worker_pid;
static enum Kind kinds[_N_KINDS];
static uint32_t n_kinds;
static int gate[2], busy[2];

_Noreturn static void die(const char *what) {
        fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
        if (board)
                board->failed = true;
        _exit(120);
}

static uint64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void name_set(const char *suffix) {
        char name[16];

        snprintf(name, sizeof(name), "%s%s", comm, suffix);
        prctl(PR_SET_NAME, name);
}

/* Makes a process and writes it down; 0 in the new one. */
static pid_t process_make(const Part *part, bool stays) {
        uint64_t born_ns = now_ns();
        struct CrowdRecord *record;
        uint32_t i;
        pid_t pid;

        while ((pid = fork()) < 0) {
                if (errno != EAGAIN)
                        die("fork");
                usleep(1000);
        }
        if (pid == 0)
                return 0;
        i = __atomic_fetch_add(&board->n_records, 1, __ATOMIC_SEQ_CST);
        if (sizeof(*board) + (i + 1) * sizeof(*record) > n_board)
                die("more processes than were planned");
        board->records[i] = (struct CrowdRecord){
                .maker = (uint32_t)getpid(),
                .worker = worker_pid,
                .kind = part->kind,
                .pid = (uint32_t)pid,
                .stays = stays,
                .born_ns = born_ns,
        };
        return pid;
}

static void process_wait(pid_t pid) {
        while (waitpid(pid, NULL, 0) < 0)
                if (errno != EINTR)
                        die("waitpid");
}

/* At rest, until all go. */
static void rest(void) {
        char c;

        close(busy[1]);
        while (read(gate[0], &c, 1) < 0 && errno == EINTR)
                ;
}

static void part_finish(const Part *part) {
        if (part->stays)
                rest();
        syscall(SYS_exit_group, part->code);
}

static void part_exec(const Part *part) {
        char code[16], gate_fd[16], busy_fd[16];
        char *argv[] = { (char *)helper, code, part->stays ? gate_fd : NULL, busy_fd, NULL };
        char *envp[] = { NULL };

        snprintf(code, sizeof(code), "%d", part->code);
        snprintf(gate_fd, sizeof(gate_fd), "%d", gate[0]);
        snprintf(busy_fd, sizeof(busy_fd), "%d", busy[1]);
        execve(helper, argv, envp);
        die(helper);
}

static void orphan_wait(pid_t parent) {
        while (getppid() == parent)
                sched_yield();
}

static void part_orphan(const Part *part) {
        pid_t parent = getpid();

        if (process_make(part, part->stays) == 0) {
                orphan_wait(parent);
                part_finish(part);
        }
        _exit(part->code);
}

static void part_daemon(const Part *part) {
        pid_t parent = getpid(), pid;

        if (setsid() < 0)
                die("setsid");
        if (process_make(part, part->stays) == 0) {
                orphan_wait(parent);
                name_set("-d");
                pid = process_make(part, part->stays);
                if (pid == 0)
                        part_finish(part);
                if (!part->stays)
                        process_wait(pid);
                part_finish(part);
        }
        _exit(part->code);
}

static void part_uid(const Part *part) {
        pid_t pid;

        /* the effective one alone is not what a filter of uids asks for */
        if (part->sequence % 4 == 3 ? setresuid(0, CROWD_UID, 0) < 0 : setresuid(CROWD_UID, CROWD_UID, 0) < 0)
                die("setresuid");
        pid = process_make(part, part->stays);
        if (pid == 0)
                part_finish(part);
        if (!part->stays)
                process_wait(pid);
        if (part->sequence % 2 && setresuid(0, 0, 0) < 0)
                die("setresuid back");
        part_finish(part);
}

static void part_comm(const Part *part) {
        name_set("+");
        sched_yield();
        name_set("");
        if (part->sequence % 2)
                name_set("+");
        part_finish(part);
}

static void *thread_end(void *userdata) {
        (void)userdata;
        name_set("-t");
        return NULL;
}

static void *thread_stay(void *userdata) {
        pthread_barrier_wait(userdata);
        for (;;)
                pause();
        return NULL;
}

static void *thread_outlive(void *userdata) {
        leader_wait();
        part_finish(userdata);
        return NULL;
}

static void *thread_exec(void *userdata) {
        part_exec(userdata);
        return NULL;
}

static pthread_t thread_start(void *(*run)(void *), void *userdata) {
        pthread_attr_t attributes;
        pthread_t thread;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 64 * 1024);
        if (pthread_create(&thread, &attributes, run, userdata))
                die("pthread_create");
        pthread_attr_destroy(&attributes);
        return thread;
}

static void part_thread(Part *part) {
        pthread_t threads[N_THREADS];
        pthread_barrier_t barrier;

        for (size_t i = 0; i < N_THREADS; ++i)
                threads[i] = thread_start(thread_end, NULL);
        if (part->sequence % 3 == 1) {
                thread_start(thread_exec, part);
                for (;;)
                        pause();
        }
        for (size_t i = 0; i < N_THREADS; ++i)
                pthread_join(threads[i], NULL);
        if (part->sequence % 3 == 0) {
                thread_start(thread_outlive, part);
                syscall(SYS_exit, 0);
        }
        pthread_barrier_init(&barrier, NULL, 2);
        thread_start(thread_stay, &barrier);
        pthread_barrier_wait(&barrier);
        part_finish(part);
}

static void part_cpu(const Part *part) {
        unsigned n = 0, nth = part->sequence;
        cpu_set_t all, one;
        pid_t pid;

        if (sched_getaffinity(0, sizeof(all), &all) < 0)
                die("sched_getaffinity");
        nth %= (unsigned)CPU_COUNT(&all);
        while (!CPU_ISSET(n, &all) || nth-- > 0)
                ++n;
        CPU_ZERO(&one);
        CPU_SET(n, &one);
        if (sched_setaffinity(0, sizeof(one), &one) < 0)
                die("sched_setaffinity");
        pid = process_make(part, part->stays);
        if (pid == 0)
                part_finish(part);
        if (!part->stays)
                process_wait(pid);
        part_finish(part);
}

static void part_move(const Part *part) {
        char path[512];
        int fd;

        snprintf(path, sizeof(path), "%s/cgroup.procs", groups[part->sequence % n_groups]);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) != 1)
                die(path);
        close(fd);
}

static void part_run(Part *part) {
        switch (part->kind) {
        case KIND_PLAIN: break;
        case KIND_ORPHAN: part_orphan(part); break;
        case KIND_DAEMON: part_daemon(part); break;
        case KIND_UID: part_uid(part); break;
        case KIND_COMM: part_comm(part); break;
        case KIND_EXEC: part_exec(part); break;
        case KIND_THREAD: part_thread(part); break;
        case KIND_CPU: part_cpu(part); break;
        case KIND_GROUP:
                part_move(part);
                part_exec(part);
                break;
        case KIND_MOVE: part_move(part); break;
        default: abort();
        }
        part_finish(part);
}

/* Orphans and daemons are not there any more even where their own children stay. */
static bool kind_leaves_children(enum Kind kind) {
        return kind == KIND_ORPHAN || kind == KIND_DAEMON;
}

static void worker_run(uint32_t n_count, uint32_t stay) {
        uint32_t n_alive = 0;

        name_set("");
        for (uint32_t i = 0; i < n_count && !__atomic_load_n(&board->stop, __ATOMIC_RELAXED); ++i) {
                /* The sequence counts the children of a kind, so that some children of each sort stay. */
                Part part = {.kind = kinds[i % n_kinds], .sequence = i / n_kinds, .code = (int)(i / n_kinds % 5) * 10};
                bool stays;

                part.stays = stay > 0 && (part.sequence + part.kind) % stay == 0;
                stays = part.stays && !kind_leaves_children(part.kind);
                if (process_make(&part, stays) == 0)
                        part_run(&part);
                n_alive += !stays;
                while (n_alive > 0 && waitpid(-1, NULL, n_alive < N_WINDOW ? WNOHANG : 0) > 0)
                        --n_alive;
        }
        while (n_alive > 0 && waitpid(-1, NULL, 0) > 0)
                --n_alive;
        rest();
        _exit(0);
}

static void pipe_make(int fds[2]) {
        if (pipe(fds) < 0)
                die("pipe");
}

/* Until all that is left is at rest; a line meanwhile, or that none can come any more, makes it soon. */
static void workers_wait(void) {
        struct pollfd fds[] = { { .fd = busy[0] }, { .fd = STDIN_FILENO, .events = POLLIN } };
        char c;

        while (!(fds[0].revents & POLLHUP)) {
                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        die("poll");
                if (fds[1].revents) {
                        if (read(STDIN_FILENO, &c, 1) <= 0)
                                fds[1].fd = -1;
                        board->stop = true;
                }
        }
}

static void crowd_run(uint32_t n_count, uint32_t n_workers, uint32_t stay, const char *truth) {
        int start[2];
        FILE *f;
        char c;

        /* Orphans become children of main, which ignores SIGCHLD, so the kernel reaps them. */
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        signal(SIGCHLD, SIG_IGN);
        pipe_make(gate);
        pipe_make(busy);
        pipe_make(start);

        printf("ready");
        for (uint32_t i = 0; i < n_workers; ++i) {
                pid_t pid;

                fflush(stdout);
                pid = fork();
                if (pid < 0)
                        die("fork");
                if (pid == 0) {
                        signal(SIGCHLD, SIG_DFL);
                        close(gate[1]);
                        close(busy[0]);
                        close(start[1]);
                        worker_pid = (uint32_t)getpid();
                        if (read(start[0], &c, 1) == 1)
                                worker_run(n_count, stay);
                        _exit(0);
                }
                printf(" %d", pid);
        }
        printf("\n");
        fflush(stdout);
        close(busy[1]);

        if (read(STDIN_FILENO, &c, 1) == 1) {
                for (uint32_t i = 0; i < n_workers; ++i)
                        if (write(start[1], "", 1) != 1)
                                die("write");
                workers_wait();
                if (board->failed)
                        exit(1);
                f = fopen(truth, "wb");
                if (!f || fwrite(board->records, sizeof(*board->records), board->n_records, f) != board->n_records ||
                    fclose(f))
                        die(truth);
                printf("done\n");
                fflush(stdout);
                while (read(STDIN_FILENO, &c, 1) == 1)
                        ;
        }
        close(start[1]);
        close(gate[1]);
        while (wait(NULL) > 0 || errno == EINTR)
                ;
}

static bool kinds_parse(char *text) {
        for (char *name = strtok(text, ","); name; name = strtok(NULL, ",")) {
                enum Kind kind = KIND_PLAIN;

                while (kind < _N_KINDS && strcmp(name, kind_names[kind]))
                        ++kind;
                if (kind == _N_KINDS || n_kinds == _N_KINDS)
                        return false;
                kinds[n_kinds++] = kind;
        }
        return n_kinds > 0;
}

static bool groups_parse(char *text) {
        for (char *path = strtok(text, ","); path; path = strtok(NULL, ",")) {
                if (n_groups == N_GROUPS)
                        return false;
                groups[n_groups++] = path;
        }
        return n_groups > 0;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "comm", required_argument, NULL, 'c' },
                { "helper", required_argument, NULL, 'e' },
                { "truth", required_argument, NULL, 'o' },
                { "count", required_argument, NULL, 'n' },
                { "workers", required_argument, NULL, 'w' },
                { "stay", required_argument, NULL, 's' },
                { "kinds", required_argument, NULL, 'k' },
                { "groups", required_argument, NULL, 'g' },
                { 0 },
        };
        char all[] = "plain,orphan,daemon,uid,comm,exec,thread,cpu";
        uint32_t n_count = 100, n_workers = 2, stay = 0;
        const char *truth = NULL;
        bool good = true;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'c': comm = optarg; break;
                case 'e': helper = optarg; break;
                case 'o': truth = optarg; break;
                case 'n': n_count = (uint32_t)atoi(optarg); break;
                case 'w': n_workers = (uint32_t)atoi(optarg); break;
                case 's': stay = (uint32_t)atoi(optarg); break;
                case 'k': good &= kinds_parse(optarg); break;
                case 'g': good &= groups_parse(optarg); break;
                default: good = false;
                }
        }
        if (n_kinds == 0)
                kinds_parse(all);
        for (uint32_t i = 0; i < n_kinds; ++i)
                good &= n_groups > 0 || (kinds[i] != KIND_GROUP && kinds[i] != KIND_MOVE);
        if (!good || !helper || !truth || n_workers == 0 || n_workers > N_WORKERS) {
                fprintf(stderr,
                        "usage: crowd --comm NAME --helper PATH --truth FILE [--count N] [--workers W] [--stay K]"
                        " [--kinds KIND,...] [--groups DIRECTORY,...]\n");
                return 2;
        }

        /* a child makes two more at most */
        n_board = sizeof(*board) + (size_t)n_workers * n_count * 3 * sizeof(*board->records);
        board = mmap(NULL, n_board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (board == MAP_FAILED)
                die("mmap");
        crowd_run(n_count, n_workers, stay, truth);
        return 0;
}
