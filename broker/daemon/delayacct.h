/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Delayacct: switches the kernel's delay accounting on, and restores it. The switch needs
 * privileges that the broker drops, so a helper process keeps them. The helper restores
 * the switch when the broker ends, even if the broker was killed.
 */

#include <stdbool.h>

typedef struct Delayacct Delayacct;

typedef enum DelayacctMode {
        DELAYACCT_NEVER,        /* unchanged */
        DELAYACCT_ALWAYS,       /* on, while the broker runs */
        DELAYACCT_ON_DEMAND,    /* on, while a client samples statistics */
} DelayacctMode;

enum {
        _DELAYACCT_E_SUCCESS,
        DELAYACCT_E_FAILED,     /* the reason was logged */
};

struct Delayacct {
        DelayacctMode mode;
        int fd;                 /* socket to the helper; -1: no helper */
};

#define DELAYACCT_NULL { .fd = -1 }

bool delayacct_parse_mode(const char *text, DelayacctMode *ret_mode);

int delayacct_init(Delayacct *delayacct, DelayacctMode mode, int procfs_fd, const char *state_path);
void delayacct_deinit(Delayacct *delayacct);
bool delayacct_switch(Delayacct *delayacct, bool on);
