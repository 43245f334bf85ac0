/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>

#include "broker/policy/filter.h"

/**
 * filter_matches_all() - whether a filter leaves nothing out
 * @filter:  the filter
 */
bool filter_matches_all(const Filter *filter) {
#define HAS(name, ...) || filter_has_##name(filter)
        return !(false FILTER_CRITERIA(HAS));
#undef HAS
}

/**
 * filter_parse_cpus() - read a list of processors
 * @filter:  gets them
 * @text:    as the kernel writes it: "0-3,8"
 *
 * Return: Whether the text is such a list.
 */
bool filter_parse_cpus(Filter *filter, const char *text) {
        filter->has_cpus = true;
        for (;;) {
                unsigned long first, last;
                char *end;

                if (*text < '0' || *text > '9')
                        return false;
                first = last = strtoul(text, &end, 10);
                if (*end == '-') {
                        text = end + 1;
                        if (*text < '0' || *text > '9')
                                return false;
                        last = strtoul(text, &end, 10);
                }
                if (last < first || last >= FILTER_CPUS)
                        return false;
                for (unsigned long cpu = first; cpu <= last; ++cpu)
                        filter->cpus[cpu / 64] |= 1ull << (cpu % 64);
                if (*end == 0)
                        return true;
                if (*end != ',')
                        return false;
                text = end + 1;
        }
}
