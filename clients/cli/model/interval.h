/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/base/option_set.h"

#define INTERVAL_MS_DEFAULT 1000u

/* The broker refuses other intervals. */
#define INTERVAL_MS_MIN 100u
#define INTERVAL_MS_MAX 60000u

int interval_read(const Option *option, const char *verb, const char *value, void *options);
