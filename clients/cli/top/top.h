/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_options.h"

/* The two forms of taskbroker top. Each owns its model and connections; returns the exit status. */
int top_batch(const TopOptions *options);
int top_screen(const TopOptions *options);
