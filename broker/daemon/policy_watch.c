/* SPDX-License-Identifier: Apache-2.0 */

/*
 * poll() on mountinfo reports a change of mounts in this mount namespace. The options that
 * hide tasks belong to the file system, so a remount in another namespace changes them
 * too, and poll() does not report that. Therefore mountinfo is also read every few seconds.
 *
 * In a service that systemd protects, /proc is a separate instance without the machine's
 * options. So the mountinfo of process 1 is read too, and the stricter one counts.
 *
 * The files of subordinate ids are checked together with mountinfo, and read when they have changed.
 */

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/daemon/policy_watch.h"
#include "broker/policy/proc_mount.h"

/* Calls of policy_watch_update(), half a second apart, after which mountinfo is read in any case. */
#define READ_EVERY 10u

/* The default of --admin-group. */
#define ADMIN_GROUP "taskbroker"

#define PASSWD_PATH "/etc/passwd"

/**
 * policy_watch_find_group() - find the number of a group
 * @text:     name or number of the group
 * @ret_gid:  output
 *
 * Return: true; false if the group does not exist.
 */
bool policy_watch_find_group(const char *text, uint32_t *ret_gid) {
        const struct group *group = getgrnam(text);
        unsigned long number;
        char *end;

        if (group) {
                *ret_gid = group->gr_gid;
                return true;
        }
        number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != 0 || number >= POLICY_NO_GROUP)
                return false;
        *ret_gid = (uint32_t)number;
        return true;
}

/* Process 2 belongs to the kernel and always exists: if it is not there, /proc hides it from the broker. */
static bool procfs_is_blind(int procfs_fd) {
        return faccessat(procfs_fd, "2/stat", R_OK, AT_EACCESS) < 0;
}

static void policy_watch_read(PolicyWatch *watch) {
        bool was_blind = watch->blind;
        ProcMount own, machine, mount;
        bool is_procfs;

        watch->n_quiet = 0;
        is_procfs = proc_mount_read(&own, watch->path);
        /*
         * A directory that plays /proc has no process 1, or one without mounts. A mount that
         * hides process 1 from the broker is itself the strict one.
         */
        if (!proc_mount_read_of(&machine, watch->procfs_fd, "1/mountinfo", PROC_MOUNT_BYTES) &&
            (!is_procfs || proc_mount_hides(&own)))
                machine = own;
        mount = proc_mount_stricter(&own, &machine);
        watch->policy.hides = proc_mount_hides(&mount);
        watch->policy.exempt_group = watch->policy.hides ? proc_mount_exempt_group(&mount) : POLICY_NO_GROUP;
        watch->blind = watch->policy.hides && procfs_is_blind(watch->procfs_fd);
        if (watch->blind && !was_blind)
                log_warning("/proc hides other users' tasks from the broker itself. Tasks from before its start stay "
                            "unknown, "
                            "and so do tasks whose messages were lost. Mount /proc with gid= of a group that the "
                            "broker is in.");
}

/* Whether a file has changed since the last call. */
static bool file_has_changed(const char *path, struct stat *last) {
        struct stat now;
        bool changed;

        if (stat(path, &now) < 0)
                now = (struct stat){};
        changed = now.st_ino != last->st_ino || now.st_dev != last->st_dev || now.st_size != last->st_size ||
                  now.st_mtim.tv_sec != last->st_mtim.tv_sec || now.st_mtim.tv_nsec != last->st_mtim.tv_nsec;
        *last = now;
        return changed;
}

static void policy_watch_read_subuids(PolicyWatch *watch) {
        bool changed = file_has_changed(watch->subuid_path, &watch->subuid_file);

        /* A name can get its number later. */
        changed |= file_has_changed(PASSWD_PATH, &watch->passwd_file);
        if (!changed)
                return;
        if (subuid_map_read(&watch->subuids, watch->subuid_path, PASSWD_PATH) == SUBUID_E_MEMORY)
                log_warning("There is no memory for %s: each subordinate user is counted by itself.",
                            watch->subuid_path);
        if (watch->subuids.n_ignored > 0)
                log_warning("%zu lines of %s are not valid, or are too many, and were ignored.",
                            watch->subuids.n_ignored, watch->subuid_path);
        log_debug("%zu ranges of subordinate users count with their owners.", watch->subuids.n);
}

/**
 * policy_watch_init() - read the policy for the first time
 * @watch:      output
 * @options:    the command line
 * @procfs_fd:  /proc
 *
 * Return: 0, or POLICY_WATCH_E_GROUP.
 */
int policy_watch_init(PolicyWatch *watch, const Options *options, int procfs_fd) {
        *watch = (PolicyWatch){
                .procfs_fd = procfs_fd,
                .path = options->procfs,
                .subuid_path = options->subuid_file,
                .mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
                .policy = {
                        .admin_group = POLICY_NO_GROUP,
                        .exempt_group = POLICY_NO_GROUP,
                        .shows_exit_status = options->shows_exit_status,
                },
        };
        if (options->admin_group && !policy_watch_find_group(options->admin_group, &watch->policy.admin_group)) {
                log_error("There is no group '%s'. Name another with --admin-group, or make one: groupadd --system %s",
                          options->admin_group,
                          options->admin_group);
                return POLICY_WATCH_E_GROUP;
        }
        if (!options->admin_group && !policy_watch_find_group(ADMIN_GROUP, &watch->policy.admin_group))
                log_notice("There is no group " ADMIN_GROUP ": only root may see everything.");
        policy_watch_read(watch);
        policy_watch_read_subuids(watch);
        if (watch->policy.hides)
                log_info("/proc is mounted with hidepid: users see their own tasks only.");

        return 0;
}

void policy_watch_deinit(PolicyWatch *watch) {
        if (watch->mounts_fd >= 0)
                close(watch->mounts_fd);
        subuid_map_deinit(&watch->subuids);
        *watch = (PolicyWatch)POLICY_WATCH_NULL;
}

/**
 * policy_watch_update() - read the policy again if it may have changed
 * @watch:  the watch
 *
 * The loop calls it twice a second.
 *
 * Return: true if the policy changed.
 */
bool policy_watch_update(PolicyWatch *watch) {
        struct pollfd pfd = { .fd = watch->mounts_fd, .events = POLLPRI };
        Policy before = watch->policy;

        if (++watch->n_quiet < READ_EVERY && poll(&pfd, 1, 0) <= 0)
                return false;
        policy_watch_read(watch);
        policy_watch_read_subuids(watch);
        return !policy_equals(&before, &watch->policy);
}
