/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* ClientInfo: the name and the version that a client says of itself. See ClientInfo in broker.proto. */

#include <stdbool.h>

typedef struct ClientInfo ClientInfo;

/* The size of a text, with its NUL. */
#define CLIENT_INFO_TEXT 64u

struct ClientInfo {
        char name[CLIENT_INFO_TEXT];            /* "": it did not say it */
        char version[CLIENT_INFO_TEXT];
};

bool client_info_set(char text[static CLIENT_INFO_TEXT], const char *said);
bool client_info_equals(const ClientInfo *a, const ClientInfo *b);
