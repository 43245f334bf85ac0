/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "taskbroker/taskbroker.h"

/* A broker that is alive answers in microseconds. */
#define LINK_ANSWER_NS UINT64_C(5000000000)

int link_connect(const char *socket_path, struct tb_client **ret_client);
void link_complain_silent(const char *socket_path);
void link_complain_error(const struct tb_error *error);
uint64_t link_now(void);
