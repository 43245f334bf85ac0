/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CAP_NET_ADMIN is kept because the kernel requires it after the start: to read a task's
 * statistics, to be removed from the list of exit listeners, and, before Linux 6.6, to
 * wake the connector. The kernel checks the caller at the time of the call. A socket that
 * was opened as root is therefore not enough.
 *
 * CAP_SYS_PTRACE is kept on request: /proc/PID/exe of other users' processes requires it.
 * It also allows to read and write their memory, so it is not the default.
 *
 * If the user taskbroker does not exist, the broker stays root without capabilities. It
 * then still owns all files of root, so this is only the second best way.
 */

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/lines.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/privileges.h"
#include "broker/policy/proc_mount.h"
#include "broker/tasks/procfs.h"

#define USER_DEFAULT "taskbroker"

#define BIT(capability) (UINT64_C(1) << (capability))

static bool have(int capability) {
        return capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)capability);
}

static int plan_user(Privileges *privileges, const char *name) {
        const struct passwd *user;

        if (!name && !privileges->required)
                return 0;
        errno = 0;
        user = getpwnam(name ?: USER_DEFAULT);
        if (!user && name) {
                log_error("There is no user '%s'%s%s. Name another with --user, or make one: "
                          "useradd --system --no-create-home --shell /usr/sbin/nologin %s",
                          name, errno ? ": " : "", errno ? strerror(errno) : "", name);
                return PRIVILEGES_E_REFUSED;
        }
        if (privileges->uid != 0) {
                if (!name || user->pw_uid == privileges->uid)
                        return 0;
                log_error("Only root can become '%s'. Start taskbrokerd as root, or without --user.", name);
                return PRIVILEGES_E_REFUSED;
        }
        if (!user) {
                log_notice("There is no user '" USER_DEFAULT "': taskbrokerd stays root, without root's capabilities. "
                           "systemd-sysusers makes one after an installation.");
                return 0;
        }
        privileges->changes_user = user->pw_uid != 0;
        privileges->uid = user->pw_uid;
        privileges->gid = user->pw_gid;
        return 0;
}

/* Drops root's groups, except the group that the mount of /proc exempts from hidepid. */
static void plan_groups(Privileges *privileges, const char *procfs) {
        ProcMount mount;

        privileges->changes_groups = privileges->changes_user || (privileges->required && have(CAP_SETGID));
        if (!proc_mount_read(&mount, procfs) || mount.hidepid == HIDEPID_OFF || mount.hidepid == HIDEPID_PTRACEABLE)
                return;
        privileges->has_group = privileges->changes_groups;
        privileges->group = mount.gid;
}

/**
 * privileges_plan() - decide what to drop and what to keep
 * @ret_privileges:  output
 * @options:         the command line
 *
 * If a test hands in the sources, no privilege is needed. Then dropping is tried but not
 * required, and the user changes only if --user names one.
 *
 * Return: 0; PRIVILEGES_E_REFUSED.
 */
int privileges_plan(Privileges *ret_privileges, const Options *options) {
        uint64_t wanted = BIT(CAP_NET_ADMIN) | (options->keep_ptrace ? BIT(CAP_SYS_PTRACE) : 0);
        int r;

        *ret_privileges = (Privileges){
                .required = options->connector_fd < 0,
                .uid = geteuid(),
                .gid = getegid(),
        };
        capng_get_caps_process();
        r = plan_user(ret_privileges, options->user);
        if (r)
                return r;
        plan_groups(ret_privileges, options->procfs);
        ret_privileges->empties_bounding = have(CAP_SETPCAP);

        for (int i = 0; i <= CAP_LAST_CAP; ++i)
                if (wanted & BIT(i) && capng_have_capability(CAPNG_PERMITTED, (unsigned int)i))
                        ret_privileges->capabilities |= BIT(i);
        if (options->keep_ptrace && ret_privileges->required && !(ret_privileges->capabilities & BIT(CAP_SYS_PTRACE))) {
                log_error("--keep-ptrace keeps CAP_SYS_PTRACE, but taskbrokerd was started without it.");
                return PRIVILEGES_E_REFUSED;
        }
        return 0;
}

/**
 * privileges_join() - join the group that the mount of /proc exempts from hidepid
 * @privileges:  the plan
 *
 * It is called before the table is filled. Root needs the permission to debug a task to see it in such a /proc, and
 * does not have it for every task. A table without these tasks would differ from /proc after the drop.
 */
void privileges_join(const Privileges *privileges) {
        /* A failure shows in privileges_drop(). */
        if (privileges->has_group)
                (void)setgroups(1, &privileges->group);
}

