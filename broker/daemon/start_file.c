/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file stands in the service's runtime directory, or in /run/taskbroker, or where /run is
 * on a disk in /dev/shm/taskbroker. Each socket has a file of its own, so that brokers on
 * several sockets do not share one. Without a file the broker works, and a restart gives
 * older tasks another identity.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/start_file.h"

/* Writes the path of the file of a socket; false: it would be too long. */
static bool file_name(char path[static PATH_MAX], const char *directory, const char *socket_path) {
        int n = snprintf(path, PATH_MAX, "%s/starts%s", directory, socket_path);

        if (n < 0 || n >= PATH_MAX || strlen(socket_path) > NAME_MAX - strlen("starts"))
                return false;
        for (char *at = path + strlen(directory) + 1; *at; ++at)
                if (*at == '/')
                        *at = '-';
        return true;
}

/* Makes a directory, and checks that nobody else can put files there. */
static bool directory_make(const char *directory) {
        struct stat st;

        (void)mkdir(directory, 0755);
        return lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static void report_failure(int r, const char *path) {
        if (r == START_STORE_E_UNSAFE)
                log_notice("%s is not used: it must be a file of this user alone, on a tmpfs. After a restart, older "
                           "tasks have other identities.",
                           path);
        else if (r == START_STORE_E_IN_USE)
                log_notice("%s belongs to another broker that runs. After a restart, older tasks have other "
                           "identities.",
                           path);
        else if (r < 0)
                log_notice("%s cannot be used: %s. After a restart, older tasks have other identities.", path,
                           strerror(-r));
}

/* Opens the file in the first directory where that is possible. */
static void open_in_directories(StartStore *store, const char *socket_path) {
        const char *const directories[] = { getenv("RUNTIME_DIRECTORY"), "/run/taskbroker", "/dev/shm/taskbroker" };
        int r = START_STORE_E_UNSAFE;
        char path[PATH_MAX] = "";

        for (size_t i = 0; i < ARRAY_SIZE(directories) && r != 0 && r != START_STORE_E_IN_USE; ++i)
                if (directories[i] && directory_make(directories[i]) && file_name(path, directories[i], socket_path))
                        r = start_store_open(store, path);
        report_failure(r, path[0] ? path : "The file of starts");
}

/**
 * start_file_open() - open the store of starts, if there can be one
 * @store:    output
 * @options:  the command line
 *
 * Called before the first time is made, as the file has the scale of all times. A test
 * without a kernel has a file only if it names one.
 */
void start_file_open(StartStore *store, const Options *options) {
        *store = START_STORE_NULL;
        if (options->start_file)
                report_failure(start_store_open(store, options->start_file), options->start_file);
        else if (options->connector_fd < 0)
                open_in_directories(store, options->socket_path);
}
