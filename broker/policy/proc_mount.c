/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/util.h"
#include "broker/policy/proc_mount.h"

/* A mountinfo is read in such steps. */
#define MOUNTINFO_STEP ((size_t)64 * 1024)

static HidePid hidepid_parse(const char *value) {
        static const struct {
                const char *name;
                HidePid hidepid;
        } names[] = {
                /* the names exist since Linux 5.8 */
                { "0", HIDEPID_OFF },       { "off", HIDEPID_OFF },
                { "1", HIDEPID_NOACCESS },  { "noaccess", HIDEPID_NOACCESS },
                { "2", HIDEPID_INVISIBLE }, { "invisible", HIDEPID_INVISIBLE },
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); ++i)
                if (!strcmp(value, names[i].name))
                        return names[i].hidepid;
        /* "4", "ptraceable"; an unknown value is taken for the strictest */
        return HIDEPID_PTRACEABLE;
}

static void mount_options_parse(ProcMount *mount, char *options) {
        char *state;

        for (char *option = strtok_r(options, ",", &state); option; option = strtok_r(NULL, ",", &state)) {
                if (!strncmp(option, "hidepid=", 8))
                        mount->hidepid = hidepid_parse(option + 8);
                else if (!strcmp(option, "subset=pid"))
                        mount->subset = true;
                else if (!strncmp(option, "gid=", 4))
                        mount->gid = (gid_t)strtoul(option + 4, NULL, 10);
        }
}

/* The fields behind " - ": type, source, which may be empty, and options. */
static bool line_parse_end(char *rest, const char **ret_type, char **ret_options) {
        *ret_type = strsep(&rest, " ");
        (void)strsep(&rest, " ");
        *ret_options = strsep(&rest, " ");
        return *ret_options != NULL;
}

/**
 * proc_mount_parse() - find the options of a mount
 * @ret_mount:  output
 * @mountinfo:  content of /proc/self/mountinfo
 * @path:       the mount point; the last of several mounts on it counts
 *
 * An example of a line: 36 35 98:0 / /proc rw shared:1 - proc proc rw,hidepid=2,gid=20
 * A space in a path is written \040, so that fields can be counted.
 *
 * Return: true if a proc file system is mounted there.
 */
bool proc_mount_parse(ProcMount *ret_mount, const char *mountinfo, const char *path) {
        bool found = false;

        while (*mountinfo) {
                size_t n = strcspn(mountinfo, "\n");
                char line[1024], point[512], *options, *rest;
                const char *type;

                memcpy(line, mountinfo, MIN(n, sizeof(line) - 1));
                line[MIN(n, sizeof(line) - 1)] = 0;
                mountinfo += n + (mountinfo[n] == '\n');
                rest = strstr(line, " - ");
                if (!rest || sscanf(line, "%*s %*s %*s %*s %511s", point) != 1 ||
                    strcmp(point, path) != 0 || !line_parse_end(rest + strlen(" - "), &type, &options))
                        continue;
                found = !strcmp(type, "proc");
                *ret_mount = (ProcMount){};
                if (found)
                        mount_options_parse(ret_mount, options);
        }
        return found;
}

/**
 * proc_mount_read() - find out how /proc is mounted
 * @ret_mount:  output; HIDEPID_OFF on any error
 * @path:       the mount point
 *
 * Return: true if a proc file system is mounted there.
 */
bool proc_mount_read(ProcMount *ret_mount, const char *path) {
        _cleanup_(freep) char *text = NULL;
        FILE *file = fopen("/proc/self/mountinfo", "re");
        size_t n = 0;
        bool found = false;

        *ret_mount = (ProcMount){};
        if (!file)
                return false;
        /* The file has no NUL, so this reads all of it. */
        if (getdelim(&text, &n, 0, file) > 0)
                found = proc_mount_parse(ret_mount, text, path);
        fclose(file);
        return found;
}

/* Reads a file up to a limit; NULL: it could not be read in full. */
static char *file_read_all(int fd, size_t n_max) {
        char *text = NULL;
        size_t n = 0, n_size = 0;

        for (;;) {
                ssize_t k;

                if (n + 1 >= n_size) {
                        char *larger = n_size < n_max ? realloc(text, n_size += MOUNTINFO_STEP) : NULL;

                        if (!larger)
                                break;
                        text = larger;
                }
                k = read(fd, text + n, n_size - n - 1);
                if (k < 0)
                        break;
                n += (size_t)k;
                if (k == 0) {
                        text[n] = 0;
                        return text;
                }
        }
        free(text);
        return NULL;
}

/**
 * proc_mount_read_of() - find out how a process has /proc mounted
 * @ret_mount:  output; PROC_MOUNT_UNKNOWN if it cannot be read, is too long, or has no /proc
 * @dir_fd:     a directory of /proc
 * @file:       the process' mountinfo below it
 * @n_max:      bytes that are read at most
 *
 * Everybody may read the mountinfo of every process that /proc shows. A client can make its
 * own as long as it likes, so the reading has a limit.
 *
 * Return: true if it was read.
 */
bool proc_mount_read_of(ProcMount *ret_mount, int dir_fd, const char *file, size_t n_max) {
        _cleanup_(fd_closep) int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *text = fd < 0 ? NULL : file_read_all(fd, n_max);

        if (!text || !proc_mount_parse(ret_mount, text, "/proc"))
                *ret_mount = (ProcMount)PROC_MOUNT_UNKNOWN;
        return text != NULL;
}

/**
 * proc_mount_stricter() - what two mounts hide together
 * @a:  a mount
 * @b:  another
 *
 * If both hide, only a group that both exempt is exempt.
 */
ProcMount proc_mount_stricter(const ProcMount *a, const ProcMount *b) {
        ProcMount mount = *(proc_mount_hides(a) ? a : b);

        if (proc_mount_hides(a) && proc_mount_hides(b) && proc_mount_exempt_group(a) != proc_mount_exempt_group(b))
                mount.gid = 0;
        mount.hidepid = MAX(a->hidepid, b->hidepid);
        mount.subset = a->subset || b->subset;
        return mount;
}

/* Whether it hides other users' tasks, or their content, from users. */
bool proc_mount_hides(const ProcMount *mount) {
        return mount->hidepid != HIDEPID_OFF || mount->subset;
}

/* The group that it hides nothing from. Without gid= the kernel exempts group 0, which gets nothing by that here. */
uint32_t proc_mount_exempt_group(const ProcMount *mount) {
        if (mount->hidepid == HIDEPID_PTRACEABLE || mount->hidepid == HIDEPID_OFF || mount->gid == 0)
                return UINT32_MAX;
        return mount->gid;
}
