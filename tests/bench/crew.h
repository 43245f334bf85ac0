/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A crew: child processes that do the same thing, each in a slot of shared
 * memory. Workers, direct listeners and subscribers are crews.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CREW_MAX 64

/* The counters of a running child. A cache line pair for each, so that counting costs nothing. */
typedef struct CrewSlot {
        uint64_t operations;    /* workers: forks or threads made */
        uint64_t elapsed_ns;    /* workers: in which time */
        uint64_t events;        /* subscribers: events; listeners: connector datagrams */
        uint64_t records;       /* listeners: accounting datagrams */
        uint64_t bytes;         /* subscribers: read from the socket */
        uint64_t reads;         /* subscribers and listeners: calls that brought something */
        uint64_t next_number;   /* subscribers: that the next event shall have */
        uint64_t cpu_ns;        /* listeners: processor time used */
        uint64_t lost;          /* subscribers: gaps in the numbers; listeners: dropped by their sockets */
} __attribute__((aligned(128))) CrewSlot;

typedef struct Crew {
        size_t n_pids;
        pid_t pids[CREW_MAX];
        CrewSlot *slots;        /* CREW_MAX of them, shared with the children */
        int go_fd;              /* closed: the children may begin */
} Crew;

/*
 * A child's main function gets one. It calls crew_ready() when it has set up, which returns
 * when crew_go() was called, and returns its exit status.
 */
typedef struct CrewSeat {
        size_t index;
        CrewSlot *slot;
        int ready_fd;
        int go_fd;
} CrewSeat;
typedef int (*CrewFn)(void *userdata, CrewSeat *seat);

void crew_init(Crew *crew);
int crew_start(Crew *crew, size_t n, CrewFn fn, void *userdata);
void crew_ready(CrewSeat *seat);
void crew_go(Crew *crew);
int crew_wait(Crew *crew);
void crew_stop(Crew *crew);

uint64_t now_ns(void);
