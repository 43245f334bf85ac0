/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "taskbroker/taskbroker.h"

/* Room for the text of connection_describe(). */
#define CONNECTION_TEXT_MAX 512

void connection_introduce(struct tb_client *client, const char *verb);
int connection_open(const char *socket_path, const char *verb, struct tb_client **ret_client);
void connection_print_error(const struct tb_error *error);
int connection_next(struct tb_client *client, const struct tb_message **ret_message);
const char *connection_describe(char text[static CONNECTION_TEXT_MAX], const struct tb_link *link, uint64_t now_ns);
