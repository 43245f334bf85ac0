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

/* A command that has ended, and what it used. Owns nothing. */
struct RunReport {
        char *const *command;           /* ends with NULL */
        const Usage *usage;             /* settled */
        int status;                     /* from wait4(2) */
        struct rusage rusage;           /* the same */
        uint64_t own_rss_kib;           /* peak of this program, of which the command began as a copy */
        uint64_t start_time_ns;         /* since the epoch */
        uint64_t wall_ns;
        enum tb_delay_accounting delay_accounting;
        const char *broken;             /* why the events ended before the command; NULL: they are complete */
        size_t n_top;                   /* so many commands have a line of their own */
        size_t width;                   /* width of the terminal; 0: lines are not cut */
};

/* The processor time of the command and all its descendants. */
struct RunReportCpu {
        uint64_t total_ns;
        uint64_t user_ns;
        uint64_t system_ns;
        uint64_t unattributed_ns;       /* in no record of a process */
        bool at_least;
};

void run_report_cpu(const RunReport *report, RunReportCpu *ret_cpu);
uint64_t run_report_peak_kib(const RunReport *report, bool *ret_in_record);
uint64_t run_report_own_rss_kib(void);
uint64_t run_report_ns(const struct timeval *time);
bool run_report_complete(const RunReport *report);
void run_report_text(const RunReport *report, FILE *stream);
struct json_object *run_report_json(const RunReport *report);
