/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The status of the broker as text: the verdict, the counters, and the largest values.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/text/status_text.h"

static void test_verdict(void) {
        struct tb_status status = {
                .broker_version = "0.1\x1b",
                .kernel_release = "6.1",
                .start_time_ns = UINT64_C(1700000000000000000),
                .uptime_ns = UINT64_C(7200000000000),
                .taskstats_version = 13,
                .delay_accounting = TB_DELAY_ACCOUNTING_OFF,
                .connector = { .received = 1284000, .lost = 300 },
                .taskstats = { .received = 1, .lost = 10 },
        };
        char text[STATUS_TEXT_MAX];
        size_t n;

        n = status_text(text, &status);
        assert(n == strlen(text));
        assert(strncmp(text, "310 lost of 1 284 311 kernel events since 2023-11-14 22:13:20 (2h00m ago)\n\n", 74) == 0);
        assert(strstr(text, "Broker          0.1\\x1b, epoch 0000000000000000"));
        assert(strstr(text, "taskstats 13, delay accounting off"));
        assert(!strstr(text, "silenced") && !strstr(text, "Slow subscribers"));
}

#define LONG_TEXT "012345678901234567890123456789012345678901234567890123456789012"

/* The text has room for the largest values. */
static void test_largest(void) {
        uint64_t events[32];
        char text[STATUS_TEXT_MAX];
        static struct tb_client_count clients[64];
        struct tb_status status;
        size_t n;

        memset(&status, 0xff, sizeof(status));
        memset(events, 0xff, sizeof(events));
        status.events = events;
        status.clients = clients;
        status.n_clients = 0;
        for (; status.n_clients < sizeof(clients) / sizeof(*clients); ++status.n_clients)
                clients[status.n_clients] = (struct tb_client_count){
                        .uid = UINT32_MAX,
                        .name = LONG_TEXT,
                        .version = LONG_TEXT,
                        .connections = UINT32_MAX,
                        .streams = UINT32_MAX,
                };
        status.n_events = sizeof(events) / sizeof(*events);
        status.withheld = status.machine_withheld = false;
        status.broker_version = status.kernel_release =
                "0123456789012345678901234567890123456789012345678901234567890123456789";
        status.delay_accounting = TB_DELAY_ACCOUNTING_ON;
        n = status_text(text, &status);
        assert(n == strlen(text) && n < STATUS_TEXT_MAX - 1);
        assert(strstr(text, "silenced") && strstr(text, "Slow subscribers") && strstr(text, "connections refused"));
}

/* A number that is wider than its column widens it: all lines of a table have one length. */
static void test_wide_numbers(void) {
        static const uint64_t numbers[] = { 0, 4294967295, UINT64_C(1234567890123456789), UINT64_MAX };
        static const char *const tables[][2] = {
                { "Source ", "\n\n" },
                { "Now\n", "\n\n" },
                { "Since the start\n", NULL },
        };
        char text[STATUS_TEXT_MAX];

        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); ++i) {
                struct tb_status status = {
                        .broker_version = "",
                        .kernel_release = "",
                        .live_tasks = numbers[i],
                        .connector = { .received = 7, .lost = numbers[i] },
                        .taskstats = { .received = numbers[i], .lost = 7 },
                        .reader_lost = numbers[i],
                };

                status_text(text, &status);
                for (size_t k = 0; k < sizeof(tables) / sizeof(*tables); ++k) {
                        char *at = strstr(text, tables[k][0]), *end = tables[k][1] ? strstr(at, tables[k][1]) : NULL;
                        size_t length = 0;

                        assert(at);
                        at += k > 0 ? strlen(tables[k][0]) : 0;
                        for (; *at && (!end || at < end); at += strcspn(at, "\n") + 1) {
                                assert(length == 0 || strcspn(at, "\n") == length);
                                length = strcspn(at, "\n");
                        }
                        assert(length > 0);
                }
        }
}

static void test_counters(void) {
        struct tb_status status = {
                .broker_version = "",
                .kernel_release = "",
                .synthesised_forks = 1001,
                .programs_captured = 1002,
                .programs_late = 1003,
                .programs_skipped = 1004,
                .snapshots = 1005,
                .snapshot_subscribers = 1006,
                .resumed = 1007,
                .table_bytes = 1536,
        };
        char text[STATUS_TEXT_MAX];

        status_text(text, &status);
        assert(strstr(text, "\n  forks found in /proc after a loss             1 001\n"));
        assert(strstr(text, "\n  programs read from /proc                      1 002\n"));
        assert(strstr(text, "\n  programs gone before they were read           1 003\n"));
        assert(strstr(text, "\n  programs left out, being too many             1 004\n"));
        assert(strstr(text, "\n  snapshots made                                1 005\n"));
        assert(strstr(text, "\n  subscribers sent a snapshot                   1 006\n"));
        assert(strstr(text, "\n  subscriptions resumed                         1 007\n"));
        assert(strstr(text, "\n  held in the table of tasks                     1.5K\n"));
}

static void test_clients(void) {
        static const struct tb_client_count clients[] = {
                { .uid = 0, .name = "", .version = "", .connections = 1 },
                { .uid = 1000, .name = "taskbroker top", .version = "0.1.0", .connections = 2, .streams = 4 },
                /* a broker that checks nothing: control characters do not reach the terminal */
                { .uid = 1000, .name = "\x1b[31m", .version = "\n", .connections = 1, .streams = 1 },
        };
        struct tb_status status = { .broker_version = "", .kernel_release = "", .clients = clients, .n_clients = 3 };
        char text[STATUS_TEXT_MAX];

        status_text(text, &status);
        assert(strstr(text, "\nClients\n         uid streams connections  program\n"
                            "           0       0           1  -\n"
                            "        1000       4           2  taskbroker top 0.1.0\n"));
        assert(!strchr(text, 0x1b) && !strstr(text, "more"));
        status.clients_unlisted = 9;
        status_text(text, &status);
        assert(strstr(text, "\n  and 9 connections more\n"));
        status.n_clients = 0;
        status_text(text, &status);
        assert(!strstr(text, "Clients"));
}

int main(void) {
        setenv("TZ", "UTC", 1);
        tzset();
        test_verdict();
        test_largest();
        test_wide_numbers();
        test_counters();
        test_clients();
        return 0;
}