static int privileges_apply(const Privileges *privileges) {
        int r;

        if (privileges->changes_groups && setgroups(privileges->has_group, &privileges->group) < 0)
                return -errno;

        capng_clear(CAPNG_SELECT_ALL);
        for (int i = 0; i <= CAP_LAST_CAP; ++i)
                if (privileges->capabilities & BIT(i))
                        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned int)i);
        if (privileges->changes_user)
                r = capng_change_id((int)privileges->uid, (int)privileges->gid,
                                    CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
        else
                r = capng_apply(privileges->empties_bounding ? CAPNG_SELECT_ALL
                                                             : CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
        if (r < 0)
                return errno ? -errno : -EPERM;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

static bool ids_parse(const char *text, const char *key, uint32_t ids[static 4]) {
        const char *line = strstr(text, key);

        return line && sscanf(line + strlen(key), " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, &ids[0], &ids[1],
                              &ids[2], &ids[3]) == 4;
}

static bool set_parse(const char *text, const char *key, uint64_t *ret_set) {
        const char *line = strstr(text, key);

        return line && sscanf(line + strlen(key), " %" SCNx64, ret_set) == 1;
}

/**
 * privileges_parse_status() - read the privileges of a process
 * @ret_status:  output
 * @text:        content of /proc/PID/status
 *
 * Return: true; false if a line is missing or malformed.
 */
bool privileges_parse_status(PrivilegesStatus *ret_status, const char *text) {
        const char *line = strstr(text, "\nNoNewPrivs:");

        return line && sscanf(line, "\nNoNewPrivs: %u", &ret_status->no_new_privs) == 1 &&
               ids_parse(text, "\nUid:", ret_status->uids) && ids_parse(text, "\nGid:", ret_status->gids) &&
               set_parse(text, "\nCapInh:", &ret_status->inheritable) &&
               set_parse(text, "\nCapPrm:", &ret_status->permitted) &&
               set_parse(text, "\nCapEff:", &ret_status->effective) &&
               set_parse(text, "\nCapBnd:", &ret_status->bounding) &&
               set_parse(text, "\nCapAmb:", &ret_status->ambient);
}

/**
 * privileges_find_excess() - find a privilege that should have been dropped
 * @privileges:  the plan
 * @status:      the privileges that the process has
 *
 * Return: Its name, for a log line; NULL if the process has what the plan says.
 */
const char *privileges_find_excess(const Privileges *privileges, const PrivilegesStatus *status) {
        for (size_t i = 0; i < ARRAY_SIZE(status->uids); ++i) {
                if (status->uids[i] != privileges->uid)
                        return "the user";
                if (status->gids[i] != privileges->gid)
                        return "the group";
        }
        if (status->permitted != privileges->capabilities || status->effective != privileges->capabilities)
                return "the capabilities";
        if (status->inheritable || status->ambient || (privileges->empties_bounding && status->bounding))
                return "the capabilities that programs would inherit";
        if (!status->no_new_privs)
                return "the ability to gain privileges";
        return NULL;
}

/*
 * If /proc hides other users' processes from the broker, it would take them for ended after
 * a loss, so it must not serve. Process 2, the parent of the kernel's threads, always
 * exists and belongs to root: it shows whether /proc hides anything.
 */
static bool procfs_is_hidden(void) {
        _cleanup_(fd_closep) int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char buffer[64];

        return fd < 0 || procfs_read_file(fd, "2/stat", buffer, sizeof(buffer)) <= 0;
}

/**
 * privileges_drop() - drop what the plan says, and check that it is gone
 * @privileges:  the plan
 *
 * Return: 0; PRIVILEGES_E_REFUSED.
 */
int privileges_drop(const Privileges *privileges) {
        _cleanup_(fd_closep) int fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        static const char *const labels[] = { "Uid:", "Gid:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:",
                                              "NoNewPrivs:", NULL };
        PrivilegesStatus status = {};
        const char *excess;
        char text[512];
        int r;

        r = privileges_apply(privileges);
        if (r < 0 && privileges->required) {
                log_error("Privileges that are not needed cannot be dropped: %s.", strerror(-r));
                return PRIVILEGES_E_REFUSED;
        }
        if (!privileges->required)
                return 0;

        /* A program that is started with many groups has them still, and the rest of the file comes after them. */
        if (lines_read(fd, "status", labels, text, sizeof(text)) < 0 || !privileges_parse_status(&status, text)) {
                log_error("/proc/self/status does not show which privileges are left.");
                return PRIVILEGES_E_REFUSED;
        }
        excess = privileges_find_excess(privileges, &status);
        if (excess) {
                log_error("Privileges were not dropped as planned: %s.", excess);
                return PRIVILEGES_E_REFUSED;
        }
        if (procfs_is_hidden()) {
                log_error("/proc is mounted with hidepid, and hides other users' processes from taskbrokerd. Make its "
                          "user a member of the exempt group (the mount's gid=). With hidepid=ptraceable, which "
                          "exempts no group, start it with --keep-ptrace.");
                return PRIVILEGES_E_REFUSED;
        }
        log_info("Running as user %u with CAP_NET_ADMIN%s.", (unsigned int)privileges->uid,
                 privileges->capabilities & BIT(CAP_SYS_PTRACE) ? " and CAP_SYS_PTRACE" : " alone");
        return 0;
}
