/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

typedef struct RecordOptions RecordOptions;

struct RecordOptions {
        const char *socket_path;
        const char *db_path;            /* NULL: the default */
        uint64_t keep_ns;               /* 0: for ever */
        uint64_t max_bytes;             /* 0: no limit */
};

int record_options_read(RecordOptions *options, int argc, char **argv);
