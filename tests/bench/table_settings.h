/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The machine's limits on tasks, raised for as long as the benchmark runs. A process of its own restores them,
 * when it is asked to, and when the benchmark is gone for any reason.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Setting Setting;

typedef struct Settings {
        Setting *changed;       /* shared with the keeper */
        pid_t keeper;
        int done_fd;            /* a byte: the keeper shall put everything back */
} Settings;

int settings_init(Settings *settings);
int settings_allow_tasks(Settings *settings, uint64_t n_tasks);
int settings_restore(Settings *settings);
