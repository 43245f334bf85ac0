/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The settings of the screen, which are kept in $XDG_CONFIG_HOME/taskbroker/top.
 *
 * Owns the form of that file: a name, an equals sign and a value on each line. Lines that
 * are not understood are ignored, so that a file of another version, or a damaged file,
 * does no harm.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/base/file.h"
#include "clients/cli/base/option.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/top/top_columns.h"
#include "clients/cli/top/top_settings.h"

/* No settings file is longer. */
#define SETTINGS_FILE_MAX 16384

typedef struct SettingsFlag SettingsFlag;
typedef struct SettingsNumber SettingsNumber;

struct SettingsFlag {
        const char *name;
        size_t offset;
};

struct SettingsNumber {
        const char *name;
        size_t offset;
        uint32_t min, max;
};

static const SettingsFlag settings_flags[] = {
        { "inverted", offsetof(TopSettings, inverted) },
        { "tree", offsetof(TopSettings, tree) },
        { "threads", offsetof(TopSettings, threads) },
        { "command_lines", offsetof(TopSettings, command_lines) },
        { "kernel_threads", offsetof(TopSettings, kernel_threads) },
        { "graphs", offsetof(TopSettings, graphs) },
};

static const SettingsNumber settings_numbers[] = {
        { "span_s", offsetof(TopSettings, span_s), TOP_SPAN_MIN_S, TOP_SPAN_MAX_S },
        { "interval_ms", offsetof(TopSettings, interval_ms), INTERVAL_MS_MIN, INTERVAL_MS_MAX },
};

#define N_FLAGS (sizeof(settings_flags) / sizeof(*settings_flags))
#define N_NUMBERS (sizeof(settings_numbers) / sizeof(*settings_numbers))

static bool *settings_flag(const TopSettings *settings, const SettingsFlag *flag) {
        return (bool *)((char *)(uintptr_t)settings + flag->offset);
}

static uint32_t *settings_number(const TopSettings *settings, const SettingsNumber *number) {
        return (uint32_t *)(void *)((char *)(uintptr_t)settings + number->offset);
}

void top_settings_init(TopSettings *settings) {
        *settings = (TopSettings){
                .sort = live_column_find("cpu", strlen("cpu")),
                .command_lines = true,
                .kernel_threads = true,
                .graphs = true,
                .span_s = 180,
                .interval_ms = 1000,
        };
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column))
                if (top_columns_standard(column))
                        settings->columns[settings->n_columns++] = column;
}

bool top_settings_has(const TopSettings *settings, const LiveColumn *column) {
        for (size_t i = 0; i < settings->n_columns; ++i)
                if (settings->columns[i] == column)
                        return true;

        return false;
}

/* Shows or hides a column. The command stays the last column, because it takes the rest of the line. */
void top_settings_toggle(TopSettings *settings, const LiveColumn *column) {
        size_t n = 0, at = 0;

        if (top_settings_has(settings, column)) {
                for (size_t i = 0; i < settings->n_columns; ++i)
                        if (settings->columns[i] != column)
                                settings->columns[n++] = settings->columns[i];
                settings->n_columns = n;
                return;
        }

        /* Keeps the order of the table of columns. */
        while (at < settings->n_columns && settings->columns[at] < column)
                ++at;
        memmove(settings->columns + at + 1,
                settings->columns + at,
                (settings->n_columns - at) * sizeof(*settings->columns));
        settings->columns[at] = column;
        ++settings->n_columns;
}

static void settings_parse_columns(TopSettings *settings, const char *value, size_t n_value) {
        TopSettings read = { .n_columns = 0 };
        const LiveColumn *last = NULL;

        while (n_value > 0) {
                const char *comma = memchr(value, ',', n_value);
                size_t n = comma ? (size_t)(comma - value) : n_value;
                const LiveColumn *column = live_column_find(value, n);

                if (column && !top_settings_has(&read, column) && column != last) {
                        if (column->width == 0)
                                last = column;
                        else
                                read.columns[read.n_columns++] = column;
                }
                n_value -= comma ? n + 1 : n;
                value += comma ? n + 1 : n;
        }
        if (last)
                read.columns[read.n_columns++] = last;
        if (read.n_columns == 0)
                return;

        memcpy(settings->columns, read.columns, sizeof(read.columns));
        settings->n_columns = read.n_columns;
}

static bool settings_is(const char *line, size_t n_name, const char *name) {
        return strlen(name) == n_name && memcmp(line, name, n_name) == 0;
}

