/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Points in time and spans, as a person types them: the forms of systemd.time(7), which
 * journalctl takes, and ISO 8601.
 *
 * All results are nanoseconds by the wall clock. Called by history_options.c. Pure, but for
 * the time zone.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clients/cli/history/history_time.h"

#define NS_PER_S UINT64_C(1000000000)

/* A longer span is a mistake, and larger numbers could overflow. */
#define SPAN_MAX_NS (INT64_MAX / 4)

typedef struct TimeParser TimeParser;

/* A calendar time, as far as it was read. */
struct TimeParser {
        const char *at;
        struct tm parts;
        uint64_t fraction_ns;
        bool utc;
        long offset_s;                  /* the offset of the zone, with utc */
};

/* Longer names stand before their beginnings. */
static const struct {
        const char *name;
        uint64_t ns;
} units[] = {
        { "seconds", NS_PER_S },        { "second", NS_PER_S },         { "sec", NS_PER_S },
        { "minutes", 60 * NS_PER_S },   { "minute", 60 * NS_PER_S },    { "min", 60 * NS_PER_S },
        { "months", 2629800 * NS_PER_S }, { "month", 2629800 * NS_PER_S }, { "msec", 1000000 },
        { "ms", 1000000 },              { "hours", 3600 * NS_PER_S },   { "hour", 3600 * NS_PER_S },
        { "hr", 3600 * NS_PER_S },      { "days", 86400 * NS_PER_S },   { "day", 86400 * NS_PER_S },
        { "weeks", 604800 * NS_PER_S }, { "week", 604800 * NS_PER_S },  { "years", 31557600 * NS_PER_S },
        { "year", 31557600 * NS_PER_S }, { "usec", 1000 },              { "us", 1000 },
        { "nsec", 1 },                  { "ns", 1 },                    { "s", NS_PER_S },
        { "m", 60 * NS_PER_S },         { "h", 3600 * NS_PER_S },       { "d", 86400 * NS_PER_S },
        { "w", 604800 * NS_PER_S },     { "M", 2629800 * NS_PER_S },    { "y", 31557600 * NS_PER_S },
};

/* Takes a unit, or nothing for seconds. */
static uint64_t time_take_unit(const char **at) {
        *at += strspn(*at, " ");
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); ++i) {
                size_t n = strlen(units[i].name);

                if (strncmp(*at, units[i].name, n) == 0 && !isalpha((unsigned char)(*at)[n])) {
                        *at += n;
                        return units[i].ns;
                }
        }

        return isalpha((unsigned char)**at) ? 0 : NS_PER_S;
}

/* Takes digits behind a dot as parts of @whole. */
static uint64_t time_take_fraction(const char **at, uint64_t whole) {
        uint64_t value = 0, scale = 1;

        if (**at != '.')
                return 0;
        for (++*at; isdigit((unsigned char)**at); ++*at)
                if (scale < NS_PER_S) {
                        value = 10 * value + (uint64_t)(**at - '0');
                        scale *= 10;
                }

        return (uint64_t)((double)value / (double)scale * (double)whole + 0.5);
}

/* Takes amounts such as "3h30min". Returns false without an amount, or if the sum is too large. */
static bool time_take_span(const char **at, uint64_t *ret_ns) {
        uint64_t span_ns = 0;

        *at += strspn(*at, " ");
        if (!isdigit((unsigned char)**at))
                return false;
        while (isdigit((unsigned char)**at)) {
                uint64_t number = 0, unit, fraction;
                const char *dot, *begin = *at;

                for (; isdigit((unsigned char)**at); ++*at)
                        number = number < SPAN_MAX_NS / 10 ? 10 * number + (uint64_t)(**at - '0') : SPAN_MAX_NS;
                dot = *at;
                time_take_fraction(at, 1);
                unit = time_take_unit(at);
                /* "11 ago": the word is no unit */
                if (unit == 0 && strncmp(*at, "ago", 3) != 0 && strncmp(*at, "left", 4) != 0)
                        return false;
                unit = unit ? unit : NS_PER_S;
                fraction = time_take_fraction(&dot, unit);
                if (number > (SPAN_MAX_NS - span_ns - fraction) / unit || *at == begin)
                        return false;
                span_ns += number * unit + fraction;
                *at += strspn(*at, " ");
        }
        *ret_ns = span_ns;

        return true;
}

