/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

#include "clients/lines.h"
#include "clients/output.h"
#include "clients/users.h"

typedef struct Printer Printer;

struct Printer {
        bool json;
        Output output;
        Lines lines;
        Users users;
};

void printer_init(Printer *printer, const volatile sig_atomic_t *stop);
int printer_header(Printer *printer);
int printer_event(Printer *printer, const struct tb_event *event);
int printer_task(Printer *printer, const struct tb_task *task);
int printer_snapshot_end(Printer *printer, const struct tb_snapshot_end *end);
int printer_link(Printer *printer, const struct tb_link *link);
