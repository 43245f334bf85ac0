/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clients/cli/db/db_schema.h"
#include "clients/cli/history/history_time.h"

#define NS UINT64_C(1000000000)

/* Fri 2012-11-23 18:15:22 in Shanghai: the examples of systemd.time(7). */
#define NOW (UINT64_C(1353665722) * NS)

static const struct {
        const char *text;
        uint64_t seconds, ns;
} good[] = {
        { "Fri 2012-11-23 11:12:13", 1353640333, 0 },
        { "2012-11-23 11:12:13", 1353640333, 0 },
        { "2012-11-23 11:12:13 UTC", 1353669133, 0 },
        { "2012-11-23T11:12:13Z", 1353669133, 0 },
        { "2012-11-23T11:12:13+01:00", 1353665533, 0 },
        { "2012-11-23T11:12:13-0330", 1353681733, 0 },
        { "2012-11-23", 1353600000, 0 },
        { "12-11-23", 1353600000, 0 },
        { "11:12:13", 1353640333, 0 },
        { "11:12", 1353640320, 0 },
        { "now", 1353665722, 0 },
        { "today", 1353600000, 0 },
        { "today UTC", 1353628800, 0 },
        { "yesterday", 1353513600, 0 },
        { "tomorrow", 1353686400, 0 },
        { "+3h30min", 1353678322, 0 },
        { "-5s", 1353665717, 0 },
        { "-2h", 1353658522, 0 },
        { "11min ago", 1353665062, 0 },
        { "2 hours 5 minutes ago", 1353658222, 0 },
        { "10 ago", 1353665712, 0 },
        { "1d left", 1353752122, 0 },
        { "@1395716396", 1395716396, 0 },
        { "@1395716396.5", 1395716396, 500000000 },
        { "2014-03-25 03:59:56.654563", 1395691196, 654563000 },
        { "-0.5s", 1353665721, 500000000 },
};

static const char *const bad[] = {
        "", "-", "+", "@", "blah", "2012-13-01", "2012-02-30", "2012-11-23 25:00", "2012-11-23 11", "11:60", "11:1",
        "Mon 2012-11-23", "Fri", "5", "5 parsecs ago", "-2h ago", "2012-11-23 11:12 Mars", "2012-11-23T",
        "99999999999999999999s ago", "1969-01-01", "now now", "yesterdays", "-9999999y", "2012-11-23x", "11:12:13.5x",
};

static const struct {
        const char *text;
        uint64_t ns;
} spans[] = {
        { "500ms", 500000000 }, { "2s", 2 * NS },       { "1h", 3600 * NS },   { "1.5h", 5400 * NS },
        { "90", 90 * NS },      { "1h30min", 5400 * NS }, { "1 week", 604800 * NS }, { "10us", 10000 },
};

int main(void) {
        uint64_t ns;

        setenv("TZ", "Asia/Shanghai", 1);
        tzset();
        for (size_t i = 0; i < sizeof(good) / sizeof(*good); ++i) {
                printf("%s\n", good[i].text);
                fflush(stdout);
                assert(history_time_read(good[i].text, NOW, &ns));
                assert(ns == good[i].seconds * NS + good[i].ns);
        }
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); ++i) {
                printf("%s\n", bad[i]);
                fflush(stdout);
                assert(!history_time_read(bad[i], NOW, &ns));
        }
        for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); ++i) {
                assert(history_time_read_span(spans[i].text, &ns));
                assert(ns == spans[i].ns);
        }

        /* a class has the lifetimes up to its limit, and not the limit */
        for (unsigned int class = 0; class < DB_CLASS_LONGEST; ++class) {
                assert(db_schema_class(db_schema_class_ns(class) - 1) == class);
                assert(db_schema_class(db_schema_class_ns(class)) == class + 1);
        }
        assert(db_schema_class(UINT64_MAX) == DB_CLASS_LONGEST);

        return 0;
}
