/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_options.h"

/* Prints samples as tables or as JSON until the options say to end. Returns the exit status. */
int top_batch(const TopOptions *options);
