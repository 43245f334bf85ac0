/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The forms of a point in time: a short one for a screen, and complete ones for a log.
 *
 * Called by the verbs that have the option --time, and by the lines that they print. Each
 * form has one width, so that columns stay in line. Pure, but for the time zone.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/time_form.h"

#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u

static const struct {
        const char *name;
        unsigned int width;
} forms[] = {
        [TIME_FORM_TIME] = { "time", 12 },
        [TIME_FORM_DATE] = { "date", 23 },
        [TIME_FORM_EPOCH] = { "epoch", 20 },
        [TIME_FORM_UTC] = { "utc", 24 },
        [TIME_FORM_ISO] = { "iso", 29 },
};

bool time_form_find(const char *name, TimeForm *ret_form) {
        for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); ++i)
                if (strcmp(forms[i].name, name) == 0) {
                        *ret_form = (TimeForm)i;
                        return true;
                }

        return false;
}

unsigned int time_form_width(TimeForm form) { return forms[form].width; }

static const char *time_form_write_date(char text[static FORMAT_MAX], TimeForm form, uint64_t time_ns) {
        time_t seconds = (time_t)(time_ns / NS_PER_S);
        struct tm parts;
        long offset;
        size_t n;

        if (!(form == TIME_FORM_UTC ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)))
                return strcpy(text, "-");
        n = strftime(text, FORMAT_MAX, form == TIME_FORM_DATE ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &parts);
        n += (size_t)snprintf(text + n, FORMAT_MAX - n, ".%03u", (unsigned int)(time_ns % NS_PER_S / NS_PER_MS));

        offset = labs(parts.tm_gmtoff) / 60;
        if (form == TIME_FORM_UTC)
                snprintf(text + n, FORMAT_MAX - n, "Z");
        if (form == TIME_FORM_ISO)
                snprintf(text + n, FORMAT_MAX - n, "%c%02ld:%02ld", parts.tm_gmtoff < 0 ? '-' : '+', offset / 60,
                         offset % 60);

        return text;
}

/**
 * time_form_write() - write a point in time
 * @text:       output
 * @form:       the form
 * @time_ns:    the time, on the scale of all times
 *
 * Return: @text.
 */
const char *time_form_write(char text[static FORMAT_MAX], TimeForm form, uint64_t time_ns) {
        uint64_t realtime_ns = clock_to_realtime_ns(time_ns);

        switch (form) {
        case TIME_FORM_TIME:
                return format_clock(text, time_ns);
        case TIME_FORM_EPOCH:
                snprintf(text, FORMAT_MAX, "%" PRIu64 ".%09" PRIu64, realtime_ns / NS_PER_S, realtime_ns % NS_PER_S);
                return text;
        default:
                return time_form_write_date(text, form, realtime_ns);
        }
}