static void settings_parse_line(TopSettings *settings, const char *line, size_t n_line) {
        const char *equals = memchr(line, '=', n_line), *value;
        char number[16];
        size_t n_name, n_value;
        uint64_t read;

        if (!equals)
                return;
        n_name = (size_t)(equals - line);
        value = equals + 1;
        n_value = n_line - n_name - 1;

        if (settings_is(line, n_name, "columns"))
                settings_parse_columns(settings, value, n_value);
        if (settings_is(line, n_name, "sort") && live_column_find(value, n_value))
                settings->sort = live_column_find(value, n_value);
        if (n_value >= sizeof(number))
                return;
        memcpy(number, value, n_value);
        number[n_value] = 0;
        for (size_t i = 0; i < N_FLAGS; ++i)
                if (settings_is(line, n_name, settings_flags[i].name) && option_read_number(number, 0, 1, &read))
                        *settings_flag(settings, settings_flags + i) = read != 0;
        for (size_t i = 0; i < N_NUMBERS; ++i)
                if (settings_is(line, n_name, settings_numbers[i].name) &&
                    option_read_number(number, settings_numbers[i].min, settings_numbers[i].max, &read))
                        *settings_number(settings, settings_numbers + i) = (uint32_t)read;
}

/**
 * top_settings_parse() - take settings from the text of a file
 * @settings:   initialised; settings that the text does not have, or has wrongly, stay
 * @text:       the text
 */
void top_settings_parse(TopSettings *settings, const char *text) {
        while (*text) {
                size_t n = strcspn(text, "\n");

                settings_parse_line(settings, text, n);
                text += n;
                if (*text)
                        ++text;
        }
}

/* Writes the text of the file. Returns its length. */
size_t top_settings_print(const TopSettings *settings, char *text, size_t n_text) {
        FILE *stream = fmemopen(text, n_text, "w");
        size_t n;

        if (!stream)
                return 0;

        fputs("# taskbroker top: written by W, and at the end where something was changed\ncolumns=", stream);
        for (size_t i = 0; i < settings->n_columns; ++i)
                fprintf(stream, "%s%s", i ? "," : "", settings->columns[i]->name);
        fprintf(stream, "\nsort=%s\n", settings->sort->name);
        for (size_t i = 0; i < N_FLAGS; ++i)
                fprintf(stream, "%s=%d\n", settings_flags[i].name, *settings_flag(settings, settings_flags + i));
        for (size_t i = 0; i < N_NUMBERS; ++i)
                fprintf(stream,
                        "%s=%" PRIu32 "\n",
                        settings_numbers[i].name,
                        *settings_number(settings, settings_numbers + i));
        n = (size_t)ftell(stream);
        fclose(stream);

        return n;
}

/* Makes the path of the file. Returns 0; -ENOENT: the environment has no home; -ENAMETOOLONG. */
int top_settings_path(char *path, size_t n_path) {
        const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int n;

        /* The specification says that a relative path must be ignored. */
        if (base && *base == '/')
                n = snprintf(path, n_path, "%s/taskbroker/top", base);
        else if (home && *home == '/')
                n = snprintf(path, n_path, "%s/.config/taskbroker/top", home);
        else
                return -ENOENT;

        return n < 0 || (size_t)n >= n_path ? -ENAMETOOLONG : 0;
}

/* Returns 0, also if there is no file; or a negative errno. */
int top_settings_read(TopSettings *settings, const char *path) {
        char text[SETTINGS_FILE_MAX];
        ssize_t n;
        int fd;

        /* Must not block, even if the name belongs to a pipe or a device. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (n < 0)
                return -errno;

        text[n] = 0;
        top_settings_parse(settings, text);
        return 0;
}

static void settings_make_directories(const char *path) {
        char directory[4096];

        if (strlen(path) >= sizeof(directory))
                return;
        for (size_t i = 0; path[i]; ++i) {
                if (i > 0 && path[i] == '/') {
                        directory[i] = 0;
                        mkdir(directory, 0700);
                }
                directory[i] = path[i];
        }
}

/* Replaces the file, also through a link. Returns 0, or a negative errno. */
int top_settings_write(const TopSettings *settings, const char *path) {
        char text[SETTINGS_FILE_MAX];
        size_t n = top_settings_print(settings, text, sizeof(text));

        if (n == 0)
                return -ENOMEM;

        settings_make_directories(path);
        return file_replace(path, text, n);
}
