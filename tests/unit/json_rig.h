/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compares lines of JSON, and makes events and programs for them.
 *
 * Include it behind #undef NDEBUG.
 */

#include <assert.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/json/json.h"

/* Relations of a process that are not known, and of one that init made and that a subreaper has now. */
#define NO_RELATIVES "\"maker_pid\":null,\"maker_id\":null,\"parent_pid\":null,\"parent_id\":null"
#define RELATIVES "\"maker_pid\":1,\"maker_id\":\"1-7\",\"parent_pid\":50,\"parent_id\":null"

/* The beginning of the JSON of an event of make_event(). */
#define HEAD(kind)                                                                                                     \
        "{\"kind\":\"" kind "\",\"time_ns\":18446744073709551615,\"number\":7,\"cpu\":3,\"pid\":100,\"tid\":101,"    \
        "\"ppid\":1,\"uid\":4294967294,\"comm\":\"sh\","                                                               \
        "\"id\":\"101-5000000001\",\"start_time_ns\":9007199254740993,"                                                \
        "\"start_boot_ns\":5000000001," RELATIVES

/* Initialises the texts of a program, with their lengths. */
#define PROGRAM(cmdline_, exe_, cgroup_)                                                                               \
        .cmdline = (cmdline_), .n_cmdline = sizeof(cmdline_) - 1, .exe = (exe_), .n_exe = sizeof(exe_) - 1,           \
        .cgroup = (cgroup_), .n_cgroup = sizeof(cgroup_) - 1

/* Frees @object. */
static inline void check_json(struct json_object *object, const char *expected) {
        const char *line;
        size_t n;

        line = json_line(object, &n);
        assert(line && expected);
        if (strcmp(line, expected) != 0)
                fprintf(stderr, "is:     %s\nshould: %s\n", line, expected);
        assert(strcmp(line, expected) == 0);
        assert(n == strlen(expected));
        json_object_put(object);
}

/* Frees @object, whose line must contain @part. */
static inline void check_part(struct json_object *object, const char *part) {
        size_t n;

        if (!strstr(json_line(object, &n), part))
                fprintf(stderr, "is:     %s\nshould: %s\n", json_line(object, &n), part);
        assert(strstr(json_line(object, &n), part));
        json_object_put(object);
}

static inline struct tb_event make_event(enum tb_kind kind) {
        return (struct tb_event){
                .kind = kind,
                .number = 7,
                .time_ns = UINT64_C(18446744073709551615),
                .cpu_known = true,
                .cpu = 3,
                .pid = 100,
                .tid = 101,
                .ppid = 1,
                .maker = { .known = true, .pid = 1, .start_boot_ns = 7 },
                .parent = { .known = true, .pid = 50 },
                .uid = 4294967294u,
                .comm = "sh",
                .start_time_ns = UINT64_C(9007199254740993),
                .start_boot_ns = 5000000001u,
        };
}
