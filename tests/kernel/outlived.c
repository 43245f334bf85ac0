/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process whose other thread outlives its leader. Obeys words on standard input, each
 * a line, and says each again when it is done; ends at the end of its input.
 *
 *   thread  the leader makes a thread, which obeys from then on
 *   leave   the leader ends
 *   second  the thread makes another one
 *   exec    the thread runs this program again
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/kernel/leader.h"

static const char *program;
static sem_t leaves;

static void die(const char *what) {
        perror(what);
        exit(1);
}

static void say(const char *word) {
        char line[32];
        int n = snprintf(line, sizeof(line), "%s\n", word);

        if (write(STDOUT_FILENO, line, (size_t)n) != n)
                die("write");
}

/* Byte by byte: what follows may be for another thread, or another program. */
static void hear(char word[static 32]) {
        size_t n = 0;
        ssize_t r;

        for (;;) {
                r = read(STDIN_FILENO, word + n, 1);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        _exit(0);
                if (word[n] == '\n' || n == 31)
                        break;
                ++n;
        }
        word[n] = 0;
}

static void *second_main(void *userdata) {
        (void)userdata;
        for (;;)
                pause();
        return NULL;
}

static void thread_start(void *(*run)(void *)) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, run, NULL))
                die("pthread_create");
}

static void *thread_main(void *userdata) {
        char word[32];

        (void)userdata;
        say("thread");
        for (;;) {
                hear(word);
                if (strcmp(word, "leave") == 0) {
                        sem_post(&leaves);
                        leader_wait();
                } else if (strcmp(word, "second") == 0) {
                        thread_start(second_main);
                } else if (strcmp(word, "exec") == 0) {
                        execl(program, program, "exec", (char *)NULL);
                        die("execl");
                }
                say(word);
        }
        return NULL;
}

int main(int argc, char **argv) {
        char word[32];

        program = argv[0];
        if (sem_init(&leaves, 0, 0) < 0)
                die("sem_init");
        say(argc > 1 ? argv[1] : "ready");
        hear(word);
        thread_start(thread_main);
        while (sem_wait(&leaves) < 0)
                ;
        syscall(SYS_exit, 0);
        return 0;
}
