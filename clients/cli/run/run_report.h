/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/run/usage.h"

struct json_object;

typedef struct RunReport RunReport;
typedef struct RunReportCpu RunReportCpu;

/* A command that has ended, and all that is known of what it used. Owns nothing. */
struct RunReport {
        char *const *command;           /* ends with NULL */
        const Usage *tally;             /* settled */
        int status;                     /* as wait4(2) told it */
        struct rusage usage;            /* the same */
        uint64_t start_time_ns;         /* since the epoch */
        uint64_t wall_ns;
        enum tb_delay_accounting delay_accounting;
        const char *broken;             /* why the events ended before the command; NULL: they did not */
        size_t n_top;                   /* so many commands are told one by one */
        size_t width;                   /* of the terminal; 0: lines are not cut */
};

/* The whole tree's processor time. */
struct RunReportCpu {
        uint64_t total_ns;
        uint64_t user_ns;
        uint64_t system_ns;
        uint64_t unattributed_ns;       /* that is in no process' record */
        bool at_least;
};

void run_report_cpu(const RunReport *account, RunReportCpu *ret_cpu);
bool run_report_complete(const RunReport *account);
void run_report_write(const RunReport *account, FILE *stream);
struct json_object *run_report_json(const RunReport *account);
