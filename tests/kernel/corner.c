/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The odd ways in which a process can live and end, one a run: corner CASE NAME
 * [HELPER | PID]. Prints what really happened as JSON, on one line:
 *
 *         {"maker": pid, "note": number, "subject": pid,
 *          "processes": [{"pid", "status", "cpu_us", "tids"}, ...]}
 *
 * The subject is the process whose case it is, which the maker made; it is among
 * the processes, as are those that it made itself.
 * status is as wait(2) gives it (-1: nobody could wait), cpu_us is user and
 * system time of its rusage (-1 likewise), tids are its tasks in the order in
 * which they were made, the leader first. All processes are called NAME.
 * Each case gives `note` its own meaning.
 */

#include <errno.h>
#include <grp.h>
#include <linux/sched.h>
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
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kernel/leader.h"

#define N_TIDS 64
#define N_FACTS 2048
#define N_REUSES 1000
#define N_RACES 200
#define N_ZOMBIES 30
#define NOBODY 65534

typedef struct Fact {
        int32_t pid;
        int32_t status;
        int64_t cpu_us;
        uint32_t n_tids;
        int32_t tids[N_TIDS];
} Fact;

/* Shared by all processes of a case. */
typedef struct Board {
        uint32_t n_facts;
        int32_t note;
        Fact facts[N_FACTS];
} Board;

static Board *board;
static const char *helper;

static void die(const char *what) {
        fprintf(stderr, "corner: %s: %s\n", what, strerror(errno));
        _exit(120);
}

static void nap(unsigned ms) {
        struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

        while (nanosleep(&t, &t) < 0 && errno == EINTR)
                ;
}

/* Uses the processor for so long. */
static void burn(unsigned ms) {
        struct timespec t;
        int64_t end = 0, now;

        do {
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
                now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
                if (!end)
                        end = now + (int64_t)ms * 1000000;
        } while (now < end);
}

static Fact *fact_new(pid_t pid) {
        Fact *fact = &board->facts[__atomic_fetch_add(&board->n_facts, 1, __ATOMIC_SEQ_CST)];

        *fact = (Fact){ .pid = pid, .status = -1, .cpu_us = -1, .n_tids = 1, .tids = { pid } };
        return fact;
}

static Fact *fact_own(void) {
        for (uint32_t i = 0; i < board->n_facts; ++i)
                if (board->facts[i].pid == getpid())
                        return &board->facts[i];
        /* the parent writes it down at the same time as this process begins */
        nap(1);
        return fact_own();
}

static void fact_wait(Fact *fact) {
        struct rusage usage;
        int status;

        while (wait4(fact->pid, &status, 0, &usage) < 0)
                if (errno != EINTR)
                        die("wait4");
        fact->status = status;
        fact->cpu_us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
                       usage.ru_stime.tv_usec;
}

/* Starts a thread and waits until it has written itself down, so that the order is known. */
static pthread_t thread_start(void *(*run)(void *), Fact *fact) {
        uint32_t n = __atomic_load_n(&fact->n_tids, __ATOMIC_SEQ_CST);
        pthread_t thread;

        if (pthread_create(&thread, NULL, run, fact))
                die("pthread_create");
        while (__atomic_load_n(&fact->n_tids, __ATOMIC_SEQ_CST) == n)
                nap(1);
        return thread;
}

static void thread_enter(Fact *fact) {
        fact->tids[fact->n_tids] = gettid();
        __atomic_add_fetch(&fact->n_tids, 1, __ATOMIC_SEQ_CST);
}

static void *thread_sleep(void *userdata) {
        thread_enter(userdata);
        for (;;)
                pause();
        return NULL;
}

static void *thread_burn(void *userdata) {
        thread_enter(userdata);
        burn(5 + (unsigned)(gettid() % 4) * 5);
        return NULL;
}

static void *thread_outlive(void *userdata) {
        thread_enter(userdata);
        leader_wait();
        burn(20);
        syscall(SYS_exit, 5);
        return NULL;
}

static void *thread_outlive_group(void *userdata) {
        thread_enter(userdata);
        leader_wait();
        burn(20);
        syscall(SYS_exit_group, 7);
        return NULL;
}

static void *thread_exit_group(void *userdata) {
        thread_enter(userdata);
        burn(10);
        syscall(SYS_exit_group, 11);
        return NULL;
}

static void *thread_exec(void *userdata) {
        char *argv[] = { (char *)helper, (char *)"9", NULL };
        char *envp[] = { NULL };

        thread_enter(userdata);
        burn(20);
        execve(helper, argv, envp);
        die(helper);
        return NULL;
}

static void case_single(void) {
        burn(50);
        _exit(33);
}

