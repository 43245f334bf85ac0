/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

typedef struct Child Child;

/* The process of a command, from before it runs the command. */
struct Child {
        pid_t pid;                      /* 0: not started, or waited for */
        int gate;                       /* a byte here: the child runs the command; closed: the child ends */
        int report;                     /* the child writes here why it could not */
        int signals;                    /* signalfd: SIGCHLD, and the signals that are passed on */
        sigset_t mask;                  /* the signal mask before, and of the command */
        struct sigaction interrupt, quit, child;
};

#define CHILD_NULL { .gate = -1, .report = -1, .signals = -1 }

int child_start(Child *child, char *const *command);
int child_release(Child *child);
int child_wait(Child *child, int *ret_status, struct rusage *ret_usage);
bool child_pass_signals(Child *child);
int child_exec_error(Child *child);
void child_abandon(Child *child);
