/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/model/live.h"

/* For live_messages.c: a row of a sample, and the end of the sample. Return 0, or -ENOMEM. */
int live_samples_task(Live *live, const struct tb_task_sample *sample);
int live_samples_end(Live *live, const struct tb_sample *summary);
