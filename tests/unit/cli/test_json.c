/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * JSON of texts: escapes, characters that terminals act on, and bytes that are not UTF-8.
 */

#include "tests/unit/json_rig.h"

static void test_names(void) {
        static const struct {
                const char *comm;
                const char *json;
        } cases[] = {
                { "plain", "\"plain\"" },
                { "a\"b", "\"a\\\"b\"" },
                { "a/b", "\"a/b\"" },
                { "a\\b", "\"a\\\\b\"" },
                { "\\xff", "\"\\\\xff\"" },
                { "\xc3\xa9", "\"\xc3\xa9\"" },
                { "\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\"" },
                { "\n\x1b", "\"\\n\\u001b\"" },
                /* Characters that terminals act on, with their neighbours. */
                { "\x7f", "\"\\u007f\"" },
                { "\"\\\n\xc2\x9b\xc2\xa0", "\"\\\"\\\\\\u000a\\u009b\xc2\xa0\"" },
                { "\xe2\x80\xaez\xe2\x81\xa6\xe2\x80\xaf", "\"\\u202ez\\u2066\xe2\x80\xaf\"" },
                /* Other texts are escaped, and marked. */
                { "\xff", "\"\\\\xff\",\"comm_escaped\":true" },
                { "\\\xff", "\"\\\\x5c\\\\xff\",\"comm_escaped\":true" },
                { "\x7f\xc3", "\"\\\\x7f\\\\xc3\",\"comm_escaped\":true" },
                { "\xe2\x82", "\"\\\\xe2\\\\x82\",\"comm_escaped\":true" },
                { "\xc0\xaf", "\"\\\\xc0\\\\xaf\",\"comm_escaped\":true" },
                { "\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\",\"comm_escaped\":true" },
                { "\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\",\"comm_escaped\":true" },
        };
        struct json_object *object;
        char expected[256];

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
                object = json_object_new_object();
                json_add_text(object, "comm", cases[i].comm);
                snprintf(expected, sizeof(expected), "{\"comm\":%s}", cases[i].json);
                check_json(object, expected);
        }

        /* A text can be longer than any name: messages of the broker are. */
        object = json_object_new_object();
        memset(expected, 'x', 200);
        expected[200] = 0;
        json_add_text(object, "k", expected);
        assert(strlen(json_object_get_string(json_object_object_get(object, "k"))) == 200);
        json_object_put(object);
}

int main(void) {
        test_names();
        return 0;
}