/* Reads a span such as "2h", "1.5 hours" or "90" seconds. */
bool history_time_read_span(const char *text, uint64_t *ret_ns) {
        return time_take_span(&text, ret_ns) && !*text;
}

/* "-2h", "+1min", "11min ago", "5s left". */
static bool time_read_relative(const char *text, uint64_t now_ns, uint64_t *ret_ns) {
        bool signed_text = *text == '-' || *text == '+', past = *text == '-';
        uint64_t span_ns;

        text += signed_text;
        if (!time_take_span(&text, &span_ns))
                return false;
        if (!signed_text) {
                past = strcmp(text, "ago") == 0;
                if (!past && strcmp(text, "left") != 0)
                        return false;
        } else if (*text) {
                return false;
        }
        *ret_ns = past ? (now_ns > span_ns ? now_ns - span_ns : 0) : now_ns + span_ns;

        return true;
}

/* Takes a number of @min to @max digits. */
static bool time_take_number(TimeParser *parser, size_t min, size_t max, int *ret_number) {
        size_t n = 0;
        int number = 0;

        for (; n < max && isdigit((unsigned char)parser->at[n]); ++n)
                number = 10 * number + (parser->at[n] - '0');
        if (n < min)
                return false;
        parser->at += n;
        *ret_number = number;

        return true;
}

static bool time_take_character(TimeParser *parser, char character) {
        if (*parser->at != character)
                return false;
        ++parser->at;
        return true;
}

/* "2012-11-23", "12-11-23". */
static bool time_take_date(TimeParser *parser) {
        const char *begin = parser->at;
        int year, month, day;

        if (!time_take_number(parser, 2, 4, &year) || !time_take_character(parser, '-') ||
            !time_take_number(parser, 1, 2, &month) || !time_take_character(parser, '-') ||
            !time_take_number(parser, 1, 2, &day)) {
                parser->at = begin;
                return false;
        }
        if (year < 100)
                year += year < 70 ? 2000 : 1900;
        parser->parts = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_isdst = -1 };

        return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* "11:12", "11:12:13", "11:12:13.5". */
static bool time_take_clock(TimeParser *parser) {
        int hour, minute, second = 0;

        if (!time_take_number(parser, 1, 2, &hour) || !time_take_character(parser, ':') ||
            !time_take_number(parser, 2, 2, &minute))
                return false;
        if (time_take_character(parser, ':')) {
                if (!time_take_number(parser, 2, 2, &second))
                        return false;
                parser->fraction_ns = time_take_fraction(&parser->at, NS_PER_S);
        }
        parser->parts.tm_hour = hour;
        parser->parts.tm_min = minute;
        parser->parts.tm_sec = second;

        return hour < 24 && minute < 60 && second < 61;
}

/* "Z", " UTC", "+01:00", or nothing: the local zone. */
static bool time_take_zone(TimeParser *parser) {
        int hours, minutes = 0;
        bool west;

        parser->at += strspn(parser->at, " ");
        if (!*parser->at)
                return true;
        parser->utc = true;
        if (strcmp(parser->at, "Z") == 0 || strcmp(parser->at, "UTC") == 0)
                return true;
        west = *parser->at == '-';
        if (!time_take_character(parser, '+') && !time_take_character(parser, '-'))
                return false;
        if (!time_take_number(parser, 2, 2, &hours))
                return false;
        time_take_character(parser, ':');
        if (*parser->at && !time_take_number(parser, 2, 2, &minutes))
                return false;
        parser->offset_s = (west ? -60 : 60) * (60L * hours + minutes);

        return !*parser->at && hours < 24 && minutes < 60;
}

