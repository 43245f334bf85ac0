/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The helper is a process that is forked before privileges are dropped. A request to it is
 * one byte ('1': on, '0': off), and so is its answer ('y', 'n'). When the broker's end of
 * the socket closes, also because the broker was killed, the helper restores the switch
 * and ends.
 *
 * A state file covers a helper that was killed too: the helper keeps it locked while it
 * has the switch on. A broker that starts and finds the file unlocked switches delay
 * accounting off and removes the file.
 *
 * If delay accounting was on before, the broker leaves it on: an administrator wants it.
 */

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/delayacct.h"

#define SWITCH_PATH "sys/kernel/task_delayacct"

#define ANSWER_MS 1000

typedef struct Helper Helper;

struct Helper {
        int switch_fd;
        const char *state_path;
        int state_fd;           /* the locked state file, while the helper has the switch on; -1 */
};

bool delayacct_parse_mode(const char *text, DelayacctMode *ret_mode) {
        static const char *const names[] = { "never", "always", "on-demand" };

        for (size_t i = 0; i < ARRAY_SIZE(names); ++i) {
                if (strcmp(text, names[i]) != 0)
                        continue;
                *ret_mode = (DelayacctMode)i;
                return true;
        }
        return false;
}

static bool switch_write(int fd, char value) {
        char text[2] = { value, '\n' };

        return pwrite(fd, text, sizeof(text), 0) == sizeof(text);
}

static char switch_read(int fd) {
        char value = 0;

        return pread(fd, &value, 1, 0) == 1 ? value : 0;
}

/*
 * The helper.
 */

static void helper_switch_off(Helper *helper) {
        if (helper->state_fd < 0)
                return;
        (void)switch_write(helper->switch_fd, '0');
        (void)unlink(helper->state_path);
        close(helper->state_fd);
        helper->state_fd = -1;
}

static bool helper_switch_on(Helper *helper) {
        if (switch_read(helper->switch_fd) != '0')
                return true;
        helper->state_fd = open(helper->state_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (helper->state_fd < 0)
                return false;
        if (flock(helper->state_fd, LOCK_EX | LOCK_NB) < 0) {
                close(helper->state_fd);
                helper->state_fd = -1;
                return false;
        }
        if (switch_write(helper->switch_fd, '1'))
                return true;
        helper_switch_off(helper);
        return false;
}

/* Writing the switch needs CAP_SYS_ADMIN and no other capability. */
static void helper_drop_privileges(void) {
        capng_clear(CAPNG_SELECT_CAPS);
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN);
        (void)capng_apply(CAPNG_SELECT_CAPS);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

__attribute__((__noreturn__)) static void helper_run(int fd, int switch_fd, const char *state_path) {
        Helper helper = { .switch_fd = switch_fd, .state_path = state_path, .state_fd = -1 };
        int low = MIN(fd, switch_fd), high = MAX(fd, switch_fd);
        char byte;

        /* The helper must outlive the broker, so signals that end the broker must not end it. */
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        (void)prctl(PR_SET_NAME, "delayacct");
        /* Close the broker's descriptors: a socket that the helper holds would outlive the broker. */
        (void)close_range(3, (unsigned int)low - 1, 0);
        (void)close_range((unsigned int)low + 1, (unsigned int)high - 1, 0);
        (void)close_range((unsigned int)high + 1, ~0u, 0);
        helper_drop_privileges();

        for (;;) {
                ssize_t n = recv(fd, &byte, 1, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                if (byte == '0')
                        helper_switch_off(&helper);
                byte = byte == '0' || helper_switch_on(&helper) ? 'y' : 'n';
                (void)send(fd, &byte, 1, MSG_NOSIGNAL);
        }
        helper_switch_off(&helper);
        _exit(0);
}

/*
 * The broker.
 */

/* Switches off what an earlier broker switched on and could not restore. */
static void restore_left_over(int procfs_fd, const char *state_path) {
        _cleanup_(fd_closep) int state_fd = -1, switch_fd = -1;

        state_fd = open(state_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (state_fd < 0 || flock(state_fd, LOCK_EX | LOCK_NB) < 0)
                return;
        switch_fd = openat(procfs_fd, SWITCH_PATH, O_RDWR | O_CLOEXEC);
        if (switch_fd < 0 || !switch_write(switch_fd, '0'))
                return;
        (void)unlink(state_path);
        log_notice("Delay accounting is off again: an earlier broker had switched it on and was killed.");
}

static int delayacct_refuse(int error) {
        log_error("Delay accounting cannot be switched on: %s. It needs root (under systemd also "
                  "ProtectKernelTunables=no and CAP_SYS_ADMIN) and Linux 5.14 or later, built with it. Otherwise "
                  "leave --delayacct at never.",
                  strerror(error));
        return DELAYACCT_E_FAILED;
}

/**
 * delayacct_init() - restore the switch if an earlier broker left it on, and make the helper
 * @delayacct:   output
 * @mode:        when delay accounting is to be on
 * @procfs_fd:   /proc
 * @state_path:  path of the state file; borrowed
 *
 * Must be called before privileges are dropped.
 *
 * Return: 0; DELAYACCT_E_FAILED; a negative errno.
 */
int delayacct_init(Delayacct *delayacct, DelayacctMode mode, int procfs_fd, const char *state_path) {
        _cleanup_(fd_closep) int switch_fd = -1;
        int fds[2];
        pid_t pid;

        *delayacct = (Delayacct){ .mode = mode, .fd = -1 };
        restore_left_over(procfs_fd, state_path);
        if (mode == DELAYACCT_NEVER)
                return 0;

        switch_fd = openat(procfs_fd, SWITCH_PATH, O_RDWR | O_CLOEXEC);
        if (switch_fd < 0)
                return delayacct_refuse(errno);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return error_origin(-errno);
        pid = fork();
        if (pid == 0)
                helper_run(fds[1], switch_fd, state_path);
        close(fds[1]);
        delayacct->fd = fds[0];
        if (pid < 0)
                return error_origin(-errno);

        /* On demand, try the switch once, so that an error shows at the start. */
        if (!delayacct_switch(delayacct, true))
                return delayacct_refuse(EPERM);
        if (mode == DELAYACCT_ON_DEMAND)
                (void)delayacct_switch(delayacct, false);
        return 0;
}

/**
 * delayacct_deinit() - restore the switch and end the helper
 * @delayacct:  the switch
 */
void delayacct_deinit(Delayacct *delayacct) {
        struct pollfd pfd = { .fd = delayacct->fd, .events = POLLIN };

        if (delayacct->fd >= 0) {
                /* The helper closes its end after it has restored the switch. */
                (void)shutdown(delayacct->fd, SHUT_WR);
                (void)poll(&pfd, 1, ANSWER_MS);
                close(delayacct->fd);
        }
        *delayacct = (Delayacct)DELAYACCT_NULL;
}

/**
 * delayacct_switch() - switch delay accounting on, or restore it
 * @delayacct:  the switch
 * @on:         true: on; false: off, unless it was on before the broker
 *
 * Return: true; false if the helper could not do it.
 */
bool delayacct_switch(Delayacct *delayacct, bool on) {
        struct pollfd pfd = { .fd = delayacct->fd, .events = POLLIN };
        char byte = on ? '1' : '0';

        if (delayacct->fd < 0 || send(delayacct->fd, &byte, 1, MSG_NOSIGNAL) != 1 || poll(&pfd, 1, ANSWER_MS) <= 0 ||
            recv(delayacct->fd, &byte, 1, 0) != 1)
                return false;
        return byte == 'y';
}
