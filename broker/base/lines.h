/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines: reads a file of /proc line by line, so that no line hides a later one by its length. The status
 * of a process with many groups has some 700 KiB, and the capabilities come after the groups.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A line is cut off here. */
#define LINES_MAX 2048u

/* Takes a line, which it may change. Return: whether to go on. */
typedef bool (*LinesTake)(char *line, void *userdata);

int lines_each(int dir_fd, const char *path, LinesTake take, void *userdata);
ssize_t lines_read(int dir_fd, const char *path, const char *const *labels, char *buffer, size_t n_buffer);
