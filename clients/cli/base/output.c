/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Standard output: a buffer, and its owner decides when it is flushed.
 *
 * Not stdio, which says of an interrupted or failed write only that it failed:
 * a signal must end the program with everything written once, and a reader that
 * has gone must end it quietly. SIGPIPE is ignored by main().
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/output.h"

/* How long a reader that is stuck keeps us from ending. */
#define OUTPUT_FINISH_MS 1000

/* Whatever a pipe says it can take, it takes so much without blocking. */
#define OUTPUT_PIPE_ROOM 4096u

static bool output_wants_colour(void) {
        const char *no_color = getenv("NO_COLOR");
        const char *term = getenv("TERM");

        return !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

void output_init(Output *output, int fd, const volatile sig_atomic_t *stop) {
        output->fd = fd;
        output->terminal = isatty(fd);
        output->colour = output->terminal && output_wants_colour();
        output->stop = stop;
        output->n = 0;
}

static void output_written(Output *output, size_t n) {
        output->n -= n;
        memmove(output->buffer, output->buffer + n, output->n);
}

static int output_wait(Output *output, int timeout_ms) {
        struct pollfd pfd = { .fd = output->fd, .events = POLLOUT };
        int r;

        r = poll(&pfd, 1, timeout_ms);
        return r < 0 ? -errno : r;
}

static bool output_must_stop(const Output *output) {
        return output->stop && *output->stop;
}

/**
 * output_flush() - write everything
 * @output:     the output
 *
 * Return: 0; -EINTR: a signal asked to stop, what could not be written is kept
 *         for output_finish(); -EPIPE: the reader has gone; another negative
 *         errno of write(2).
 */
int output_flush(Output *output) {
        ssize_t n;
        int r;

        while (output->n > 0) {
                /* Before each write: one that was interrupted half-way says only how far it came. */
                if (output_must_stop(output))
                        return -EINTR;

                n = write(output->fd, output->buffer, output->n);
                if (n >= 0) {
                        output_written(output, (size_t)n);
                        continue;
                }

                r = -errno;
                if (r == -EAGAIN)
                        r = output_wait(output, -1);
                if (r < 0 && r != -EINTR)
                        return r;
        }

        return 0;
}

/**
 * output_write() - write, now or later
 * @output:     the output
 * @data:       what
 * @n_data:     how much
 *
 * What does not fit into the buffer, after it was flushed, goes out at once. Only
 * -EINTR drops anything: @data itself, whole where it fits into the buffer.
 *
 * Return: as output_flush().
 */
int output_write(Output *output, const char *data, size_t n_data) {
        while (n_data > 0) {
                size_t n = n_data < OUTPUT_BUFFER ? n_data : OUTPUT_BUFFER;
                int r;

                if (n > OUTPUT_BUFFER - output->n) {
                        r = output_flush(output);
                        if (r < 0)
                                return r;
                }
                memcpy(output->buffer + output->n, data, n);
                output->n += n;
                data += n;
                n_data -= n;
        }

        return 0;
}

/**
 * output_finish() - write everything before the end
 * @output:     the output
 *
 * A second signal ends the program in the ordinary way, so that signals need no
 * care here. A reader that takes nothing is waited for only so long.
 *
 * Return: 0, -ETIMEDOUT, or as output_flush().
 */
int output_finish(Output *output) {
        ssize_t n;
        int r;

        while (output->n > 0) {
                r = output_wait(output, OUTPUT_FINISH_MS);
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0 && r != -EINTR)
                        return r;

                n = write(output->fd, output->buffer, output->n < OUTPUT_PIPE_ROOM ? output->n : OUTPUT_PIPE_ROOM);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (n > 0)
                        output_written(output, (size_t)n);
        }

        return 0;
}

/* The exit status that an error of these functions means; says so where a person must know. */
int output_verdict(int error) {
        /* head(1) has what it wanted: that is a good end. */
        if (error >= 0 || error == -EPIPE || error == -EINTR)
                return EXIT_STATUS_OK;

        if (error == -ETIMEDOUT)
                error_print("The reader of standard output takes nothing: the last events were not written.");
        else
                error_print("Cannot write to standard output: %s.", strerror(-error));
        return EXIT_STATUS_ERROR;
}
