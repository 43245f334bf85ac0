/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The bytes that the disks of the machine have read and written, for any process.
 *
 * sysfs has a file per disk, which every user may read. Devices on top of other devices
 * (device mapper, RAID, loop devices) are left out: their bytes are counted in the disks
 * below them. Owns nothing.
 */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

static bool diskstats_add(int directory, const char *name, Diskstats *disks) {
        uint64_t n_read, n_written;
        char path[300], text[256];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "%s/stat", name);
        fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (n <= 0)
                return false;

        text[n] = 0;
        if (sscanf(text, "%*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, &n_read, &n_written) != 2)
                return false;

        disks->read_bytes += n_read * DISKSTATS_SECTOR;
        disks->write_bytes += n_written * DISKSTATS_SECTOR;
        return true;
}

/**
 * diskstats_read() - add up all disks
 * @path:       a directory with one directory per disk: /sys/block
 * @ret_disks:  output
 *
 * Return: Whether a disk could be read.
 */
bool diskstats_read(const char *path, Diskstats *ret_disks) {
        const struct dirent *entry;
        Diskstats disks = {0};
        bool any = false;
        DIR *directory;

        directory = opendir(path);
        if (!directory)
                return false;
        while ((entry = readdir(directory)))
                if (diskstats_is_real(entry->d_name))
                        any |= diskstats_add(dirfd(directory), entry->d_name, &disks);
        closedir(directory);

        if (any)
                *ret_disks = disks;
        return any;
}
