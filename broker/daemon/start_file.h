/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* StartFile: where the starts of tasks survive a restart of the broker. */

#include "broker/daemon/options.h"
#include "broker/tasks/start_store.h"

void start_file_open(StartStore *store, const Options *options);
