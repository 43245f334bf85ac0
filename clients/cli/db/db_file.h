/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "clients/cli/db/db.h"

/* The file of the service, as its unit names it. */
#define DB_FILE_SERVICE "/var/lib/taskbroker/history.db"

int db_file_open_write(Db *db, const char *path);
int db_file_open_read(Db *db, const char *path);
void db_file_default(char path[static DB_PATH_MAX], bool create);
