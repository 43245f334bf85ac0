/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One number, many tasks.
 *
 *         reuse turns --comm NAME --helper PATH --truth FILE --count N
 *         reuse roots --comm NAME
 *
 * turns: two makers take turns, N times in all, at making a task by that number
 * and waiting for its end. Says "ready NUMBER MAKER MAKER", begins when it is sent a
 * line, writes FILE, says "done", and ends at the end of standard input. The I-th
 * task ends with the code I % 250 + 1. I / 2 % 5 decides what it does:
 *
 * 0  nothing.
 * 1  calls itself NAME.C, where C is its code.
 * 2  runs the helper, PATH.M where M is I % 8, with its code and I as arguments.
 * 3  makes a child, and waits for it.
 * 4  it is a thread of a new process, which ends alike.
 *
 * roots: processes by that number one after the other, which leave a child each.
 * It obeys orders, a line each, and answers each with a line:
 *
 * begin   the number's next process, and its child: "NUMBER CHILD".
 * end     that process ends, the child stays: "ended".
 * fork I  the I-th child makes one of its own, which ends: "PID".
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kernel/truth.h"

#define N_ROOTS 8
#define N_HELPERS 8

static const char *comm = "reuse", *helper, *truth;
static pid_t number;

_Noreturn static void die(const char *what) {
        fprintf(stderr, "reuse: %s: %s\n", what, strerror(errno));
        _exit(120);
}

/* A number that nobody has, and that nobody will get soon: far behind the last one given out. */
static pid_t number_find(void) {
        pid_t pid = getpid();

        for (int i = 0; i < 1000; ++i) {
                pid = pid > 15000 ? pid - 7919 : pid + 13337;
                if (kill(pid, 0) < 0 && errno == ESRCH)
                        return pid;
        }
        die("no free pid");
}

static pid_t fork_at(pid_t pid) {
        struct clone_args args = {
                .exit_signal = SIGCHLD,
                .set_tid = (uint64_t)(uintptr_t)&pid,
                .set_tid_size = 1,
        };
        pid_t r;

        /* its last owner may not have gone quite */
        while ((r = (pid_t)syscall(SYS_clone3, &args, sizeof(args))) < 0)
                if (errno != EEXIST && errno != EAGAIN)
                        die("clone3");
        return r;
}

static int process_wait(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        die("waitpid");
        return status;
}

/*
 * Turns.
 */

static void task_rename(int code) {
        char name[16];

        snprintf(name, sizeof(name), "%s.%d", comm, code);
        prctl(PR_SET_NAME, name);
}

static void task_exec(uint32_t sequence, int code) {
        char path[512], code_text[16], sequence_text[16];
        char *argv[] = { path, code_text, sequence_text, NULL };
        char *envp[] = { NULL };

        snprintf(path, sizeof(path), "%s.%u", helper, sequence % N_HELPERS);
        snprintf(code_text, sizeof(code_text), "%d", code);
        snprintf(sequence_text, sizeof(sequence_text), "%u", sequence);
        execve(path, argv, envp);
        die(path);
}

static void task_run(uint32_t sequence, int code) {
        pid_t pid;

        switch (sequence / 2 % 5) {
        case 1:
                task_rename(code);
                break;
        case 2:
                task_exec(sequence, code);
                break;
        case 3:
                pid = fork();
                if (pid == 0)
                        _exit(code);
                process_wait(pid);
                break;
        }
        _exit(code);
}

typedef struct ThreadPart {
        int code;
        pid_t tid;
} ThreadPart;

static void *thread_main(void *userdata) {
        ThreadPart *part = userdata;

        part->tid = gettid();
        syscall(SYS_exit, part->code);
        return NULL;
}

/* clone3() at a number takes assembly for a thread; to say which was the last will do, though others may be quicker. */
static void thread_at(int code) {
        ThreadPart part = { .code = code };
        char text[16];
        int fd, n;

        fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                die("ns_last_pid");
        n = snprintf(text, sizeof(text), "%d", number - 1);
        for (int i = 0; i < 20000 && part.tid != number; ++i) {
                pthread_t thread;

                /* somebody else may have it for a moment */
                if (i > 10)
                        usleep(1000);
                if (pwrite(fd, text, (size_t)n, 0) != n || pthread_create(&thread, NULL, thread_main, &part))
                        die("thread");
                pthread_join(thread, NULL);
        }
        if (part.tid != number)
                die("the number was never given to a thread");
        _exit(code);
}

static void turn_take(uint32_t sequence, struct TruthRecord *record) {
        int code = (int)(sequence % 250 + 1);
        pid_t pid;

        *record = (struct TruthRecord){
                .maker = (uint32_t)getpid(),
                .sequence = sequence,
                .type = sequence / 2 % 5 == 4 ? TRUTH_THREAD : TRUTH_PROCESS,
                .tid = (uint32_t)number,
        };
        if (record->type == TRUTH_THREAD) {
                pid = fork();
                if (pid < 0)
                        die("fork");
                if (pid == 0)
                        thread_at(code);
        } else {
                pid = fork_at(number);
                if (pid == 0)
                        task_run(sequence, code);
        }
        record->pid = (uint32_t)pid;
        record->status = (uint32_t)process_wait(pid);
}

/* A byte goes to and fro: whose turn it is. */
static void maker_run(uint32_t first, uint32_t n_count, struct TruthRecord *records, int in, int out) {
        char c;

        prctl(PR_SET_NAME, comm);
        for (uint32_t i = first; i < n_count; i += 2) {
                if (read(in, &c, 1) != 1)
                        _exit(1);
                turn_take(i, &records[i]);
                if (write(out, &c, 1) != 1)
                        _exit(1);
        }
        _exit(0);
}

