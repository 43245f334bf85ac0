/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a subscription brings, on standard output: as lines or as JSON, each at
 * once on a terminal. What a line looks like, lines.c and the json-*.c files know.
 *
 * Owns the output, which its caller flushes and finishes. All of these return as
 * output_write().
 */

#include <unistd.h>

#include "clients/json.h"
#include "clients/link.h"
#include "clients/printer.h"
#include "clients/terminal.h"

/* @stop: set by a signal, which ends the waiting for a reader. */
void printer_init(Printer *printer, const volatile sig_atomic_t *stop) {
        output_init(&printer->output, STDOUT_FILENO, stop);
        printer->lines.colour = printer->output.colour;
        printer->lines.users = &printer->users;
}

/* On a terminal, what was written is seen at once. */
static int printer_show(Printer *printer, int r) {
        return r >= 0 && printer->output.terminal ? output_flush(&printer->output) : r;
}

static int printer_line(Printer *printer) {
        return printer_show(printer, output_write(&printer->output, printer->lines.text, printer->lines.n));
}

static int printer_object(Printer *printer, struct json_object *object) {
        return printer_show(printer, json_write(object, &printer->output));
}

/* It may have been made wider or narrower since the last line. */
static void printer_measure(Printer *printer) {
        if (printer->lines.arguments && printer->output.terminal)
                printer->lines.width = terminal_width(printer->output.fd);
}

int printer_header(Printer *printer) {
        if (printer->json)
                return 0;

        lines_fit(&printer->lines, printer->output.terminal ? terminal_width(printer->output.fd) : 0);
        lines_header(&printer->lines);
        return printer_line(printer);
}

int printer_event(Printer *printer, const struct tb_event *event) {
        if (printer->json)
                return printer_object(printer, json_event(event));

        printer_measure(printer);
        lines_event(&printer->lines, event);
        return printer_line(printer);
}

int printer_task(Printer *printer, const struct tb_task *task) {
        if (printer->json)
                return printer_object(printer, json_task(task));

        printer_measure(printer);
        lines_task(&printer->lines, task, link_now_realtime());
        return printer_line(printer);
}

int printer_snapshot_end(Printer *printer, const struct tb_snapshot_end *end) {
        if (printer->json)
                return printer_object(printer, json_snapshot_end(end));

        lines_snapshot_end(&printer->lines, end);
        return printer_line(printer);
}

int printer_link(Printer *printer, const struct tb_link *link) {
        if (printer->json)
                return printer_object(printer, json_link(link, link_now_realtime()));

        lines_link(&printer->lines, link, link_now_realtime());
        return printer_line(printer);
}
