/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The wait for an answer of the broker: how long, and what the silence means.
 *
 * A broker that runs answers in microseconds. After a second of silence a probe is made: a
 * second connection, on which a broker that runs sends its Welcome at once. So a broker
 * that is busy can be distinguished from a broker that hangs, whose socket takes
 * connections as well. Called by all verbs. Owns the probe.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/connect/answer.h"

#define NS_PER_S UINT64_C(1000000000)

/* The time until the probe, between looks at the probe, and for all. */
#define ANSWER_PROBE_NS NS_PER_S
#define ANSWER_LOOK_NS (NS_PER_S / 4)
#define ANSWER_SECONDS 5u

static const char *answer_path(const Answer *answer) {
        const char *named = getenv(TB_SOCKET_ENV);

        if (answer->socket_path)
                return answer->socket_path;

        return named && *named ? named : TB_SOCKET_PATH;
}

/* Unlike tb_connect(), does not wait if the broker's queue of connections is full. */
static void answer_probe(Answer *answer) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        answer->probed = true;
        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", answer_path(answer)) >=
            sizeof(address.sun_path))
                return;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                return;
        }

        answer->probe = fd + 1;
}

static void answer_close_probe(Answer *answer) {
        if (answer->probe)
                close(answer->probe - 1);
        answer->probe = 0;
}

/* Whether the broker has sent something on the probe. */
static bool answer_look(const Answer *answer) {
        char byte;

        return answer->probe && recv(answer->probe - 1, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/**
 * answer_begin() - wait for an answer from now on
 * @answer:             zeroes, or a former wait
 * @socket_path:        the socket; NULL: the default of tb_connect(); kept as a pointer
 */
void answer_begin(Answer *answer, const char *socket_path) {
        uint64_t now = clock_now_ns();

        answer_end(answer);
        answer->socket_path = socket_path;
        answer->deadline = now + ANSWER_SECONDS * NS_PER_S;
        answer->next = now + ANSWER_PROBE_NS;
}

/**
 * answer_check() - look whether the wait is over, and what the broker does
 * @answer:     the wait; to be called at @answer->next, and at any other time
 *
 * Return: ANSWER_WAIT, ANSWER_BUSY or ANSWER_OVER.
 */
int answer_check(Answer *answer) {
        uint64_t now = clock_now_ns();
        bool was_busy = answer->busy;

        if (!answer->deadline || now < answer->next)
                return ANSWER_WAIT;

        if (!answer->probed)
                answer_probe(answer);
        else if (!answer->busy)
                answer->busy = answer_look(answer);
        if (answer->busy)
                answer_close_probe(answer);
        if (now >= answer->deadline)
                return ANSWER_OVER;

        answer->next = answer->busy ? answer->deadline : now + ANSWER_LOOK_NS;
        if (answer->next > answer->deadline)
                answer->next = answer->deadline;

        return answer->busy && !was_busy ? ANSWER_BUSY : ANSWER_WAIT;
}

/* The time until the next answer_check(), for poll(2). */
int answer_timeout_ms(const Answer *answer) {
        uint64_t now = clock_now_ns();

        return answer->next > now ? (int)((answer->next - now) / 1000000) + 1 : 0;
}

/* As answer_check(), with messages on standard error. Returns whether the time is over. */
bool answer_over(Answer *answer) {
        int r = answer_check(answer);
        char text[ANSWER_TEXT_MAX];

        if (r == ANSWER_BUSY)
                error_print("The broker on %s is busy and has not answered yet: waiting.", answer_path(answer));
        if (r == ANSWER_OVER)
                error_print("%s", answer_describe(answer, text));

        return r == ANSWER_OVER;
}

/* The answer has come, or is not waited for. */
void answer_end(Answer *answer) {
        answer_close_probe(answer);
        *answer = (Answer){ 0 };
}

/* Writes why there was no answer. */
const char *answer_describe(const Answer *answer, char text[static ANSWER_TEXT_MAX]) {
        if (answer->busy)
                snprintf(text, ANSWER_TEXT_MAX,
                         "The broker on %s is busy: it takes connections, but has not answered within %u seconds; "
                         "try again later.",
                         answer_path(answer), ANSWER_SECONDS);
        else
                snprintf(text, ANSWER_TEXT_MAX,
                         "The broker on %s does not answer: it hangs or is stopped; look at its log, or restart it.",
                         answer_path(answer));

        return text;
}