static void line_wait(void) {
        int c;

        do
                c = getchar();
        while (c != '\n' && c != EOF);
        if (c == EOF)
                exit(0);
}

static void turns_run(uint32_t n_count) {
        size_t n_records = n_count * sizeof(struct TruthRecord);
        struct TruthRecord *records;
        int pipes[2][2];
        pid_t makers[2];
        FILE *f;

        records = mmap(NULL, n_records, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (records == MAP_FAILED)
                die("mmap");
        for (uint32_t i = 0; i < 2; ++i)
                if (pipe(pipes[i]) < 0)
                        die("pipe");
        for (uint32_t i = 0; i < 2; ++i) {
                makers[i] = fork();
                if (makers[i] < 0)
                        die("fork");
                if (makers[i] == 0) {
                        /* its own end would keep it from seeing that there is nobody else */
                        close(pipes[i][1]);
                        maker_run(i, n_count, records, pipes[i][0], pipes[1 - i][1]);
                }
        }
        printf("ready %d %d %d\n", number, makers[0], makers[1]);
        fflush(stdout);

        line_wait();
        if (write(pipes[0][1], "", 1) != 1)
                die("write");
        for (uint32_t i = 0; i < 2; ++i) {
                int status = process_wait(makers[i]);

                if (status != 0) {
                        fprintf(stderr, "reuse: a maker ended with %x\n", status);
                        exit(1);
                }
        }
        f = fopen(truth, "wb");
        if (!f || fwrite(records, 1, n_records, f) != n_records || fclose(f))
                die(truth);
        puts("done");
        fflush(stdout);
        line_wait();
}

/*
 * Roots. A process hears from main by a pipe, whose end is its own.
 */

typedef struct Listening {
        int pipe[2];
} Listening;

static void listening_init(Listening *listening) {
        if (pipe2(listening->pipe, O_CLOEXEC) < 0)
                die("pipe");
}

/* The child of a root; each byte is the order to make a child. Says which on @answers. */
static void heir_run(Listening *listening, int answers) {
        pid_t pid;
        char c;

        close(listening->pipe[1]);
        while (read(listening->pipe[0], &c, 1) == 1) {
                pid = fork();
                if (pid == 0)
                        _exit(9);
                process_wait(pid);
                if (write(answers, &pid, sizeof(pid)) != sizeof(pid))
                        die("write");
        }
        _exit(8);
}

static pid_t answer_read(int answers) {
        pid_t pid;

        if (read(answers, &pid, sizeof(pid)) != sizeof(pid))
                die("read");
        return pid;
}

/* Pipes of other processes that a new one inherits would outlive their owners' orders: it closes them. */
static void root_run(Listening *root, Listening *heirs, uint32_t n_heirs, int answers) {
        pid_t pid;
        char c;

        close(root->pipe[1]);
        for (uint32_t i = 0; i + 1 < n_heirs; ++i)
                close(heirs[i].pipe[1]);
        pid = fork();
        if (pid == 0)
                heir_run(&heirs[n_heirs - 1], answers);
        close(heirs[n_heirs - 1].pipe[1]);
        if (write(answers, &pid, sizeof(pid)) != sizeof(pid))
                die("write");
        while (read(root->pipe[0], &c, 1) > 0)
                ;
        _exit(7);
}

static void roots_run(void) {
        Listening root = { .pipe = { -1, -1 } }, heirs[N_ROOTS];
        uint32_t n_heirs = 0, i;
        pid_t pid = 0;
        int answers[2];
        char line[64];

        prctl(PR_SET_NAME, comm);
        if (pipe2(answers, O_CLOEXEC) < 0)
                die("pipe");
        while (fgets(line, sizeof(line), stdin)) {
                if (!strcmp(line, "begin\n") && pid == 0 && n_heirs < N_ROOTS) {
                        listening_init(&root);
                        listening_init(&heirs[n_heirs++]);
                        pid = fork_at(number);
                        if (pid == 0)
                                root_run(&root, heirs, n_heirs, answers[1]);
                        printf("%d %d\n", pid, answer_read(answers[0]));
                } else if (!strcmp(line, "end\n") && pid > 0) {
                        close(root.pipe[0]);
                        close(root.pipe[1]);
                        process_wait(pid);
                        pid = 0;
                        puts("ended");
                } else if (sscanf(line, "fork %u", &i) == 1 && i < n_heirs) {
                        if (write(heirs[i].pipe[1], "", 1) != 1)
                                die("write");
                        printf("%d\n", answer_read(answers[0]));
                } else {
                        fprintf(stderr, "reuse: cannot do: %s", line);
                        exit(1);
                }
                fflush(stdout);
        }
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "comm", required_argument, NULL, 'c' },
                { "helper", required_argument, NULL, 'e' },
                { "truth", required_argument, NULL, 'o' },
                { "count", required_argument, NULL, 'n' },
                { 0 },
        };
        uint32_t n_count = 0;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'c': comm = optarg; break;
                case 'e': helper = optarg; break;
                case 'o': truth = optarg; break;
                case 'n': n_count = (uint32_t)atoi(optarg); break;
                default: return 2;
                }
        }
        number = number_find();
        if (optind < argc && !strcmp(argv[optind], "turns") && n_count > 0 && helper && truth)
                turns_run(n_count);
        else if (optind < argc && !strcmp(argv[optind], "roots"))
                roots_run();
        else {
                fprintf(stderr, "usage: reuse turns --comm NAME --helper PATH --truth FILE --count N\n"
                                "       reuse roots --comm NAME\n");
                return 2;
        }
        return 0;
}
