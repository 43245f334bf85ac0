/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Diskstats Diskstats;
typedef struct DiskstatsDisk DiskstatsDisk;

#define DISKSTATS_NAME_MAX 64

struct DiskstatsDisk {
        char name[DISKSTATS_NAME_MAX];
        uint64_t inode;                 /* the number of its file: a disk that is plugged in again has another */
        uint64_t read_bytes;            /* since the disk appeared */
        uint64_t write_bytes;
};

/* The counters of all disks at one time. Zeroed, it is empty. */
struct Diskstats {
        DiskstatsDisk *disks;
        size_t n_disks;
        size_t n_room;
};

bool diskstats_read(const char *path, Diskstats *disks);
void diskstats_moved(const Diskstats *before, const Diskstats *now, uint64_t *ret_read, uint64_t *ret_written);
void diskstats_deinit(Diskstats *disks);
