/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Where the file of starts is: a file for each socket, the file that an option names, or none. */

#include "broker/base/log.h"
#include "broker/daemon/start_file.h"
#include "tests/unit/harness.h"

static char directory[64];
static StartStore store, other;

static void open_for(StartStore *ret, const char *socket_path) {
        start_file_open(ret, &(Options){ .socket_path = socket_path, .connector_fd = -1 });
}

static bool exists(const char *name) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        return access(path, F_OK) == 0;
}

static void remove_file(const char *name) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        assert(unlink(path) == 0);
}

/* The directory is made if it is missing. */
static void test_file_of_socket(void) {
        open_for(&store, "/run/a/b.sock");
        assert(store.starts && exists("starts-run-a-b.sock"));
        open_for(&other, "/run/a/c.sock");
        assert(other.starts && exists("starts-run-a-c.sock"));
        start_store_close(&other);
        /* a second broker on the same socket has no file, in no directory */
        open_for(&other, "/run/a/b.sock");
        assert(!other.starts);
        start_store_close(&other);
        start_store_close(&store);
        remove_file("starts-run-a-b.sock");
        remove_file("starts-run-a-c.sock");
}

/* A broker without a kernel must not touch the starts of the machine's broker. */
static void test_no_kernel(void) {
        start_file_open(&store, &(Options){ .socket_path = "/s", .connector_fd = 3 });
        assert(!store.starts && store.fd == -1 && !exists("starts-s"));
        start_store_close(&store);
}

static void test_option(void) {
        char path[256];
        Options options = { .socket_path = "/s", .start_file = path, .connector_fd = 3 };

        snprintf(path, sizeof(path), "%s/named", directory);
        start_file_open(&store, &options);
        assert(store.starts && exists("named") && !exists("starts-s"));
        start_store_close(&store);
        remove_file("named");
        /* no other file is used instead */
        options.connector_fd = -1;
        options.start_file = "/proc/starts";
        start_file_open(&store, &options);
        assert(!store.starts && !exists("starts-s"));
        start_store_close(&store);
}

int main(void) {
        log_init(LOG_LEVEL_ERR);
        snprintf(directory, sizeof(directory), "/dev/shm/test-start-file-%d", (int)getpid());
        assert(setenv("RUNTIME_DIRECTORY", directory, 1) == 0);
        test_file_of_socket();
        test_no_kernel();
        test_option();
        assert(rmdir(directory) == 0);
        return 0;
}
