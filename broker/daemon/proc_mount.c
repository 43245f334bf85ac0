/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/daemon/proc_mount.h"

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
                else if (!strncmp(option, "gid=", 4))
                        mount->gid = (gid_t)strtoul(option + 4, NULL, 10);
        }
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
                char line[1024], point[512], type[32], options[256], *rest;

                snprintf(line, sizeof(line), "%.*s", (int)MIN(n, sizeof(line) - 1), mountinfo);
                mountinfo += n + (mountinfo[n] == '\n');
                rest = strstr(line, " - ");
                if (!rest || sscanf(line, "%*s %*s %*s %*s %511s", point) != 1 ||
                    sscanf(rest, " - %31s %*s %255s", type, options) != 2 || strcmp(point, path) != 0)
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
