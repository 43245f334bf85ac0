/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Standard output: a buffer that its owner flushes.
 *
 * stdio reports only that a write failed. Here a signal must end the program after
 * everything was written once, and a closed pipe must end it without a message. main()
 * ignores SIGPIPE.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/output.h"

/* The program waits so long for a stuck reader before it ends. */
#define OUTPUT_FINISH_MS 1000

/* A pipe that is ready for writing takes so much without blocking. */
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
 * Return: 0; -EINTR: a signal came, and the rest is kept for output_finish();
 *         -EPIPE: the reader has closed the pipe; another negative errno of write(2).
 */
int output_flush(Output *output) {
        ssize_t n;
        int r;

        while (output->n > 0) {
                /* Checked before each write: a write that was interrupted half-way returns how much it wrote. */
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
 * @data:       the bytes
 * @n_data:     their number
 *
 * A full buffer is flushed. Only -EINTR drops bytes: the rest of @data, or all of @data if
 * it fits into the buffer.
 *
 * Return: As output_flush().
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
 * A second signal ends the program at once, so signals are not handled here. A stuck
 * reader is waited for only OUTPUT_FINISH_MS.
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

/* The exit status for a result of these functions. Prints a message if a person must know of the error. */
int output_verdict(int error) {
        /* A reader such as head(1) has what it wanted: this is no error. */
        if (error >= 0 || error == -EPIPE || error == -EINTR)
                return EXIT_STATUS_OK;

        if (error == -ETIMEDOUT)
                error_print("The reader of standard output takes nothing: the last events were not written.");
        else
                error_print("Cannot write to standard output: %s.", strerror(-error));
        return EXIT_STATUS_ERROR;
}
