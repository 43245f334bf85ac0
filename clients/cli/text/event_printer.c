/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints the messages of a subscription on standard output, as lines or as JSON.
 * event_lines.c makes the lines, the files in json/ the objects.
 *
 * Owns the output; the caller flushes and finishes it. On a terminal each line is
 * flushed at once. All functions return as output_write().
 */

#include <unistd.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/json/json.h"
#include "clients/cli/text/event_printer.h"

/* @stop: set by a signal; ends the waiting for a slow reader. */
void event_printer_init(EventPrinter *printer, const volatile sig_atomic_t *stop) {
        output_init(&printer->output, STDOUT_FILENO, stop);
        printer->lines.line.colour = printer->output.colour;
        printer->lines.users = &printer->users;
        printer->users.background = true;
}

/* On a terminal, flushes what was written. */
static int event_printer_show(EventPrinter *printer, int r) {
        return r >= 0 && printer->output.terminal ? output_flush(&printer->output) : r;
}

static int event_printer_line(EventPrinter *printer) {
        const Line *line = &printer->lines.line;

        return event_printer_show(printer, output_write(&printer->output, line->text, line->n));
}

static int event_printer_object(EventPrinter *printer, struct json_object *object) {
        return event_printer_show(printer, json_write(object, &printer->output));
}

/* Adds the name of the process that "ppid" names. */
static void event_printer_parent(EventPrinter *printer, struct json_object *object, const struct tb_process_id *id) {
        const char *comm;
        bool stale;

        if (!printer->names)
                return;
        comm = process_names_find(printer->names, id, &stale);
        json_add_known_text(object, "ppid_comm", comm, comm);
        if (stale)
                json_add_bool(object, "ppid_comm_stale", true);
}

static struct json_object *event_printer_event_object(EventPrinter *printer, const struct tb_event *event) {
        struct tb_process_id parent = process_names_parent_of_event(event);
        struct json_object *object = json_event(event);

        if (event->kind != TB_KIND_LOSS)
                event_printer_parent(printer, object, &parent);
        return object;
}

static struct json_object *event_printer_task_object(EventPrinter *printer, const struct tb_task *task) {
        struct json_object *object = json_task(task);

        event_printer_parent(printer, object, &task->parent);
        return object;
}

/* The terminal may have another width than at the last line. */
static void event_printer_measure(EventPrinter *printer) {
        if (printer->lines.arguments && printer->output.terminal)
                printer->lines.width = terminal_width(printer->output.fd);
}

int event_printer_header(EventPrinter *printer) {
        if (printer->json)
                return 0;

        printer->lines.names = printer->names;
        event_lines_fit(&printer->lines, printer->output.terminal ? terminal_width(printer->output.fd) : 0);
        event_lines_header(&printer->lines);
        return event_printer_line(printer);
}

int event_printer_event(EventPrinter *printer, const struct tb_event *event) {
        if (printer->json)
                return event_printer_object(printer, event_printer_event_object(printer, event));

        event_printer_measure(printer);
        event_lines_event(&printer->lines, event);
        return event_printer_line(printer);
}

int event_printer_task(EventPrinter *printer, const struct tb_task *task) {
        if (printer->json)
                return event_printer_object(printer, event_printer_task_object(printer, task));

        event_printer_measure(printer);
        event_lines_task(&printer->lines, task, clock_now_time_ns());
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
                return event_printer_object(printer, json_link(link, clock_now_time_ns()));

        event_lines_link(&printer->lines, link, clock_now_time_ns());
        return event_printer_line(printer);
}
