/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "taskbroker/taskbroker.h"

/* A broker that is alive answers in microseconds. */
#define LINK_ANSWER_NS UINT64_C(5000000000)

/* Room for what link_describe() says. */
#define LINK_TEXT_MAX 512

int link_connect(const char *socket_path, struct tb_client **ret_client);
void link_complain_silent(const char *socket_path);
void link_complain_error(const struct tb_error *error);
const char *link_describe(char text[static LINK_TEXT_MAX], const struct tb_link *link, uint64_t now_ns);
uint64_t link_now(void);
uint64_t link_now_realtime(void);
