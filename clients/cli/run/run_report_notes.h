/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/run/run_report.h"

void run_report_notes(const RunReport *report, FILE *stream);
