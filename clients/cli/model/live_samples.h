/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

/* live.c's own: a row of a sample, and that the sample is complete. Return 0, or -ENOMEM. */
int live_task_sample(Live *live, const struct tb_task_sample *sample);
int live_sample(Live *live, const struct tb_sample *told);
