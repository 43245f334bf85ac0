/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a client may know of a live task's sample: see sample_view.c. */

#include "broker/model/sample.h"
#include "broker/rules/policy.h"
#include "broker/tasks/glance.h"

View sample_view(Glance *glance, const Rights *rights, const TaskSample *sample);