static bool time_finish(TimeParser *parser, uint64_t *ret_ns) {
        struct tm parts = parser->parts;
        time_t seconds = parser->utc ? timegm(&parts) : mktime(&parts);

        /* A day that its month does not have became a day of the next month. */
        if (seconds < 0 || parts.tm_mday != parser->parts.tm_mday)
                return false;
        seconds -= parser->offset_s;
        *ret_ns = (uint64_t)seconds * NS_PER_S + parser->fraction_ns;

        return seconds >= 0;
}

static bool time_today(TimeParser *parser, uint64_t now_ns) {
        time_t now = (time_t)(now_ns / NS_PER_S);

        if (!(parser->utc ? gmtime_r(&now, &parser->parts) : localtime_r(&now, &parser->parts)))
                return false;
        parser->parts.tm_hour = parser->parts.tm_min = parser->parts.tm_sec = 0;
        parser->parts.tm_isdst = -1;

        return true;
}

/* "now", "today", "yesterday" and "tomorrow", each also with " UTC". */
static bool time_read_word(const char *text, uint64_t now_ns, uint64_t *ret_ns) {
        static const char *const words[] = { "yesterday", "today", "tomorrow" };
        TimeParser parser = { 0 };

        if (strcmp(text, "now") == 0) {
                *ret_ns = now_ns;
                return true;
        }
        for (int i = 0; i < 3; ++i) {
                size_t n = strlen(words[i]);
                struct tm parts;
                time_t seconds;

                if (strncmp(text, words[i], n) != 0 || (text[n] && strcmp(text + n, " UTC") != 0))
                        continue;
                parser.utc = text[n];
                if (!time_today(&parser, now_ns))
                        return false;
                parts = parser.parts;
                parts.tm_mday += i - 1;
                seconds = parser.utc ? timegm(&parts) : mktime(&parts);
                *ret_ns = (uint64_t)seconds * NS_PER_S;
                return seconds >= 0;
        }

        return false;
}

/* The day of the week may stand before a date, and must be right. */
static int time_take_weekday(TimeParser *parser) {
        static const char *const days[] = {
                "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
        };
        size_t n = strcspn(parser->at, " ,");

        for (int i = 0; i < 7; ++i)
                if ((n == 3 || n == strlen(days[i])) && strncasecmp(parser->at, days[i], n) == 0) {
                        parser->at += n + strspn(parser->at + n, " ,");
                        return i;
                }

        return -1;
}

static bool time_read_calendar(const char *text, uint64_t now_ns, uint64_t *ret_ns) {
        TimeParser parser = { .at = text };
        int weekday = time_take_weekday(&parser);
        bool has_date = time_take_date(&parser);
        struct tm parts;

        if (!has_date && (weekday >= 0 || !time_today(&parser, now_ns)))
                return false;
        if (has_date && (*parser.at == ' ' || *parser.at == 'T') && isdigit((unsigned char)parser.at[1]))
                ++parser.at;
        if ((!has_date || isdigit((unsigned char)*parser.at)) && !time_take_clock(&parser))
                return false;
        if (!time_take_zone(&parser))
                return false;
        /* the zone decides which day today is */
        if (!has_date && parser.utc) {
                parts = parser.parts;
                if (!time_today(&parser, now_ns))
                        return false;
                parser.parts.tm_hour = parts.tm_hour;
                parser.parts.tm_min = parts.tm_min;
                parser.parts.tm_sec = parts.tm_sec;
        }
        parts = parser.parts;
        if (weekday >= 0 && (timegm(&parts) < 0 || parts.tm_wday != weekday))
                return false;

        return time_finish(&parser, ret_ns);
}

/**
 * history_time_read() - read a point in time
 * @text:       the text
 * @now_ns:     the present time, for relative times
 * @ret_ns:     output: nanoseconds since 1970 by the wall clock
 *
 * Return: Whether it is a point in time.
 */
bool history_time_read(const char *text, uint64_t now_ns, uint64_t *ret_ns) {
        const char *behind = text + 1;

        if (*text == '@')
                return history_time_read_span(behind, ret_ns);
        return time_read_word(text, now_ns, ret_ns) || time_read_relative(text, now_ns, ret_ns) ||
               time_read_calendar(text, now_ns, ret_ns);
}
