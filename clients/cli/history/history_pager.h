/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

int history_pager_open(pid_t *ret_pid);
void history_pager_close(int fd, pid_t pid);
