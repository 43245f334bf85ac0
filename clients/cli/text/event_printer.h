/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/output.h"
#include "clients/cli/base/users.h"
#include "clients/cli/text/event_lines.h"

typedef struct EventPrinter EventPrinter;

struct EventPrinter {
        bool json;
        const ProcessNames *names;      /* the names of parents are shown; NULL: they are not */
        Output output;
        EventLines lines;
        Users users;
};

void event_printer_init(EventPrinter *printer, const volatile sig_atomic_t *stop);
int event_printer_header(EventPrinter *printer);
int event_printer_event(EventPrinter *printer, const struct tb_event *event);
int event_printer_task(EventPrinter *printer, const struct tb_task *task);
int event_printer_snapshot_end(EventPrinter *printer, const struct tb_snapshot_end *end);
int event_printer_link(EventPrinter *printer, const struct tb_link *link);
