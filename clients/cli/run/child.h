/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

typedef struct Child Child;

/* A command's process, from before it runs the command. */
struct Child {
        pid_t pid;                      /* 0: there is none, or it was waited for */
        int gate;                       /* it runs the command once a byte comes here; it ends when this is closed */
        int report;                     /* it says here why it could not */
        int signals;                    /* signalfd: SIGCHLD, and what is passed on to it */
        sigset_t mask;                  /* as it was, and so is the command's */
        struct sigaction interrupt, quit, child;
};

#define CHILD_NULL { .gate = -1, .report = -1, .signals = -1 }

int child_start(Child *child, char *const *command);
int child_release(Child *child);
int child_wait(Child *child, int *ret_status, struct rusage *ret_usage);
bool child_pass_signals(Child *child);
int child_exec_error(Child *child);
void child_abandon(Child *child);
