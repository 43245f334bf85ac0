/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The sentences about a lost and a restored connection.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/connection.h"
#include "tests/unit/text_rig.h"

static void test_link(void) {
        struct tb_link link = { .state = TB_LINK_LOST, .reason = "The broker went.", .lost_time_ns = 5 };
        char text[CONNECTION_TEXT_MAX], *longest;

        check_text(connection_describe(text, &link, 5), "The broker went; trying again");
        link = (struct tb_link){ .state = TB_LINK_RESUMED, .lost_time_ns = 1000, .tries = 1 };
        check_text(connection_describe(text, &link, 124001000),
                   "Connected again after 124ms: the stream goes on where it was");
        link.tries = 3;
        check_text(connection_describe(text, &link, 124001000),
                   "Connected again after 124ms and 3 tries: the stream goes on where it was");
        /* The clock was set back after the loss. */
        check_text(connection_describe(text, &link, 5),
                   "Connected again after 0 and 3 tries: the stream goes on where it was");
        link.state = TB_LINK_RESTARTED;
        link.reason = "The broker was restarted.";
        check_text(connection_describe(text, &link, 124001000),
                   "Connected again after 124ms and 3 tries: what happened in between is not known "
                   "(The broker was restarted)");

        longest = malloc(4096);
        assert(longest);
        memset(longest, 'x', 4095);
        longest[4095] = 0;
        link = (struct tb_link){ .state = TB_LINK_RESTARTED, .reason = longest, .tries = UINT32_MAX };
        assert(strlen(connection_describe(text, &link, UINT64_MAX)) == CONNECTION_TEXT_MAX - 1);
        free(longest);
}

int main(void) {
        test_link();
        return 0;
}
