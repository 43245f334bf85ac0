/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

void stop_catch_signals(void);
bool stop_is_wanted(void);
const volatile sig_atomic_t *stop_flag(void);
int stop_poll(struct pollfd *pfds, nfds_t n_pfds, uint64_t deadline, uint64_t now);
