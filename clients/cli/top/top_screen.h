/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/top/top_options.h"

/* Draws samples on the terminal until a key says to end. Returns the exit status. */
int top_screen(const TopOptions *options);
