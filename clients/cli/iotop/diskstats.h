/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Diskstats Diskstats;

/* The bytes that all disks have moved since the machine was started. */
struct Diskstats {
        uint64_t read_bytes;
        uint64_t write_bytes;
};

bool diskstats_read(const char *path, Diskstats *ret_disks);
