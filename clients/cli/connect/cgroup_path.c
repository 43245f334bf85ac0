/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The path of a control group, from the path under which a person sees it.
 *
 * The broker knows a group by its path in the hierarchy, as /proc/PID/cgroup has it. People
 * copy paths from below a mount. A host of version 2 has one mount. Other hosts have a mount
 * for each hierarchy of version 1, and some have version 2 besides.
 *
 * Called by filter_options.c. Reads the mounts of this process, and owns nothing.
 */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connect/cgroup_path.h"

/* The usual place of the mounts. */
#define CGROUP_PATH_TOP "/sys/fs/cgroup"

typedef struct CgroupMount CgroupMount;
typedef struct CgroupMounts CgroupMounts;

struct CgroupMount {
        char root[PATH_MAX];            /* the group at the mount point */
        char point[PATH_MAX];
        bool known;                     /* the broker reports groups of this hierarchy first */
};

/* The result of a walk over the mounts, for one path. */
struct CgroupMounts {
        CgroupMount best;               /* the mount above the path; point "": none */
        bool any_known;
};

/* Takes the next word of a line of mountinfo. Returns NULL at its end. */
static char *mount_word(char **line) {
        char *word = strsep(line, " \n");

        return word && *word ? word : NULL;
}

/* The kernel writes a space as \040, and so on. */
static void mount_unescape(char *text) {
        char *to = text;

        while (*text) {
                if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
                        *to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
                        text += 4;
                } else {
                        *to++ = *text++;
                }
        }
        *to = 0;
}

/* Whether a comma-separated list has the option. */
static bool mount_has_option(const char *options, const char *option) {
        size_t n = strlen(option);

        for (const char *at = options; at; at = strchr(at, ',')) {
                at += *at == ',';
                if (strncmp(at, option, n) == 0 && (at[n] == ',' || !at[n]))
                        return true;
        }

        return false;
}

/*
 * Reads a line such as "36 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw". The fields before the dash
 * vary in number. Returns false for other file systems.
 */
static bool mount_parse(char *line, CgroupMount *mount) {
        char *word = NULL, *root = NULL, *point = NULL, *type, *options;

        for (int i = 0; i < 5; ++i) {
                word = mount_word(&line);
                if (!word)
                        return false;
                if (i == 3)
                        root = word;
        }
        point = word;
        do
                word = mount_word(&line);
        while (word && strcmp(word, "-") != 0);
        type = mount_word(&line);
        (void)mount_word(&line);
        options = mount_word(&line);
        if (!type || !options || strncmp(type, "cgroup", strlen("cgroup")) != 0)
                return false;

        mount_unescape(root);
        mount_unescape(point);
        snprintf(mount->root, sizeof(mount->root), "%s", root);
        snprintf(mount->point, sizeof(mount->point), "%s", point);
        mount->known = strcmp(type, "cgroup2") == 0 || mount_has_option(options, "name=systemd");
        return true;
}

/* The rest of a path below a folder, with its slash; NULL: it is not below. */
static const char *path_below(const char *path, const char *folder) {
        size_t n = strlen(folder);

        if (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n]))
                return NULL;

        return path + n;
}

static int mounts_read(const char *mounts, const char *path, CgroupMounts *ret) {
        CgroupMount mount;
        char *line = NULL;
        size_t n_line = 0;
        FILE *file;

        *ret = (CgroupMounts){ .any_known = false };
        file = fopen(mounts, "re");
        if (!file)
                return -errno;
        while (getline(&line, &n_line, file) > 0) {
                if (!mount_parse(line, &mount))
                        continue;
                ret->any_known |= mount.known;
                if (path_below(path, mount.point) && strlen(mount.point) > strlen(ret->best.point))
                        ret->best = mount;
        }
        free(line);
        fclose(file);

        return 0;
}

/* Removes repeated slashes, "." and a slash at the end: the kernel writes none of them. */
static void path_tidy(char *path) {
        const char *from = path;
        char *to = path;

        while (*from) {
                size_t n;

                from += strspn(from, "/");
                n = strcspn(from, "/");
                if (n > 0 && !(n == 1 && *from == '.')) {
                        *to++ = '/';
                        memmove(to, from, n);
                        to += n;
                }
                from += n;
        }
        if (to == path)
                *to++ = '/';
        *to = 0;
}

/* The folder of a hierarchy may be a link: "cpu" to "cpu,cpuacct". */
static void path_follow(char path[static PATH_MAX]) {
        const char *below = path_below(path, CGROUP_PATH_TOP);
        char folder[PATH_MAX], real[PATH_MAX], rest[PATH_MAX];
        size_t n;

        if (!below || !*below)
                return;
        n = (size_t)(below - path) + 1 + strcspn(below + 1, "/");
        snprintf(folder, sizeof(folder), "%.*s", (int)n, path);
        snprintf(rest, sizeof(rest), "%s", path + n);
        if (realpath(folder, real) && path_below(real, CGROUP_PATH_TOP) && strlen(real) + strlen(rest) < PATH_MAX)
                stpcpy(stpcpy(path, real), rest);
}

/**
 * cgroup_path_resolve() - find the group of a path
 * @mounts:     the mounts: /proc/self/mountinfo
 * @value:      the path in the hierarchy, or the path below a mount
 * @path:       output: the path in the hierarchy
 * @n_path:     the size of @path
 *
 * Return: 0; -EINVAL: not an absolute path; -ENAMETOOLONG; -EXDEV: the path is below the mount of a
 *         controller, and the broker reports groups of another hierarchy.
 */
int cgroup_path_resolve(const char *mounts, const char *value, char *path, size_t n_path) {
        char full[PATH_MAX], joined[2 * PATH_MAX];
        CgroupMounts found;
        const char *below;

        if (*value != '/')
                return -EINVAL;
        if (strlen(value) >= sizeof(full))
                return -ENAMETOOLONG;
        strcpy(full, value);
        path_tidy(full);
        path_follow(full);

        below = path_below(full, CGROUP_PATH_TOP);
        snprintf(joined, sizeof(joined), "%s", below ? below : full);
        if (mounts_read(mounts, full, &found) == 0 && found.best.point[0]) {
                if (!found.best.known && found.any_known)
                        return -EXDEV;
                snprintf(joined, sizeof(joined), "%s%s", found.best.root, path_below(full, found.best.point));
        }
        path_tidy(joined);
        if (strlen(joined) >= n_path)
                return -ENAMETOOLONG;

        strcpy(path, joined);
        return 0;
}
