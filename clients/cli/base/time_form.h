/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/base/format.h"

typedef enum TimeForm TimeForm;

/* The form of a point in time. */
enum TimeForm {
        TIME_FORM_TIME,                 /* 22:13:20.123, local */
        TIME_FORM_DATE,                 /* 2023-11-14 22:13:20.123, local */
        TIME_FORM_EPOCH,                /* 1700000000.123456789 */
        TIME_FORM_UTC,                  /* 2023-11-14T21:13:20.123Z */
        TIME_FORM_ISO,                  /* 2023-11-14T22:13:20.123+01:00, local */
};

#define TIME_FORM_NAMES "time, date, epoch, utc or iso"

bool time_form_find(const char *name, TimeForm *ret_form);
unsigned int time_form_width(TimeForm form);
const char *time_form_write(char text[static FORMAT_MAX], TimeForm form, uint64_t time_ns);
