/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/lines.h"
#include "broker/base/util.h"

/* The file is read in such steps. An ordinary status takes one. */
#define STEP 4096u

typedef struct Lines Lines;

struct Lines {
        LinesTake take;
        void *userdata;
        size_t n_line;
        char line[LINES_MAX + 1];
};

static bool lines_end_line(Lines *lines) {
        lines->line[lines->n_line] = 0;
        lines->n_line = 0;
        return lines->take(lines->line, lines->userdata);
}

/* Adds bytes of the file. Return: whether to go on. */
static bool lines_add(Lines *lines, const char *bytes, size_t n) {
        while (n > 0) {
                const char *end = memchr(bytes, '\n', n);
                size_t n_part = end ? (size_t)(end - bytes) : n, n_added = MIN(n_part, LINES_MAX - lines->n_line);

                memcpy(lines->line + lines->n_line, bytes, n_added);
                lines->n_line += n_added;
                if (!end)
                        return true;
                if (!lines_end_line(lines))
                        return false;
                bytes += n_part + 1;
                n -= n_part + 1;
        }
        return true;
}

/**
 * lines_each() - read a file line by line
 * @dir_fd:    its directory
 * @path:      the file
 * @take:      takes each line, without its newline
 * @userdata:  for @take
 *
 * Return: 0; a negative errno where the file is not there, or no longer.
 */
int lines_each(int dir_fd, const char *path, LinesTake take, void *userdata) {
        int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC), r;
        Lines lines UNINITIALISED;
        char bytes[STEP];
        bool more = true;
        ssize_t n;

        if (fd < 0)
                return -errno;
        lines.take = take;
        lines.userdata = userdata;
        lines.n_line = 0;
        while (more && (n = read(fd, bytes, sizeof(bytes))) > 0)
                more = lines_add(&lines, bytes, (size_t)n);
        r = more && n < 0 ? -errno : 0;
        if (r == 0 && more && lines.n_line > 0)
                (void)lines_end_line(&lines);
        close(fd);
        return r;
}

typedef struct Labelled Labelled;

/* The lines with labels. */
struct Labelled {
        const char *const *labels;
        char *text;
        size_t n, n_max;
};

static bool labelled_take(char *line, void *userdata) {
        Labelled *labelled = userdata;

        for (size_t i = 0; labelled->labels[i]; ++i) {
                size_t n = MIN(strlen(line), labelled->n_max - labelled->n - 1);

                if (strncmp(line, labelled->labels[i], strlen(labelled->labels[i])) != 0)
                        continue;
                labelled->text[labelled->n++] = '\n';
                memcpy(labelled->text + labelled->n, line, n);
                labelled->n += n;
                return labelled->labels[i + 1] && labelled->n < labelled->n_max - 1;
        }
        return true;
}

/**
 * lines_read() - read some lines of a file
 * @dir_fd:    its directory
 * @path:      the file
 * @labels:    the beginnings of the lines, in the order of the file, ended by NULL
 * @buffer:    output: "\n" and a line, for each of them, ended by a NUL
 * @n_buffer:  its size; the text is cut off there
 *
 * The reading ends with the last label.
 *
 * Return: The number of bytes; -1 with errno where the file is not there, or no longer.
 */
ssize_t lines_read(int dir_fd, const char *path, const char *const *labels, char *buffer, size_t n_buffer) {
        Labelled labelled = { .labels = labels, .text = buffer, .n_max = n_buffer - 1 };
        int r = lines_each(dir_fd, path, labelled_take, &labelled);

        if (r < 0) {
                errno = -r;
                return -1;
        }
        buffer[labelled.n] = 0;
        return (ssize_t)labelled.n;
}
