/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Numbers, times and terminations as people read them.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "tests/unit/text_rig.h"

static void test_bytes(void) {
        char text[FORMAT_MAX];

        check_text(format_bytes(text, 0), "0");
        check_text(format_bytes(text, 1023), "1023");
        check_text(format_bytes(text, 1024), "1.0K");
        check_text(format_bytes(text, 1536), "1.5K");
        check_text(format_bytes(text, 10188), "9.9K");
        check_text(format_bytes(text, 10189), "10K");
        check_text(format_bytes(text, 1024 * 1024 - 513), "1023K");
        check_text(format_bytes(text, 1024 * 1024 - 512), "1.0M");
        check_text(format_bytes(text, 1024 * 1024), "1.0M");
        check_text(format_bytes(text, UINT64_C(5) << 30), "5.0G");
        check_text(format_bytes(text, UINT64_C(1) << 50), "1.0P");
        check_text(format_bytes(text, UINT64_MAX), "16E");
}

static void test_duration(void) {
        char text[FORMAT_MAX];

        check_text(format_duration(text, 0), "0");
        check_text(format_duration(text, 999), "999ns");
        check_text(format_duration(text, 1000), "1.00us");
        check_text(format_duration(text, 9994), "9.99us");
        check_text(format_duration(text, 9996), "10.0us");
        check_text(format_duration(text, 99960), "100us");
        check_text(format_duration(text, 999499), "999us");
        check_text(format_duration(text, 999500), "1.00ms");
        check_text(format_duration(text, 12345678), "12.3ms");
        check_text(format_duration(text, UINT64_C(59994999999)), "60.0s");
        check_text(format_duration(text, UINT64_C(60000000000)), "1m00s");
        check_text(format_duration(text, UINT64_C(123000000000)), "2m03s");
        check_text(format_duration(text, UINT64_C(3600000000000)), "1h00m");
        check_text(format_duration(text, UINT64_C(86399000000000)), "23h59m");
        check_text(format_duration(text, UINT64_C(86400000000000) * 5 + UINT64_C(3600000000000) * 6), "5d06h");
        check_text(format_duration(text, UINT64_MAX), "213503d23h");
}

static void test_count(void) {
        char text[FORMAT_MAX];

        check_text(format_count(text, 0), "0");
        check_text(format_count(text, 999), "999");
        check_text(format_count(text, 1000), "1 000");
        check_text(format_count(text, 1284311), "1 284 311");
        check_text(format_count(text, UINT64_MAX), "18 446 744 073 709 551 615");
}

static void test_time(void) {
        char text[FORMAT_MAX];

        setenv("TZ", "UTC-2", 1);
        tzset();
        check_text(format_clock(text, UINT64_C(1700000000123999999)), "00:13:20.123");
        check_text(format_date(text, UINT64_C(1700000000123999999)), "2023-11-15 00:13:20");
        check_text(format_clock(text, 0), "02:00:00.000");
        assert(strlen(format_clock(text, UINT64_MAX)) == 12);

        /* Days and years follow the time zone. 1700000000 is in the 15th, 1704060000 the first second of 2024. */
        check_text(format_begin(text, UINT64_C(1700000000123999999), UINT64_C(1700000001000000000)), "00:13:20.123");
        check_text(format_begin(text, UINT64_C(1699999199000000000), UINT64_C(1700000001000000000)), "11-14 23:59");
        check_text(format_begin(text, UINT64_C(1700000001000000000), UINT64_C(1699999199000000000)), "11-15 00:13");
        check_text(format_begin(text, UINT64_C(1704059999000000000), UINT64_C(1704060000000000000)), "2023-12-31");
        check_text(format_begin(text, UINT64_C(1700000000000000000) - UINT64_C(31536000) * 1000000000u,
                                UINT64_C(1700000000000000000)),
                   "2022-11-15");
        assert(strlen(format_begin(text, 0, UINT64_MAX)) <= 12);
}

static void test_termination(void) {
        struct tb_termination termination;
        char text[FORMAT_MAX];

        check_text(format_termination(text, &(struct tb_termination){ .exit_code = 3 }), "-");
        check_text(format_termination(text, &(struct tb_termination){ .known = true }), "0");
        check_text(format_termination(text, &(struct tb_termination){ .known = true, .exit_code = 255 }), "exit 255");
        check_text(format_termination(text, &(struct tb_termination){ .known = true, .term_signal = 9 }), "SIGKILL");
        termination = (struct tb_termination){ .known = true, .term_signal = 11, .core_dumped = true };
        check_text(format_termination(text, &termination), "SIGSEGV + core");
        check_text(format_termination(text, &(struct tb_termination){ .known = true, .term_signal = 40 }), "signal 40");
        check_text(format_termination(text, &(struct tb_termination){ .known = true, .term_signal = UINT32_MAX }),
                   "signal 4294967295");
}

int main(void) {
        test_bytes();
        test_duration();
        test_count();
        test_time();
        test_termination();
        return 0;
}
