/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pager, as journalctl starts it: less, unless the environment names another program.
 *
 * Called by history.c if standard output is a terminal. While the pager runs, interrupts
 * are for the pager.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/base/signals.h"
#include "clients/cli/history/history_pager.h"

/* Quit if one screen suffices, show colours, and cut long lines. */
#define PAGER_LESS "FRSXMK"

static const char *pager_command(void) {
        static const char *const names[] = { "TASKBROKER_PAGER", "SYSTEMD_PAGER", "PAGER" };

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
                const char *value = getenv(names[i]);

                if (value)
                        return value;
        }

        return "less";
}

static void pager_run(const char *command, int fd) {
        if (dup2(fd, STDIN_FILENO) < 0)
                _exit(127);
        signals_restore_pipe();
        setenv("LESS", PAGER_LESS, 0);
        setenv("LESSCHARSET", "utf-8", 0);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
}

/**
 * history_pager_open() - start the pager
 * @ret_pid:    output
 *
 * Return: The descriptor that it reads from; -1: there is no pager.
 */
int history_pager_open(pid_t *ret_pid) {
        const char *command = pager_command();
        int fds[2];
        pid_t pid;

        if (!*command || strcmp(command, "cat") == 0 || pipe(fds) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                close(fds[1]);
                pager_run(command, fds[0]);
        }
        close(fds[0]);
        if (pid < 0) {
                close(fds[1]);
                return -1;
        }
        signal(SIGINT, SIG_IGN);
        *ret_pid = pid;

        return fds[1];
}

/* Waits until the person has seen enough. */
void history_pager_close(int fd, pid_t pid) {
        close(fd);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}
