/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/crew.h"

uint64_t now_ns(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void crew_init(Crew *crew) {
        *crew = (Crew){ .go_fd = -1 };
        crew->slots = mmap(NULL,
                           CREW_MAX * sizeof(*crew->slots),
                           PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS,
                           -1,
                           0);
        if (crew->slots == MAP_FAILED) {
                perror("bench: mmap");
                exit(1);
        }
}

void crew_ready(CrewSeat *seat) {
        char c = 0;

        if (write(seat->ready_fd, &c, 1) != 1)
                _exit(1);
        close(seat->ready_fd);
        /* end of file is the word to begin, and nobody ever writes */
        while (read(seat->go_fd, &c, 1) < 0 && errno == EINTR)
                ;
        close(seat->go_fd);
}

/* Starts @n children and returns when all called crew_ready(); -1 where one ended before it did. */
int crew_start(Crew *crew, size_t n, CrewFn fn, void *userdata) {
        int ready[2], go[2];
        size_t n_ready = 0;

        if (n > CREW_MAX || pipe(ready) < 0)
                return -1;
        if (pipe(go) < 0) {
                close(ready[0]);
                close(ready[1]);
                return -1;
        }
        memset(crew->slots, 0, CREW_MAX * sizeof(*crew->slots));
        crew->n_pids = 0;
        crew->go_fd = go[1];

        for (size_t i = 0; i < n; ++i) {
                pid_t parent = getpid(), pid = fork();

                if (pid < 0)
                        break;
                if (pid == 0) {
                        CrewSeat seat = {
                                .index = i,
                                .slot = &crew->slots[i],
                                .ready_fd = ready[1],
                                .go_fd = go[0],
                        };

                        prctl(PR_SET_PDEATHSIG, SIGTERM);
                        if (getppid() != parent)
                                _exit(1);
                        close(ready[0]);
                        close(go[1]);
                        _exit(fn(userdata, &seat));
                }
                crew->pids[crew->n_pids++] = pid;
        }

        close(ready[1]);
        close(go[0]);
        while (n_ready < n) {
                char c[CREW_MAX];
                ssize_t l = read(ready[0], c, sizeof(c));

                if (l < 0 && errno == EINTR)
                        continue;
                if (l <= 0)
                        break;
                n_ready += (size_t)l;
        }
        close(ready[0]);
        if (n_ready < n) {
                crew_stop(crew);
                return -1;
        }
        return 0;
}

void crew_go(Crew *crew) {
        if (crew->go_fd >= 0)
                close(crew->go_fd);
        crew->go_fd = -1;
}

/* Waits for all; -1 where one did not end with 0. */
int crew_wait(Crew *crew) {
        int r = 0;

        for (size_t i = 0; i < crew->n_pids; ++i) {
                int status;

                while (waitpid(crew->pids[i], &status, 0) < 0 && errno == EINTR)
                        ;
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                        r = -1;
        }
        crew->n_pids = 0;
        return r;
}

void crew_stop(Crew *crew) {
        for (size_t i = 0; i < crew->n_pids; ++i)
                kill(crew->pids[i], SIGTERM);
        crew_go(crew);
        (void)crew_wait(crew);
}