/* Threads that come and go, some after others; the leader goes last. */
static void case_threads(void) {
        Fact *fact = fact_own();
        pthread_t threads[40];

        for (size_t i = 0; i < 40; ++i)
                threads[i] = thread_start(thread_burn, fact);
        for (size_t i = 0; i < 40; ++i)
                pthread_join(threads[i], NULL);
        burn(10);
        _exit(34);
}

/* wait(2) says 5, the last thread's: the last to go ends the group, whatever call it made. */
static void case_leader_first(void) {
        thread_start(thread_outlive, fact_own());
        burn(10);
        syscall(SYS_exit, 3);
}

/* wait(2) says 7, the thread's. */
static void case_leader_first_group(void) {
        thread_start(thread_outlive_group, fact_own());
        burn(10);
        syscall(SYS_exit, 3);
}

/* The same by way of pthread_exit(): leader and last thread both end with 0. */
static void case_leader_pthread_exit(void) {
        thread_start(thread_burn, fact_own());
        thread_start(thread_burn, fact_own());
        pthread_exit(NULL);
}

/* The last of the tids is the one that execs; it takes the leader's number and its own is gone. */
static void case_exec_by_thread(void) {
        Fact *fact = fact_own();

        burn(10);
        thread_start(thread_sleep, fact);
        thread_start(thread_exec, fact);
        for (;;)
                pause();
}

static void case_vfork(void) {
        pid_t pid = vfork();

        if (pid == 0)
                _exit(4);
        fact_wait(fact_new(pid));
        _exit(35);
}

/* No process waits for these: the kernel reaps them before it reports their exit. Their codes are their order. */
static void case_autoreap(void) {
        signal(SIGCHLD, SIG_IGN);
        for (int i = 0; i < 100; ++i) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(i);
                fact_new(pid);
        }
        while (wait(NULL) > 0 || errno == EINTR)
                ;
        _exit(36);
}

static void case_exit_group_by_thread(void) {
        Fact *fact = fact_own();

        thread_start(thread_sleep, fact);
        thread_start(thread_exit_group, fact);
        for (;;)
                pause();
}

static void case_killed(void) {
        thread_start(thread_sleep, fact_own());
        thread_start(thread_sleep, fact_own());
        kill(getpid(), SIGKILL);
        for (;;)
                pause();
}

static void crash(void) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
}

/* No core is allowed: the connector reports a dump all the same, wait(2) does not. */
static void case_core_forbidden(void) {
        const struct rlimit limit = {};

        setrlimit(RLIMIT_CORE, &limit);
        crash();
}

static void case_core(void) {
        const struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

        setrlimit(RLIMIT_CORE, &limit);
        crash();
}

/* gid, uid, session, then another name: NAME and a "+". */
static void case_identity(void) {
        char name[16] = {};

        prctl(PR_GET_NAME, name);
        if (setsid() < 0 || setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
            setresuid(NOBODY, NOBODY, NOBODY) < 0)
                die("cannot become nobody");
        strcat(name, "+");
        prctl(PR_SET_NAME, name);
        _exit(37);
}

static void case_ptrace(void) {
        Fact *fact;
        pid_t pid;
        int status;

        pid = fork();
        if (pid == 0)
                for (;;)
                        pause();
        fact = fact_new(pid);
        if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) < 0 ||
            ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
                die("ptrace");
        kill(pid, SIGTERM);
        fact_wait(fact);
        _exit(38);
}

/* The middle process is gone before its child is; the child's parent is then another. note: who. */
static void case_orphan(void) {
        Fact *fact = fact_new(0);
        pid_t pid, maker = getpid();
        int gate[2];
        char c;

        if (pipe(gate) < 0)
                die("pipe");
        pid = fork();
        if (pid == 0) {
                pid_t parent = getpid();

                pid = fork();
                if (pid == 0) {
                        while (getppid() == parent)
                                nap(1);
                        board->note = getppid();
                        _exit(40);
                }
                *fact = (Fact){ .pid = pid, .status = -1, .cpu_us = -1, .n_tids = 1, .tids = { pid } };
                _exit(41);
        }
        fact_wait(fact_new(pid));
        /* the write end lives on in the orphan alone */
        close(gate[1]);
        if (read(gate[0], &c, 1) != 0 || getpid() != maker)
                die("read");
        _exit(39);
}

