/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The settings of the screen: their text, damaged texts, and their file.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/top/top_settings.h"
#include "tests/unit/top_rig.h"

static void test_settings(void) {
        TopSettings settings, read;
        char text[4096], again[4096];

        top_settings_init(&settings);
        assert(settings.n_columns > 5 && settings.sort == column_of("cpu"));
        assert(settings.columns[settings.n_columns - 1] == column_of("command"));

        settings.tree = settings.threads = true;
        settings.command_lines = false;
        settings.interval_ms = 2500;
        settings.span_s = 600;
        settings.sort = column_of("read");
        top_settings_toggle(&settings, column_of("ppid"));
        top_settings_toggle(&settings, column_of("swap"));
        assert(top_settings_print(&settings, text, sizeof(text)) == strlen(text));
        top_settings_init(&read);
        top_settings_parse(&read, text);
        assert(top_settings_print(&read, again, sizeof(again)) > 0);
        assert(strcmp(text, again) == 0);
        assert(read.interval_ms == 2500 && read.sort == column_of("read") && read.tree && !read.command_lines);

        /* A column that is switched on is not behind the command. It can be switched off again. */
        assert(top_settings_has(&settings, column_of("swap")));
        assert(settings.columns[settings.n_columns - 1] == column_of("command"));
        top_settings_toggle(&settings, column_of("swap"));
        assert(!top_settings_has(&settings, column_of("swap")));
}

/* A file may contain anything: valid settings are taken, all else is ignored. */
static void test_settings_garbage(void) {
        TopSettings settings, standard;
        char text[2000];

        top_settings_init(&standard);
        top_settings_init(&settings);
        top_settings_parse(&settings,
                           "columns=nothing,,=,\nsort=\ntree=2\ntree\n=1\ninterval_ms=99\ninterval_ms=60001\n"
                           "span_s=99999999999999999999999\ngraphs=-1\n\n\ncolumns\nunknown=1\nsort=cpu ");
        assert(memcmp(&settings, &standard, sizeof(settings)) == 0);

        top_settings_parse(&settings, "columns=command,pid,pid,cpu,command,none\ntree=1\ngarbage\x01\xff");
        assert(settings.n_columns == 3 && settings.tree);
        assert(settings.columns[0] == column_of("pid") && settings.columns[1] == column_of("cpu"));
        assert(settings.columns[2] == column_of("command"));

        srand(3);
        for (int i = 0; i < 20000; ++i) {
                size_t n = (size_t)rand() % (sizeof(text) - 1);
                static const char *const words[] = {"columns=", "sort=", "pid", "command", ",",
                                                    "\n",       "tree=", "1",   "="};

                text[0] = 0;
                for (size_t at = 0; at + 16 < n;)
                        at += (size_t)sprintf(text + at, "%s",
                                              rand() % 5 ? words[(size_t)rand() % N(words)] : "\xfe\x02");
                top_settings_parse(&settings, text);
                assert(settings.n_columns >= 1 && settings.n_columns <= TOP_SETTINGS_COLUMNS_MAX && settings.sort);
                for (size_t k = 0; k + 1 < settings.n_columns; ++k)
                        assert(settings.columns[k]->width > 0);
        }
}

static void test_settings_file(void) {
        char directory[] = "/tmp/taskbroker-unit-XXXXXX", path[200], there[200];
        TopSettings settings, read;
        struct rlimit before;
        int r;

        assert(mkdtemp(directory));
        assert(setenv("XDG_CONFIG_HOME", directory, 1) == 0);
        assert(top_settings_path(path, sizeof(path)) == 0);
        snprintf(there, sizeof(there), "%s/taskbroker/top", directory);
        assert(strcmp(path, there) == 0);

        top_settings_init(&settings);
        settings.tree = true;
        top_settings_init(&read);
        assert(top_settings_read(&read, path) == 0 && !read.tree);
        assert(top_settings_write(&settings, path) == 0);
        settings.span_s = 60;
        assert(top_settings_write(&settings, path) == 0);
        assert(top_settings_read(&read, path) == 0 && read.tree && read.span_s == 60);

        /* If the new file cannot be written whole, the old file stays, and no other file is left behind. */
        assert(getrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 10, before.rlim_max }) == 0);
        settings.span_s = 300;
        r = top_settings_write(&settings, path);
        assert(setrlimit(RLIMIT_FSIZE, &before) == 0);
        assert(r == -EIO);
        assert(top_settings_read(&read, path) == 0 && read.span_s == 60);

        /* Reading does not wait for a pipe in the place of the file. A directory there is an error. */
        assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
        assert(top_settings_read(&read, path) <= 0);
        assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
        assert(top_settings_read(&read, path) < 0);
        assert(top_settings_write(&settings, path) < 0);
        assert(rmdir(path) == 0);

        snprintf(path, sizeof(path), "%s/taskbroker", directory);
        assert(rmdir(path) == 0 && rmdir(directory) == 0);

        assert(setenv("XDG_CONFIG_HOME", "relative", 1) == 0 && setenv("HOME", "/home/x", 1) == 0);
        assert(top_settings_path(path, sizeof(path)) == 0 && strcmp(path, "/home/x/.config/taskbroker/top") == 0);
        assert(unsetenv("HOME") == 0 && top_settings_path(path, sizeof(path)) == -ENOENT);
}

int main(void) {
        test_settings();
        test_settings_garbage();
        test_settings_file();
        return 0;
}
