/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The forms of a point in time, in several time zones.
 */

#include <stdlib.h>
#include <time.h>

#include "clients/cli/base/time_form.h"
#include "tests/unit/text_rig.h"

#define TIME_NS UINT64_C(1700000000123456789)

static void check_form(const char *name, const char *should) {
        char text[FORMAT_MAX];
        TimeForm form;

        assert(time_form_find(name, &form));
        check_text(time_form_write(text, form, TIME_NS), should);
        assert(time_form_width(form) == strlen(should));
}

static void set_zone(const char *zone) {
        setenv("TZ", zone, 1);
        tzset();
}

static void test_forms(void) {
        TimeForm form;

        set_zone("UTC0");
        check_form("time", "22:13:20.123");
        check_form("date", "2023-11-14 22:13:20.123");
        check_form("epoch", "1700000000.123456789");
        check_form("utc", "2023-11-14T22:13:20.123Z");
        check_form("iso", "2023-11-14T22:13:20.123+00:00");

        set_zone("IST-5:30");
        check_form("time", "03:43:20.123");
        check_form("date", "2023-11-15 03:43:20.123");
        check_form("epoch", "1700000000.123456789");
        check_form("utc", "2023-11-14T22:13:20.123Z");
        check_form("iso", "2023-11-15T03:43:20.123+05:30");

        set_zone("NST3:30");
        check_form("iso", "2023-11-14T18:43:20.123-03:30");

        assert(!time_form_find("", &form) && !time_form_find("Time", &form) && !time_form_find("utc ", &form));
}

/* Any number gives a text that fits. */
static void test_limits(void) {
        char text[FORMAT_MAX];

        for (unsigned int form = TIME_FORM_TIME; form <= TIME_FORM_ISO; ++form) {
                assert(strlen(time_form_write(text, form, 0)) >= 11);
                assert(strlen(time_form_write(text, form, UINT64_MAX)) == time_form_width(form) +
                       (form == TIME_FORM_EPOCH));
        }
}

int main(void) {
        test_forms();
        test_limits();
        return 0;
}
