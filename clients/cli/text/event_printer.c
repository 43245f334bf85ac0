/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a subscription brings, on standard output: as lines or as JSON, each at
 * once on a terminal. What a line looks like, lines.c and the json-*.c files know.
 *
 * Owns the output, which its caller flushes and finishes. All of these return as
 * output_write().
 */

#include <unistd.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/json/json.h"
#include "clients/cli/text/event_printer.h"

/* @stop: set by a signal, which ends the waiting for a reader. */
void event_printer_init(EventPrinter *printer, const volatile sig_atomic_t *stop) {
        output_init(&printer->output, STDOUT_FILENO, stop);
        printer->lines.colour = printer->output.colour;
        printer->lines.users = &printer->users;
}

/* On a terminal, what was written is seen at once. */
static int event_printer_show(EventPrinter *printer, int r) {
        return r >= 0 && printer->output.terminal ? output_flush(&printer->output) : r;
}

static int event_printer_line(EventPrinter *printer) {
        return event_printer_show(printer, output_write(&printer->output, printer->lines.text, printer->lines.n));
}

static int event_printer_object(EventPrinter *printer, struct json_object *object) {
        return event_printer_show(printer, json_write(object, &printer->output));
}

/* It may have been made wider or narrower since the last line. */
static void event_printer_measure(EventPrinter *printer) {
        if (printer->lines.arguments && printer->output.terminal)
                printer->lines.width = terminal_width(printer->output.fd);
}

int event_printer_header(EventPrinter *printer) {
        if (printer->json)
                return 0;

        event_lines_fit(&printer->lines, printer->output.terminal ? terminal_width(printer->output.fd) : 0);
        event_lines_header(&printer->lines);
        return event_printer_line(printer);
}

int event_printer_event(EventPrinter *printer, const struct tb_event *event) {
        if (printer->json)
                return event_printer_object(printer, json_event(event));

        event_printer_measure(printer);
        event_lines_event(&printer->lines, event);
        return event_printer_line(printer);
}

int event_printer_task(EventPrinter *printer, const struct tb_task *task) {
        if (printer->json)
                return event_printer_object(printer, json_task(task));

        event_printer_measure(printer);
        event_lines_task(&printer->lines, task, clock_now_realtime_ns());
        return event_printer_line(printer);
}

int event_printer_snapshot_end(EventPrinter *printer, const struct tb_snapshot_end *end) {
        if (printer->json)
                return event_printer_object(printer, json_snapshot_end(end));

        event_lines_snapshot_end(&printer->lines, end);
        return event_printer_line(printer);
}

int event_printer_link(EventPrinter *printer, const struct tb_link *link) {
        if (printer->json)
                return event_printer_object(printer, json_link(link, clock_now_realtime_ns()));

        event_lines_link(&printer->lines, link, clock_now_realtime_ns());
        return event_printer_line(printer);
}
