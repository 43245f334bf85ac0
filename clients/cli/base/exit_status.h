/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Exit statuses of the taskbroker command, as its manual page lists them. */
enum {
        EXIT_STATUS_OK = 0,
        EXIT_STATUS_ERROR = 1,
        EXIT_STATUS_USAGE = 2,
        EXIT_STATUS_LOSS = 3,
};

/*
 * What a step of a verb returns if the verb is to continue. All else is the exit status
 * of the verb, which ends: one of the above, or for run that of its command.
 */
enum {
        VERB_CONTINUE = -1,
};
