/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The view that a client has of a live task's sample: see sample_view.c. */

#include "broker/model/sample.h"
#include "broker/policy/policy.h"
#include "broker/tasks/ptrace_check.h"

View sample_view(PtraceCheck *check, const Rights *rights, const TaskSample *sample);
