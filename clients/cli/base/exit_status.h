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
 * The result of a step of a verb that goes on. Any other result ends the verb and is its
 * exit status: one of the above, or for run the status of the command.
 */
enum {
        VERB_CONTINUE = -1,
};
