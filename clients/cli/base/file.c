/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files in the home of the user, which a user may also keep as links into another folder.
 *
 * Called by the owners of such files. A file is replaced as a whole or stays as it was.
 * A symbolic link stays a link: its target is replaced.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/base/file.h"

/* The kernel follows as many links before it returns ELOOP. */
#define FILE_LINKS_MAX 40

/* mkostemp() puts random characters in place of the six X. */
#define FILE_TEMPLATE ".XXXXXX"

/* Puts the target of a link in place of its path. A relative target begins in the folder of the link. */
static int file_follow(char path[static PATH_MAX]) {
        char target[PATH_MAX];
        const char *slash = strrchr(path, '/');
        size_t n_folder = slash ? (size_t)(slash - path) + 1 : 0;
        ssize_t n;

        n = readlink(path, target, sizeof(target));
        if (n < 0)
                return -errno;
        if (target[0] == '/')
                n_folder = 0;
        if ((size_t)n + n_folder >= PATH_MAX)
                return -ENAMETOOLONG;

        memcpy(path + n_folder, target, (size_t)n);
        path[n_folder + (size_t)n] = 0;
        return 0;
}

/*
 * Follows links up to the file itself, which need not exist. Only a regular file can be replaced: a rename
 * over a device or a pipe would remove it. Returns 1: @ret_status describes it; 0: no file exists; or a negative errno.
 */
static int file_resolve(char path[static PATH_MAX], struct stat *ret_status) {
        int r;

        for (int i = 0; i < FILE_LINKS_MAX; ++i) {
                if (lstat(path, ret_status) < 0)
                        return errno == ENOENT ? 0 : -errno;
                if (S_ISREG(ret_status->st_mode))
                        return 1;
                if (S_ISDIR(ret_status->st_mode))
                        return -EISDIR;
                if (!S_ISLNK(ret_status->st_mode))
                        return -EINVAL;
                r = file_follow(path);
                if (r < 0)
                        return r;
        }

        return -ELOOP;
}

/* Gives a new file the owner and the permissions of the old file. Another owner is kept where that is allowed. */
static int file_take_over(int fd, const struct stat *old) {
        mode_t mode = old->st_mode & 07777;

        if (fchown(fd, old->st_uid, old->st_gid) < 0)
                mode &= 0777;

        return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int file_write(int fd, const char *data, size_t n_data) {
        ssize_t n = write(fd, data, n_data);

        if (n < 0)
                return -errno;
        if ((size_t)n != n_data)
                return -EIO;

        return fsync(fd) < 0 ? -errno : 0;
}

/**
 * file_replace() - replace a file
 * @path:       the file, or a link to it; its folder must exist
 * @data:       all that the file shall have
 * @n_data:     the number of bytes
 *
 * Writes a new file beside the old file, and renames it when it is complete. The new file has
 * the owner and the permissions of the old file. Without an old file it is for its owner alone.
 *
 * Return: 0, or a negative errno, and the old file is as it was. -EINVAL: not a regular file.
 */
int file_replace(const char *path, const char *data, size_t n_data) {
        char real[PATH_MAX], beside[PATH_MAX + sizeof(FILE_TEMPLATE)];
        struct stat old;
        int fd, r, r_old;

        if (strlen(path) >= sizeof(real))
                return -ENAMETOOLONG;
        strcpy(real, path);
        r_old = file_resolve(real, &old);
        if (r_old < 0)
                return r_old;

        snprintf(beside, sizeof(beside), "%s%s", real, FILE_TEMPLATE);
        fd = mkostemp(beside, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = file_write(fd, data, n_data);
        if (r == 0 && r_old > 0)
                r = file_take_over(fd, &old);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(beside, real) < 0)
                r = -errno;
        if (r < 0)
                unlink(beside);

        return r;
}

/* The reason of an error of file_replace(), for a message. */
const char *file_error(int error) {
        return error == -EINVAL ? "it is not a regular file" : strerror(-error);
}
