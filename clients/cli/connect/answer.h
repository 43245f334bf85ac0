/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Answer Answer;

/* Room for the text of answer_describe(). */
#define ANSWER_TEXT_MAX 320

/* The result of answer_check(). */
enum {
        ANSWER_WAIT,                    /* go on waiting */
        ANSWER_BUSY,                    /* the same, and for the first time it is known that the broker is busy */
        ANSWER_OVER,                    /* the time is over */
};

/* The wait for an answer of the broker. Zeroes: nothing is waited for. */
struct Answer {
        const char *socket_path;        /* NULL: the default of tb_connect() */
        uint64_t deadline;              /* clock_now_ns(): the broker must answer by then; 0: it has */
        uint64_t next;                  /* the time of the next answer_check() */
        int probe;                      /* plus 1; 0: no connection */
        bool probed;
        bool busy;                      /* the broker accepts connections */
};

void answer_begin(Answer *answer, const char *socket_path);
int answer_check(Answer *answer);
bool answer_over(Answer *answer);
int answer_timeout_ms(const Answer *answer);
void answer_end(Answer *answer);
const char *answer_describe(const Answer *answer, char text[static ANSWER_TEXT_MAX]);
