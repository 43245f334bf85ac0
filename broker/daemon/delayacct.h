/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Delayacct: switches the kernel's delay accounting on, and back. The switch takes
 * privileges that the broker gives up, so that a process of its own keeps them for it;
 * it puts back what it changed when the broker ends, however it ends.
 */

#include <stdbool.h>

typedef struct Delayacct Delayacct;

typedef enum DelayacctMode {
        DELAYACCT_NEVER,        /* as it is */
        DELAYACCT_ALWAYS,       /* on, while the broker runs */
        DELAYACCT_ON_DEMAND,    /* on, while somebody samples */
} DelayacctMode;

enum {
        _DELAYACCT_E_SUCCESS,
        DELAYACCT_E_FAILED,     /* said why */
};

struct Delayacct {
        DelayacctMode mode;
        int fd;                 /* to the helper; -1: there is none */
};

#define DELAYACCT_NULL { .fd = -1 }

bool delayacct_parse_mode(const char *text, DelayacctMode *ret_mode);

int delayacct_init(Delayacct *delayacct, DelayacctMode mode, int procfs_fd, const char *state_path);
void delayacct_deinit(Delayacct *delayacct);
bool delayacct_switch(Delayacct *delayacct, bool on);
