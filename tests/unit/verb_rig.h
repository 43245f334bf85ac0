/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A verb of the command in a child. The test plays its broker and reads its output.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/client_frames.h"

#include "clients/cli/base/exit_status.h"
#include "clients/cli/verbs.h"

#define TEXT_MAX (512u * 1024u)

typedef struct Run Run;

/* The child, our ends of its pipes, and our end of its connection. */
struct Run {
        pid_t pid;
        int out;
        int err;
        int connection;
        Taskbroker__V1__ClientMessage *request;
        char out_text[TEXT_MAX];
        char err_text[TEXT_MAX];
};

static char directory[] = "/tmp/test-client-XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener = -1;
static Run run;

static inline void begin(int (*verb)(const char *, int, char **), const char *arguments) {
        int out[2], err[2], argc = 0;
        char line[512], *argv[32];

        assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
        fflush(NULL);
        run = (Run){ .out = out[0], .err = err[0], .connection = -1 };
        run.pid = fork();
        assert(run.pid >= 0);
        if (run.pid == 0) {
                snprintf(line, sizeof(line), "%s", arguments);
                for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
                        argv[argc++] = word;
                argv[argc] = NULL;
                signal(SIGPIPE, SIG_IGN);
                dup2(out[1], STDOUT_FILENO);
                dup2(err[1], STDERR_FILENO);
                close(out[0]);
                close(err[0]);
                close(listener);
                argc = verb(address.sun_path, argc, argv);
                fflush(NULL);
                _exit(argc);
        }
        close(out[1]);
        close(err[1]);
}

static inline void hang_up(void) {
        if (run.connection >= 0)
                close(run.connection);
        run.connection = -1;
        if (run.request)
                taskbroker__v1__client_message__free_unpacked(run.request, NULL);
        run.request = NULL;
}

/* Reads the child's next request. */
static inline void receive_request(void) {
        uint8_t request[8192];
        size_t n = 0, n_prefix, n_message;
        ssize_t r;

        while (frame_parse(request, n, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message) != 0) {
                r = recv(run.connection, request + n, sizeof(request) - n, 0);
                assert(r > 0);
                n += (size_t)r;
        }
        if (run.request)
                taskbroker__v1__client_message__free_unpacked(run.request, NULL);
        run.request = taskbroker__v1__client_message__unpack(NULL, n_message, request + n_prefix);
        assert(run.request);
}

/* Waits for the child's request, also on a connection after the first, and welcomes it. */
static inline void serve(void) {
        Bytes bytes = bytes_new();

        hang_up();
        run.connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert(run.connection >= 0);
        bytes_add_welcome(&bytes, 1);
        assert(send(run.connection, bytes.data, bytes.n, MSG_NOSIGNAL) == (ssize_t)bytes.n);
        free(bytes.data);
        receive_request();
}

static inline void send_script(const Bytes *script) {
        size_t n = 0;

        while (n < script->n) {
                ssize_t r = send(run.connection, script->data + n, script->n - n, MSG_NOSIGNAL);

                if (r <= 0)
                        break;
                n += (size_t)r;
        }
}

static inline bool read_some(int *fd, char *text) {
        size_t n = strlen(text);
        ssize_t r;

        r = read(*fd, text + n, TEXT_MAX - 1 - n);
        assert(r >= 0);
        if (r > 0)
                return true;
        close(*fd);
        *fd = -1;
        return false;
}

/* Reads until the child ends. Returns its exit status. */
static inline int finish(void) {
        int status;

        while (run.out >= 0 || run.err >= 0) {
                struct pollfd pfds[] = { { .fd = run.out, .events = POLLIN }, { .fd = run.err, .events = POLLIN } };

                assert(poll(pfds, 2, -1) > 0);
                if (pfds[0].revents)
                        read_some(&run.out, run.out_text);
                if (pfds[1].revents)
                        read_some(&run.err, run.err_text);
        }
        assert(waitpid(run.pid, &status, 0) == run.pid);
        hang_up();
        assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static inline size_t n_lines(const char *text) {
        size_t n = 0;

        for (; *text; ++text)
                n += *text == '\n';
        return n;
}

/* Opens the socket on which the test is the broker. */
static inline void listen_for_verbs(void) {
        alarm(60);
        assert(mkdtemp(directory));
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(listener >= 0);
        assert(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
        assert(listen(listener, 8) == 0);
}

static inline void remove_socket(void) {
        unlink(address.sun_path);
        rmdir(directory);
}
