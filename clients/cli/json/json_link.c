/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The state of the connection as a JSON object. It stands between the events, because
 * it shows where events may be missing.
 */

#include <json-c/json.h>

#include "clients/cli/json/json.h"

/* @time_ns: the time now; the broker sends no time for it. */
struct json_object *json_link(const struct tb_link *link, uint64_t time_ns) {
        static const char *const states[] = {
                [TB_LINK_LOST] = "lost",
                [TB_LINK_RESUMED] = "resumed",
                [TB_LINK_RESTARTED] = "restarted",
        };
        struct json_object *object = json_object_new_object();
        bool lost = link->state == TB_LINK_LOST;

        json_add_text(object, "kind", "link");
        json_add_text(object, "state", states[link->state]);
        json_add_number(object, "time_ns", time_ns);
        json_add_number(object, "lost_time_ns", link->lost_time_ns);
        json_add_known_text(object, "reason", link->reason, link->reason && *link->reason);
        json_add_known(object, "tries", link->tries, !lost);

        return object;
}
