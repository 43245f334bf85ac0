/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/record/record_table.h"
#include "clients/cli/record/record_write.h"

int record_load(RecordWriter *writer, RecordTable *table);