static pid_t clone_at(pid_t pid) {
        struct clone_args args = {
                .exit_signal = SIGCHLD,
                .set_tid = (uint64_t)(uintptr_t)&pid,
                .set_tid_size = 1,
        };

        return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* A number that nobody has, and that nobody will get soon: far behind the last one given out. */
static pid_t pid_find(void) {
        pid_t pid = getpid();

        for (int i = 0; i < 1000; ++i) {
                pid = pid > 15000 ? pid - 7919 : pid + 13337;
                if (kill(pid, 0) < 0 && errno == ESRCH)
                        return pid;
        }
        die("no free pid");
        return -1;
}

/* One pid, a thousand processes; each is waited for before the next is made. */
static void case_reuse(void) {
        pid_t pid = pid_find();

        for (int i = 0; i < N_REUSES; ++i) {
                pid_t r = clone_at(pid);

                if (r == 0)
                        _exit(i % 256);
                if (r < 0)
                        die("clone3");
                fact_wait(fact_new(pid));
        }
        _exit(42);
}

/* The number that is given instead of a helper, three times; codes 1, 2, 3. */
static void case_take(void) {
        for (int i = 1; i <= 3; ++i) {
                pid_t r = clone_at((pid_t)atoi(helper));

                if (r == 0)
                        _exit(i);
                if (r < 0)
                        die("clone3");
                fact_wait(fact_new(r));
        }
        _exit(44);
}

/* A process whose end takes the kernel long: it leaves zombies that nobody wants. */
static void heir_run(int code) {
        siginfo_t info;

        signal(SIGCHLD, SIG_DFL);
        for (int i = 0; i < N_ZOMBIES; ++i) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(0);
                if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
                        die("waitid");
        }
        _exit(code);
}

/*
 * One pid for many processes: each fork is reported before the exit of the number's last
 * owner. Where a parent ignores SIGCHLD the kernel reaps by itself. First it reaps the
 * process, whose number is free from then on. Then it reaps the process' zombies, which
 * fall to the same parent, and only then it reports the exit. Meanwhile this process, on
 * another processor, takes the number again.
 */
static void case_reuse_raced(void) {
        pid_t pid = pid_find();

        signal(SIGCHLD, SIG_IGN);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        for (int i = 0; i < N_RACES;) {
                pid_t r = clone_at(pid);

                if (r == 0)
                        heir_run(i % 256);
                if (r < 0) {
                        if (errno != EEXIST && errno != EAGAIN)
                                die("clone3");
                        continue;
                }
                fact_new(pid)->status = (i++ % 256) << 8;
        }
        while (wait(NULL) > 0 || errno == EINTR)
                ;
        _exit(43);
}

static const struct {
        const char *name;
        void (*run)(void);
} cases[] = {
        { "single", case_single },
        { "threads", case_threads },
        { "leader-first", case_leader_first },
        { "leader-first-group", case_leader_first_group },
        { "leader-pthread-exit", case_leader_pthread_exit },
        { "exec-by-thread", case_exec_by_thread },
        { "vfork", case_vfork },
        { "autoreap", case_autoreap },
        { "exit-group-by-thread", case_exit_group_by_thread },
        { "killed", case_killed },
        { "core-forbidden", case_core_forbidden },
        { "core", case_core },
        { "identity", case_identity },
        { "ptrace", case_ptrace },
        { "orphan", case_orphan },
        { "reuse", case_reuse },
        { "reuse-raced", case_reuse_raced },
        { "take", case_take },
};

static void board_print(pid_t subject) {
        printf("{\"maker\": %d, \"note\": %d, \"subject\": %d, \"processes\": [", getpid(), board->note, subject);
        for (uint32_t i = 0; i < board->n_facts; ++i) {
                const Fact *fact = &board->facts[i];

                printf("%s{\"pid\": %d, \"status\": %d, \"cpu_us\": %lld, \"tids\": [", i ? ", " : "", fact->pid,
                       fact->status, (long long)fact->cpu_us);
                for (uint32_t j = 0; j < fact->n_tids; ++j)
                        printf("%s%d", j ? ", " : "", fact->tids[j]);
                printf("]}");
        }
        printf("]}\n");
}

int main(int argc, char **argv) {
        size_t i, n_cases = sizeof(cases) / sizeof(cases[0]);
        pid_t pid;

        for (i = 0; i < n_cases; ++i)
                if (argc >= 3 && !strcmp(argv[1], cases[i].name))
                        break;
        if (i == n_cases) {
                fprintf(stderr, "usage: corner CASE NAME [HELPER | PID], where CASE is one of\n");
                for (i = 0; i < n_cases; ++i)
                        fprintf(stderr, "  %s\n", cases[i].name);
                return 2;
        }
        helper = argc > 3 ? argv[3] : "";
        prctl(PR_SET_NAME, argv[2]);

        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (board == MAP_FAILED)
                die("mmap");
        pid = fork();
        if (pid < 0)
                die("fork");
        if (pid == 0) {
                cases[i].run();
                _exit(121);
        }
        fact_wait(fact_new(pid));
        board_print(pid);
        return 0;
}
