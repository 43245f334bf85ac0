/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Files of the user: replaced as a whole, through links, with their permissions; or left as they were.
 */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/base/file.h"

static void write_text(const char *path, const char *text) {
        FILE *file = fopen(path, "w");

        assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void check_text(const char *path, const char *expected) {
        char text[100] = "";
        FILE *file = fopen(path, "r");

        assert(file);
        assert(fread(text, 1, sizeof(text) - 1, file) == strlen(expected) && strcmp(text, expected) == 0);
        fclose(file);
}

static size_t count_files(const char *folder) {
        DIR *directory = opendir(folder);
        size_t n = 0;

        assert(directory);
        while (readdir(directory))
                ++n;
        closedir(directory);

        return n - 2;
}

static mode_t mode_of(const char *path) {
        struct stat status;

        assert(stat(path, &status) == 0);
        return status.st_mode & 07777;
}

/* The link is named "top" in the folder "config"; the file itself is "dotfiles/real". */
static void test_links(void) {
        static const struct {
                const char *target; /* NULL: "top" is the file itself */
                const char *second; /* the target of "config/middle"; NULL: it does not exist */
                bool exists;
        } rows[] = {
                { NULL, NULL, false },
                { NULL, NULL, true },
                { "../dotfiles/real", NULL, true },
                { "../dotfiles/real", NULL, false },
                { "middle", "../dotfiles/real", true },
                { "middle", "../dotfiles/real", false },
                { "/proc/self/cwd/dotfiles/real", NULL, true },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                const char *file = rows[i].target ? "dotfiles/real" : "config/top";
                struct stat status;

                assert(mkdir("config", 0700) == 0 && mkdir("dotfiles", 0700) == 0);
                if (rows[i].target)
                        assert(symlink(rows[i].target, "config/top") == 0);
                if (rows[i].second)
                        assert(symlink(rows[i].second, "config/middle") == 0);
                if (rows[i].exists) {
                        write_text(file, "old");
                        assert(chmod(file, 0640) == 0);
                }

                assert(file_replace("config/top", "new text", 8) == 0);
                check_text(file, "new text");
                assert(mode_of(file) == (rows[i].exists ? 0640 : 0600));
                assert(lstat("config/top", &status) == 0 && !S_ISLNK(status.st_mode) == !rows[i].target);
                assert(count_files("dotfiles") == (rows[i].target ? 1 : 0));
                assert(count_files("config") == (rows[i].second ? 2 : 1));

                unlink("config/middle");
                unlink("dotfiles/real");
                assert(unlink("config/top") == 0 && rmdir("config") == 0 && rmdir("dotfiles") == 0);
        }
}

/* A file that cannot be replaced stays, and no other file is left. */
static void test_errors(void) {
        struct rlimit before;
        int r;

        assert(file_replace("none/top", "x", 1) == -ENOENT);
        assert(mkdir("config", 0700) == 0);
        assert(symlink("none/real", "config/top") == 0);
        assert(file_replace("config/top", "x", 1) == -ENOENT && unlink("config/top") == 0);
        assert(symlink("top", "config/top") == 0);
        assert(file_replace("config/top", "x", 1) == -ELOOP && unlink("config/top") == 0);
        assert(mkdir("config/top", 0700) == 0);
        assert(file_replace("config/top", "x", 1) == -EISDIR && rmdir("config/top") == 0);
        assert(mkfifo("config/top", 0600) == 0);
        assert(file_replace("config/top", "x", 1) == -EINVAL && unlink("config/top") == 0);
        assert(strcmp(file_error(-EINVAL), "it is not a regular file") == 0);
        assert(strcmp(file_error(-EISDIR), "Is a directory") == 0);
        assert(symlink("/dev/null", "config/top") == 0);
        assert(file_replace("config/top", "x", 1) == -EINVAL && unlink("config/top") == 0);
        write_text("config/file", "x");
        assert(file_replace("config/file/top", "x", 1) == -ENOTDIR && unlink("config/file") == 0);

        write_text("config/top", "old");
        assert(getrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 2, before.rlim_max }) == 0);
        r = file_replace("config/top", "new", 3);
        assert(setrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(r == -EIO && count_files("config") == 1);
        check_text("config/top", "old");
        assert(unlink("config/top") == 0 && rmdir("config") == 0);
}

/* root may keep the owner; any other user owns the file already. */
static void test_owner(void) {
        struct stat status;

        if (geteuid() != 0)
                return;

        write_text("top", "old");
        assert(chown("top", 12345, 23456) == 0 && chmod("top", 0604) == 0);
        assert(file_replace("top", "new", 3) == 0);
        assert(stat("top", &status) == 0 && status.st_uid == 12345 && status.st_gid == 23456);
        assert(mode_of("top") == 0604 && unlink("top") == 0);
}

int main(void) {
        char folder[] = "/tmp/taskbroker-unit-XXXXXX";

        umask(022);
        assert(mkdtemp(folder) && chdir(folder) == 0);
        test_links();
        test_errors();
        test_owner();
        assert(chdir("/") == 0 && rmdir(folder) == 0);
        return 0;
}
