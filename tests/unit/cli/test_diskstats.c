/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The bytes that disks moved between two readings, while disks come, go and begin anew.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/iotop/diskstats.h"
#include "tests/unit/harness.h"

#define SECTOR 512u

/* A disk in both readings, in sectors; -1: the disk is not there. */
typedef struct Disk {
        const char *name;
        int64_t read[2], written[2];
        bool plugged;                   /* between the readings, it was unplugged and plugged in again */
} Disk;

#define DISKS_MAX 4

static const struct {
        Disk disks[DISKS_MAX];
        uint64_t read, written; /* expected, in sectors */
} rows[] = {
        { { { "sda", { 100, 300 }, { 10, 60 }, false } }, 200, 50 },
        { { { "sda", { 100, 100 }, { 10, 10 }, false } }, 0, 0 },
        /* several */
        { { { "sda", { 100, 300 }, { 10, 60 }, false }, { "nvme0n1", { 7, 8 }, { 0, 4 }, false } }, 201, 54 },
        /* a disk appears: what it moved before is not from this time */
        { { { "sda", { 100, 101 }, { 10, 10 }, false }, { "sdb", { -1, 1000000 }, { -1, 900 }, false } }, 1, 0 },
        /* a disk disappears */
        { { { "sda", { 100, 101 }, { 10, 10 }, false }, { "sdb", { 1000000, -1 }, { 900, -1 }, false } }, 1, 0 },
        /* the counters of a disk begin anew: of one direction, and of both */
        { { { "sda", { 1000, 5 }, { 10, 60 }, false }, { "sdb", { 1, 2 }, { 3, 5 }, false } }, 1, 2 },
        { { { "sda", { 10, 50 }, { 1000, 60 }, false }, { "sdb", { 1, 2 }, { 3, 5 }, false } }, 1, 2 },
        { { { "sda", { 1000, 0 }, { 1000, 0 }, false } }, 0, 0 },
        /* another disk has the name, and larger counters */
        { { { "sda", { 1000, 2000 }, { 1000, 3000 }, true }, { "sdb", { 1, 2 }, { 3, 5 }, false } }, 1, 2 },
        /* devices on top of others never count */
        { { { "sda", { 0, 1 }, { 0, 0 }, false }, { "dm-0", { 0, 1 }, { 0, 9 }, false },
            { "loop7", { 0, 1 }, { 0, 9 }, false }, { "md127", { 0, 1 }, { 0, 9 }, false } }, 1, 0 },
        /* the largest counters */
        { { { "sda", { 0, 1 }, { 36028797018963960, 36028797018963967 }, false } }, 1, 7 },
};

static void write_disks(Tree *tree, const Disk *disks, size_t reading) {
        for (size_t i = 0; i < DISKS_MAX && disks[i].name; ++i) {
                char path[100], other[300], text[200];

                snprintf(path, sizeof(path), "%s/stat", disks[i].name);
                snprintf(other, sizeof(other), "%s/%s", tree->path, path);
                if (disks[i].read[reading] < 0) {
                        unlink(other);
                        continue;
                }
                snprintf(text, sizeof(text), "  1 2 %" PRId64 " 4 5 6 %" PRId64 " 8 9 10 11\n", disks[i].read[reading],
                         disks[i].written[reading]);
                /* The old file stays open in a rename: the new file has another inode. */
                if (reading == 1 && disks[i].plugged) {
                        char beside[300];

                        snprintf(beside, sizeof(beside), "%s/stat2", disks[i].name);
                        tree_write_text(tree, beside, text);
                        snprintf(beside, sizeof(beside), "%s/%s/stat2", tree->path, disks[i].name);
                        assert(rename(beside, other) == 0);
                        continue;
                }
                tree_write_text(tree, path, text);
        }
}

int main(void) {
        Diskstats none = {};

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                Diskstats before = { 0 }, now = { 0 };
                uint64_t read, written;
                Tree tree = tree_new();

                write_disks(&tree, rows[i].disks, 0);
                assert(diskstats_read(tree.path, &before));
                write_disks(&tree, rows[i].disks, 1);
                assert(diskstats_read(tree.path, &now));
                diskstats_moved(&before, &now, &read, &written);
                if (read != rows[i].read * SECTOR || written != rows[i].written * SECTOR)
                        fprintf(stderr, "row %zu: %" PRIu64 " %" PRIu64 "\n", i, read, written);
                assert(read == rows[i].read * SECTOR && written == rows[i].written * SECTOR);

                /* A reading replaces the reading before. */
                assert(diskstats_read(tree.path, &before));
                diskstats_moved(&before, &now, &read, &written);
                assert(read == 0 && written == 0);
                diskstats_deinit(&before);
                diskstats_deinit(&now);
                tree_free(&tree);
        }

        assert(!diskstats_read("/no such folder", &none));
        diskstats_deinit(&none);
        return 0;
}
