/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

void signals_ignore_pipe(void);
void signals_restore_pipe(void);
void signals_catch(void);
bool signals_caught(void);
const volatile sig_atomic_t *signals_flag(void);
int signals_poll(struct pollfd *pfds, nfds_t n_pfds, uint64_t deadline, uint64_t now);
