/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all verbs do with the broker: get to it, and tell a person why that or a
 * request failed. Owns nothing.
 */

#include <stdlib.h>
#include <time.h>

#include "clients/complain.h"
#include "clients/link.h"

/* Connects, or complains and returns a negative errno. */
int link_connect(const char *socket_path, struct tb_client **ret_client) {
        char text[512];
        int r;

        r = tb_connect(socket_path, ret_client);
        if (r < 0) {
                tb_connect_error_text(socket_path, r, text, sizeof(text));
                complain("%s", text);
        }

        return r;
}

void link_complain_silent(const char *socket_path) {
        const char *named = getenv(TB_SOCKET_ENV);

        if (!socket_path)
                socket_path = named && *named ? named : TB_SOCKET_PATH;
        complain("The broker on %s does not answer: it hangs or is stopped; look at its log, or restart it.",
                 socket_path);
}

void link_complain_error(const struct tb_error *error) {
        if (error->field[0])
                complain("The broker refused the request: %s (%s)", error->message, error->field);
        else
                complain("The broker says: %s", error->message);
}

/* CLOCK_MONOTONIC, which is the clock of the kernel's stamps too. */
uint64_t link_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
