/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Changes of the connection as JSON.
 */

#include "tests/unit/json_rig.h"

static void test_link(void) {
        struct tb_link link = { .state = TB_LINK_LOST, .reason = "Gone.", .lost_time_ns = 5 };

        check_json(json_link(&link, UINT64_MAX),
                   "{\"kind\":\"link\",\"state\":\"lost\",\"time_ns\":18446744073709551615,\"lost_time_ns\":5,"
                   "\"reason\":\"Gone.\",\"tries\":null}");
        link = (struct tb_link){ .state = TB_LINK_RESUMED, .lost_time_ns = 5, .tries = 2 };
        check_json(json_link(&link, 6),
                   "{\"kind\":\"link\",\"state\":\"resumed\",\"time_ns\":6,\"lost_time_ns\":5,\"reason\":null,"
                   "\"tries\":2}");
        link = (struct tb_link){ .state = TB_LINK_RESTARTED, .reason = "", .tries = UINT32_MAX };
        check_json(json_link(&link, 6),
                   "{\"kind\":\"link\",\"state\":\"restarted\",\"time_ns\":6,\"lost_time_ns\":0,\"reason\":null,"
                   "\"tries\":4294967295}");
}

int main(void) {
        test_link();
        return 0;
}
