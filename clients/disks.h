/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Disks Disks;

/* What all disks of the machine have moved since it was started. */
struct Disks {
        uint64_t read_bytes;
        uint64_t write_bytes;
};

bool disks_read(const char *path, Disks *ret_disks);
