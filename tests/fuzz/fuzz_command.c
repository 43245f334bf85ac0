/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The output of the command for the messages of a broker: the input is the messages
 * of frames. Each line is a single line of UTF-8, without control characters for a
 * terminal. json-c can parse each JSON text.
 */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "clients/cli/connect/connection.h"
#include "clients/cli/json/json.h"
#include "clients/cli/run/run_report.h"
#include "clients/cli/run/usage.h"
#include "clients/cli/text/event_lines.h"
#include "clients/cli/text/status_text.h"
#include "clients/lib/decode.h"
#include "tests/fuzz/fuzz.h"

/* A time in 2026, from which ages are computed. */
#define NOW_NS UINT64_C(1780000000000000000)

static Users users;
static Usage usage;

static void check_harmless(const char *text, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                uint8_t byte = (uint8_t)text[i];

                assert(byte >= 0x20 && byte != 0x7f);
                assert(byte != 0xc2 || i + 1 == n || (uint8_t)text[i + 1] >= 0xa0);
        }
}

/* Checks whole lines. */
static void check_terminal(const char *text, size_t n) {
        for (const char *end; n > 0; n -= (size_t)(end + 1 - text), text = end + 1) {
                end = memchr(text, '\n', n);
                assert(end);
                check_harmless(text, (size_t)(end - text));
        }
}

static void check_lines(const EventLines *lines) {
        assert(lines->line.n > 0 && lines->line.n < sizeof(lines->line.text) &&
               strlen(lines->line.text) == lines->line.n);
        assert(memchr(lines->line.text, '\n', lines->line.n) == lines->line.text + lines->line.n - 1);
        check_terminal(lines->line.text, lines->line.n);
}

static void check_json(struct json_object *object) {
        struct json_object *again;
        const char *line;
        size_t n;

        line = json_line(object, &n);
        assert(line && n == strlen(line));
        check_harmless(line, n);
        again = json_tokener_parse(line);
        assert(again);
        json_object_put(again);
        json_object_put(object);
}

/* As text, and as text with command lines cut to a terminal. */
static void check_message(const struct tb_message *message) {
        static EventLines lines[] = { { .users = &users },
                                      { .users = &users, .threads = true, .arguments = true, .width = 100 } };
        struct tb_link link = { .state = TB_LINK_LOST };
        struct json_object *object = NULL;

        /* a broker's last words are why the connection broke */
        if (message->type == TB_MESSAGE_ERROR)
                link.reason = message->error->message;
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); ++i) {
                switch (message->type) {
                case TB_MESSAGE_EVENT:
                        event_lines_event(&lines[i], message->event);
                        break;
                case TB_MESSAGE_TASK:
                        event_lines_task(&lines[i], message->task, NOW_NS);
                        break;
                case TB_MESSAGE_SNAPSHOT_END:
                        event_lines_snapshot_end(&lines[i], message->snapshot_end);
                        break;
                case TB_MESSAGE_ERROR:
                        event_lines_link(&lines[i], &link, NOW_NS);
                        break;
                default:
                        continue;
                }
                check_lines(&lines[i]);
        }
        if (message->type == TB_MESSAGE_EVENT) {
                assert(usage_event(&usage, message->event) == 0);
                object = json_event(message->event);
        } else if (message->type == TB_MESSAGE_TASK) {
                object = json_task(message->task);
        } else if (message->type == TB_MESSAGE_SNAPSHOT_END) {
                object = json_snapshot_end(message->snapshot_end);
        } else if (message->type == TB_MESSAGE_STATUS) {
                char text[STATUS_TEXT_MAX];

                check_terminal(text, status_text(text, message->status));
                object = json_status(message->status);
        } else if (message->type == TB_MESSAGE_ERROR) {
                object = json_link(&link, NOW_NS);
        }
        if (object)
                check_json(object);
}

static bool none_exists(uint32_t pid, uint64_t start_boot_ns) {
        (void)start_boot_ns;
        (void)pid;
        return false;
}

/* Checks the report of `run`, as if all events belonged to one process tree. */
static void check_account(void) {
        char *const command[] = { (char *)"a\033command", NULL };
        RunReport report = {
                .command = command,
                .usage = &usage,
                .wall_ns = 1000,
                .start_time_ns = NOW_NS,
                .n_top = 10,
                .width = 80,
        };
        size_t n = 0;
        char *text = NULL;
        FILE *stream;

        assert(usage_settle(&usage, none_exists) == 0);
        stream = open_memstream(&text, &n);
        assert(stream);
        run_report_text(&report, stream);
        fclose(stream);
        check_terminal(text, n);
        free(text);
        check_json(run_report_json(&report));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        static const uint8_t welcome[] = { 0x0a, 0x02, 0x08, 0x01 };
        Decoder decoder = {};
        FuzzInput input = { data, data + n_data };

        assert(usage_init(&usage, 1) == 0);
        assert(decoder_begin(&decoder, welcome, sizeof(welcome)) == 1);
        while (fuzz_has_more(&input)) {
                size_t n;
                const uint8_t *message = fuzz_take(&input, fuzz_u16(&input), &n);
                int r = decoder_begin(&decoder, message, n);

                while (r == 0 && (decoder.in_batch || decoder.in_part)) {
                        r = decoder.in_batch ? decoder_next_event(&decoder) : decoder_next_task(&decoder);
                        if (r <= 0)
                                break;
                        check_message(&decoder.message);
                        r = 0;
                }
                if (r > 0)
                        check_message(&decoder.message);
                if (r < 0)
                        break;
        }
        check_account();
        usage_deinit(&usage);
        decoder_deinit(&decoder);
        return 0;
}
