/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Diskstats Diskstats;

/* What all disks of the machine have moved since it was started. */
struct Diskstats {
        uint64_t read_bytes;
        uint64_t write_bytes;
};

bool diskstats_read(const char *path, Diskstats *ret_disks);
