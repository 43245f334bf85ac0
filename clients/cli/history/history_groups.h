/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/history/history_view.h"

/* Room for the name of a group. */
#define HISTORY_GROUP_MAX 4096

const char *history_group_select(const char *by);
const char *history_group_name(History *history, char name[static HISTORY_GROUP_MAX], struct sqlite3_stmt *row,
                               int column);
