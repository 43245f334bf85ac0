/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The bytes that the disks of the machine have read and written, for any process.
 *
 * sysfs has a file per disk, which every user may read. Devices on top of other devices
 * (device mapper, RAID, loop devices) are left out: their bytes are counted in the disks
 * below them.
 *
 * Disks come and go, and their counters begin anew. So the sum over all counters can fall, or
 * jump, and only differences of one disk are added up. Owns the list of disks.
 */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/iotop/diskstats.h"

/* The kernel counts sectors of this size, whatever the sectors of the disk are. */
#define DISKSTATS_SECTOR 512u

/* Leaves out disks in memory, disks in files, and devices on top of others. */
static bool diskstats_is_real(const char *name) {
        static const char *const others[] = {"loop", "ram", "zram", "dm-", "md", "."};

        for (size_t i = 0; i < sizeof(others) / sizeof(*others); ++i)
                if (strncmp(name, others[i], strlen(others[i])) == 0)
                        return false;

        return true;
}

/* Reads a disk. Returns false if it has just gone, or is not readable. */
static bool diskstats_read_disk(int directory, const char *name, DiskstatsDisk *ret_disk) {
        DiskstatsDisk disk = {0};
        uint64_t n_read, n_written;
        char path[300], text[256];
        struct stat status;
        ssize_t n = -1;
        int fd;

        snprintf(path, sizeof(path), "%s/stat", name);
        fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        if (fstat(fd, &status) == 0)
                n = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (n <= 0)
                return false;

        text[n] = 0;
        if (sscanf(text, "%*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, &n_read, &n_written) != 2)
                return false;

        snprintf(disk.name, sizeof(disk.name), "%s", name);
        disk.inode = status.st_ino;
        disk.read_bytes = n_read * DISKSTATS_SECTOR;
        disk.write_bytes = n_written * DISKSTATS_SECTOR;
        *ret_disk = disk;
        return true;
}

/* Makes room for one more disk. */
static bool diskstats_reserve(Diskstats *disks) {
        size_t n_room = disks->n_room ? 2 * disks->n_room : 16;
        DiskstatsDisk *more;

        if (disks->n_disks < disks->n_room)
                return true;

        more = reallocarray(disks->disks, n_room, sizeof(*more));
        if (!more)
                return false;
        disks->disks = more;
        disks->n_room = n_room;
        return true;
}

/**
 * diskstats_read() - read the counters of all disks
 * @path:       a directory with one directory per disk: /sys/block
 * @disks:      output; the reading before is replaced
 *
 * Return: Whether all could be listed, and at least one disk could be read.
 */
bool diskstats_read(const char *path, Diskstats *disks) {
        const struct dirent *entry;
        DIR *directory;

        disks->n_disks = 0;
        directory = opendir(path);
        if (!directory)
                return false;
        while ((entry = readdir(directory))) {
                if (!diskstats_is_real(entry->d_name))
                        continue;
                if (!diskstats_reserve(disks)) {
                        disks->n_disks = 0;
                        break;
                }
                disks->n_disks += diskstats_read_disk(dirfd(directory), entry->d_name, disks->disks + disks->n_disks);
        }
        closedir(directory);

        return disks->n_disks > 0;
}

static const DiskstatsDisk *diskstats_find(const Diskstats *disks, const DiskstatsDisk *like) {
        for (size_t i = 0; i < disks->n_disks; ++i)
                if (disks->disks[i].inode == like->inode && strcmp(disks->disks[i].name, like->name) == 0)
                        return disks->disks + i;

        return NULL;
}

/**
 * diskstats_moved() - add up what disks moved between two readings
 * @before:     the first reading
 * @now:        the second reading
 * @ret_read:   output: bytes
 * @ret_written: output: bytes
 *
 * Only disks of both readings count. A disk with a smaller counter than before began anew:
 * what it moved is not known, and counts as nothing.
 */
void diskstats_moved(const Diskstats *before, const Diskstats *now, uint64_t *ret_read, uint64_t *ret_written) {
        *ret_read = *ret_written = 0;
        for (size_t i = 0; i < now->n_disks; ++i) {
                const DiskstatsDisk *disk = now->disks + i, *old = diskstats_find(before, disk);

                if (!old || disk->read_bytes < old->read_bytes || disk->write_bytes < old->write_bytes)
                        continue;
                *ret_read += disk->read_bytes - old->read_bytes;
                *ret_written += disk->write_bytes - old->write_bytes;
        }
}

void diskstats_deinit(Diskstats *disks) {
        free(disks->disks);
        *disks = (Diskstats){0};
}
