/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "clients/cli/run/run_report.h"

void run_report_table(const RunReport *report, FILE *stream);
