/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Numbers, times and exits as short texts for people.
 *
 * Each function writes into the buffer of the caller and returns it. Pure, but for the
 * time zone and the wall clock of dates.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/format.h"

#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u

/* "0", "512", "4.0K", "123M": powers of 1024. */
const char *format_bytes(char text[static FORMAT_MAX], uint64_t bytes) {
        static const char units[] = "KMGTPE";
        unsigned int unit = 0;
        uint64_t tenths;

        if (bytes < 1024) {
                snprintf(text, FORMAT_MAX, "%" PRIu64, bytes);
                return text;
        }

        /* From here on @bytes is in 1024ths of the unit. A value that rounds to 1024 is 1.0 of the next unit. */
        while (bytes >= 1024u * 1024u - 512u && units[unit + 1]) {
                bytes = bytes / 1024 + (bytes % 1024 >= 512);
                ++unit;
        }

        tenths = (bytes * 10 + 512) / 1024;
        if (tenths < 100)
                snprintf(text, FORMAT_MAX, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, units[unit]);
        else
                snprintf(text, FORMAT_MAX, "%" PRIu64 "%c", (bytes + 512) / 1024, units[unit]);

        return text;
}

/* Three significant digits: "417us", "1.23ms", "45.6ms", "1.23s", then "2m03s", "3h04m", "5d06h". */
const char *format_duration(char text[static FORMAT_MAX], uint64_t ns) {
        static const char *const units[] = { "ns", "us", "ms", "s" };
        uint64_t seconds = ns / NS_PER_S;
        unsigned int unit = 0;
        double value = (double)ns;

        if (seconds >= 86400) {
                snprintf(text, FORMAT_MAX, "%" PRIu64 "d%02" PRIu64 "h", seconds / 86400, seconds / 3600 % 24);
                return text;
        }
        if (seconds >= 3600) {
                snprintf(text, FORMAT_MAX, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600, seconds / 60 % 60);
                return text;
        }
        if (seconds >= 60) {
                snprintf(text, FORMAT_MAX, "%" PRIu64 "m%02" PRIu64 "s", seconds / 60, seconds % 60);
                return text;
        }
        if (ns < 1000) {
                snprintf(text, FORMAT_MAX, ns ? "%" PRIu64 "ns" : "%" PRIu64, ns);
                return text;
        }

        /* 999.5 would be rounded to a fourth digit. */
        while (value >= 999.5 && unit < 3) {
                value /= 1000;
                ++unit;
        }
        snprintf(text, FORMAT_MAX, "%.*f%s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);

        return text;
}

/* "1 284 311" */
const char *format_count(char text[static FORMAT_MAX], uint64_t count) {
        char digits[FORMAT_MAX];
        size_t n, at = 0;

        n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
        for (size_t i = 0; i < n; ++i) {
                if (i > 0 && (n - i) % 3 == 0)
                        text[at++] = ' ';
                text[at++] = digits[i];
        }
        text[at] = 0;

        return text;
}

/* Local time of day, to the millisecond. */
const char *format_clock(char text[static FORMAT_MAX], uint64_t time_ns) {
        uint64_t realtime_ns = clock_to_realtime_ns(time_ns);
        time_t seconds = (time_t)(realtime_ns / NS_PER_S);
        struct tm local;

        if (!localtime_r(&seconds, &local))
                return strcpy(text, "--:--:--.---");

        snprintf(text,
                 FORMAT_MAX,
                 "%02d:%02d:%02d.%03u",
                 local.tm_hour,
                 local.tm_min,
                 local.tm_sec,
                 (unsigned int)(realtime_ns % NS_PER_S / NS_PER_MS));

        return text;
}

/* A start that may be long ago: today as format_clock(), this year as "11-14 22:13", else "2023-11-14". */
const char *format_begin(char text[static FORMAT_MAX], uint64_t time_ns, uint64_t now_ns) {
        time_t begin = (time_t)(clock_to_realtime_ns(time_ns) / NS_PER_S);
        time_t now = (time_t)(clock_to_realtime_ns(now_ns) / NS_PER_S);
        struct tm then, today;

        if (!localtime_r(&begin, &then) || !localtime_r(&now, &today))
                return strcpy(text, "-");
        if (then.tm_year == today.tm_year && then.tm_yday == today.tm_yday)
                return format_clock(text, time_ns);

        if (strftime(text, FORMAT_MAX, then.tm_year == today.tm_year ? "%m-%d %H:%M" : "%Y-%m-%d", &then) == 0)
                return strcpy(text, "-");

        return text;
}

/* Local date and time to the second, for a time in a message of the broker. */
const char *format_date(char text[static FORMAT_MAX], uint64_t time_ns) {
        return format_realtime(text, clock_to_realtime_ns(time_ns) / NS_PER_S);
}

/* Local date and time for seconds since 1970 by the wall clock. */
const char *format_realtime(char text[static FORMAT_MAX], uint64_t realtime_s) {
        time_t seconds = (time_t)realtime_s;
        struct tm local;

        if (!localtime_r(&seconds, &local) || strftime(text, FORMAT_MAX, "%Y-%m-%d %H:%M:%S", &local) == 0)
                return strcpy(text, "-");

        return text;
}

/* "0", "exit 3", "SIGKILL", "SIGSEGV + core"; "-" if it is not known. */
const char *format_termination(char text[static FORMAT_MAX], const struct tb_termination *termination) {
        const char *core = termination->core_dumped ? " + core" : "";
        const char *name;

        if (!termination->known)
                return strcpy(text, "-");
        if (termination->term_signal == 0) {
                snprintf(text,
                         FORMAT_MAX,
                         termination->exit_code ? "exit %" PRIu32 : "%" PRIu32,
                         termination->exit_code);
                return text;
        }

        /* Real-time signals have no names. */
        name = termination->term_signal < 65 ? sigabbrev_np((int)termination->term_signal) : NULL;
        if (name)
                snprintf(text, FORMAT_MAX, "SIG%s%s", name, core);
        else
                snprintf(text, FORMAT_MAX, "signal %" PRIu32 "%s", termination->term_signal, core);

        return text;
}

/* The word for @n of something: @one for 1, else @many. */
const char *format_plural(uint64_t n, const char *one, const char *many) { return n == 1 ? one : many; }
