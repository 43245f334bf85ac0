/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file of the history: opened for one writer or for readers, and the place where it is
 * by default.
 *
 * A writer holds a lock on the file, so that a second writer gets a clear refusal. A reader
 * never creates a file. Called by the verbs record and history.
 */

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/db/db.h"
#include "clients/cli/db/db_file.h"
#include "clients/cli/db/db_schema.h"

#define DB_FILE_NAME "history.db"
#define DB_FILE_FOLDER "taskbroker"

static int db_file_fail(Db *db, int error, const char *does) {
        if (error == EWOULDBLOCK)
                snprintf(db->error, sizeof(db->error),
                         "Another taskbroker record writes to %s: end it, or name another file with --db.", db->path);
        else if (error == ENOENT)
                snprintf(db->error, sizeof(db->error),
                         "The folder of %s does not exist: create it, or name another file with --db.", db->path);
        else
                snprintf(db->error, sizeof(db->error), "%s cannot be %s: %s. Another file can be named with --db.",
                         db->path, does, strerror(error));

        return -error;
}

/* SQLite opens the file again: a lock of flock(2) and a lock of fcntl(2), as SQLite has it, do not meet. */
static int db_file_lock(Db *db) {
        db->lock_fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
        if (db->lock_fd < 0)
                return db_file_fail(db, errno, "written");
        if (flock(db->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return db_file_fail(db, errno, "locked");

        return 0;
}

/**
 * db_file_open_write() - open the file for the one writer, or create it
 * @db:         output; closed by db_close(), also after a failure
 * @path:       the file; kept as a pointer
 *
 * Return: 0, or a negative errno.
 */
int db_file_open_write(Db *db, const char *path) {
        int r;

        *db = (Db){ .lock_fd = -1, .path = path };
        r = db_file_lock(db);
        if (r == 0)
                r = db_open(db, path, SQLITE_OPEN_READWRITE);
        if (r == 0)
                r = db_schema_write(db);

        return r;
}

/* Writes the path as a URI of SQLite. Returns -ENAMETOOLONG if it does not fit. */
static int db_file_write_uri(char *uri, size_t n_uri, const char *path) {
        size_t n = (size_t)snprintf(uri, n_uri, "file:");

        for (; *path; ++path) {
                if (n + sizeof("%00?immutable=1") >= n_uri)
                        return -ENAMETOOLONG;
                if (strchr("?#%", *path))
                        n += (size_t)snprintf(uri + n, n_uri - n, "%%%02x", (unsigned char)*path);
                else
                        uri[n++] = *path;
        }
        snprintf(uri + n, n_uri - n, "?immutable=1");

        return 0;
}

/*
 * A reader needs a file beside the database, which it may not create if the folder is not its own. Without a writer
 * there is no log to read either: then the file is opened as one that does not change.
 */
static int db_file_open_immutable(Db *db) {
        char uri[3 * DB_PATH_MAX], log[DB_PATH_MAX + sizeof("-wal")];

        snprintf(log, sizeof(log), "%s-wal", db->path);
        if (access(log, F_OK) == 0 || db_file_write_uri(uri, sizeof(uri), db->path) < 0)
                return -EROFS;

        sqlite3_close(db->handle);
        db->handle = NULL;
        return db_open(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

/**
 * db_file_open_read() - open the file for reading
 * @db:         output; closed by db_close(), also after a failure
 * @path:       the file; kept as a pointer
 *
 * Return: 0, or a negative errno.
 */
int db_file_open_read(Db *db, const char *path) {
        int r;

        *db = (Db){ .lock_fd = -1, .path = path };
        if (access(path, R_OK) < 0) {
                if (errno == ENOENT)
                        snprintf(db->error, sizeof(db->error),
                                 "There is no history in %s: taskbroker record writes it; --db names another file.",
                                 path);
                else
                        db_file_fail(db, errno, "read");
                return -errno;
        }
        r = db_open(db, path, SQLITE_OPEN_READONLY);
        if (r == 0)
                r = db_schema_read(db);
        if (r == -EROFS && db_file_open_immutable(db) == 0)
                r = db_schema_read(db);

        return r;
}

/* The folder of the user's own history. Returns false if the user has no home. */
static bool db_file_folder(char *folder, size_t n_folder) {
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

        if (state && *state == '/')
                return (size_t)snprintf(folder, n_folder, "%s/" DB_FILE_FOLDER, state) < n_folder;
        if (home && *home == '/')
                return (size_t)snprintf(folder, n_folder, "%s/.local/state/" DB_FILE_FOLDER, home) < n_folder;

        return false;
}

/* Creates a folder and those above it, for this user alone. A failure shows when the file is opened. */
static void db_file_make_folder(const char *folder) {
        char path[DB_PATH_MAX];

        snprintf(path, sizeof(path), "%s", folder);
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                (void)mkdir(path, 0700);
                *slash = '/';
        }
        (void)mkdir(path, 0700);
}

/**
 * db_file_default() - find the file that is used without --db
 * @path:       output
 * @create:     for a writer: create the folder
 *
 * Root has the file of the service. Another user has a file of its own. Without it, the user reads the file of the
 * service.
 */
void db_file_default(char path[static DB_PATH_MAX], bool create) {
        char folder[DB_PATH_MAX - sizeof("/" DB_FILE_NAME)];

        snprintf(path, DB_PATH_MAX, "%s", DB_FILE_SERVICE);
        if (geteuid() == 0 || !db_file_folder(folder, sizeof(folder)))
                return;
        if (create)
                db_file_make_folder(folder);
        snprintf(path, DB_PATH_MAX, "%s/" DB_FILE_NAME, folder);
        if (!create && access(path, F_OK) < 0)
                snprintf(path, DB_PATH_MAX, "%s", DB_FILE_SERVICE);
}
