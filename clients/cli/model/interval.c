/* SPDX-License-Identifier: Apache-2.0 */

/* The option of several verbs for the time between two samples. */

#include <stdint.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/option.h"
#include "clients/cli/model/interval.h"

#define NS_PER_MS UINT64_C(1000000)

/**
 * interval_read() - read the time between samples
 * @option:     the row; its member is a uint32_t and gets milliseconds
 * @verb:       the verb that has the option
 * @value:      the value of the option
 * @options:    the options of the verb
 *
 * Return: EXIT_STATUS_OK, or the status of error_usage().
 */
int interval_read(const Option *option, const char *verb, const char *value, void *options) {
        uint32_t *interval_ms = option_set_member(option, options);
        uint64_t ns;

        if (!option_read_seconds(value, &ns) || ns < INTERVAL_MS_MIN * NS_PER_MS ||
            ns > INTERVAL_MS_MAX * NS_PER_MS)
                return error_usage(verb, "-d %s: it is a number of seconds from 0.1 to 60.", value);

        *interval_ms = (uint32_t)(ns / NS_PER_MS);
        return EXIT_STATUS_OK;
}
