/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker watch: prints events as they come.
 *
 * Owns the loop: waits for the broker, a signal, the end of the time asked for, or for
 * the reader to close standard output. event_printer.c prints. The library reconnects to
 * a broker that was restarted; this file reports what a reader of the events must know.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/signals.h"
#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/model/process_names.h"
#include "clients/cli/model/task_list.h"
#include "clients/cli/text/event_printer.h"
#include "clients/cli/verbs.h"
#include "clients/cli/watch/watch_options.h"

/* The broker may delay events so long: a person does not notice, and a flood costs 20 wake-ups per second. */
#define WATCH_MAX_DELAY_MS 50u

/* The kinds of events by which the names of processes change. */
#define WATCH_NAME_KINDS                                                                                               \
        (TB_KIND_BIT(TB_KIND_FORK) | TB_KIND_BIT(TB_KIND_EXEC) | TB_KIND_BIT(TB_KIND_EXIT) |                           \
         TB_KIND_BIT(TB_KIND_COMM))

/* Events of the time asked for may come so much later: they are delayed on purpose, or by a busy machine. */
#define WATCH_GRACE_NS ((WATCH_MAX_DELAY_MS + UINT64_C(200)) * 1000000u)

typedef struct Watch Watch;

struct Watch {
        const WatchOptions *options;
        struct tb_client *client;
        bool subscribed;
        Answer answer;
        uint64_t deadline;              /* end of the time of -t, CLOCK_MONOTONIC; 0: none, or not started */
        uint64_t now;
        uint64_t n_printed;
        uint64_t n_losses_hidden;
        bool link_down;
        ProcessNames names;             /* for the names of parents */
        TaskList tasks;                 /* with the names of parents: the snapshot until it is complete */
        EventPrinter printer;
};

/* The exit status for a result of the output. VERB_CONTINUE also if a signal came: the loop checks for it. */
static int watch_after_output(int error) {
        if (error == -EINTR || error >= 0)
                return VERB_CONTINUE;

        return output_verdict(error);
}

static int watch_lost(const struct tb_event *event) {
        char count[FORMAT_MAX];

        error_print("%s%s events or records were lost%s (%s, %s): ended, as --strict asks.",
                    !event->loss.count_known ? "An unknown number of" : event->loss.at_least ? "At least " : "",
                    event->loss.count_known ? format_count(count, event->loss.count) : "",
                    event->loss.missing == TB_LOSS_MISSING_COUNTED ? "" : " machine-wide",
                    tb_loss_source_name(event->loss.source),
                    tb_loss_reason_name(event->loss.reason));
        return EXIT_STATUS_LOSS;
}

/* Whether the event is within the time asked for, by the time stamp of the kernel. */
static bool watch_in_time(const Watch *watch, const struct tb_event *event) {
        if (!watch->deadline || watch->now < watch->deadline)
                return true;

        return event->time_ns - (uint64_t)event->realtime_offset_ns <= watch->deadline;
}

/*
 * With a filter, the broker also sends the event by which a task begins or ceases to
 * match, whatever its kind. It is shown with a snapshot, which it keeps up to date.
 */
static bool watch_shows(const Watch *watch, const struct tb_event *event) {
        if (watch->options->kinds & TB_KIND_BIT(event->kind))
                return true;

        return watch->options->snapshot && event->kind != TB_KIND_LOSS;
}

static int watch_event(Watch *watch, const struct tb_event *event) {
        bool shown = watch_shows(watch, event);
        int r = VERB_CONTINUE;

        if (!watch_in_time(watch, event))
                return VERB_CONTINUE;

        if (shown) {
                r = watch_after_output(event_printer_event(&watch->printer, event));
                ++watch->n_printed;
        }
        if (watch->options->parents)
                process_names_add_event(&watch->names, event);
        if (event->kind == TB_KIND_LOSS && !shown)
                ++watch->n_losses_hidden;

        if (r == VERB_CONTINUE && event->kind == TB_KIND_LOSS && watch->options->strict)
                return watch_lost(event);
        if (r == VERB_CONTINUE && watch->options->count && watch->n_printed == watch->options->count)
                return EXIT_STATUS_OK;

        return r;
}

static int watch_error(const Watch *watch, const struct tb_error *error) {
        connection_print_error(error);
        return error->code == TB_ERROR_FELL_BEHIND && watch->options->strict ? EXIT_STATUS_LOSS : EXIT_STATUS_ERROR;
}

static void watch_print_link(const struct tb_link *link) {
        char text[CONNECTION_TEXT_MAX];

        error_print("%s.", connection_describe(text, link, clock_now_time_ns()));
}

/*
 * A change of the connection stands in the stream where events may be missing, as a loss
 * does. A reader that wants no losses does not get it either. It is also printed on
 * standard error if the stream is not on a terminal.
 */
static int watch_link(Watch *watch, const struct tb_link *link) {
        bool shown = watch->options->kinds & TB_KIND_BIT(TB_KIND_LOSS);
        int r = VERB_CONTINUE;

        /* A loss before the first answer is reported at once, as a failed connect is. */
        if (!watch->subscribed) {
                error_print("%s", link->reason);
                return EXIT_STATUS_ERROR;
        }

        watch->link_down = link->state == TB_LINK_LOST;
        if (shown)
                r = watch_after_output(event_printer_link(&watch->printer, link));
        if (!shown || !watch->printer.output.terminal)
                watch_print_link(link);
        if (r == VERB_CONTINUE && link->state == TB_LINK_RESTARTED && watch->options->strict) {
                error_print("Events since the connection was lost are missing: ended, as --strict asks.");
                return EXIT_STATUS_LOSS;
        }

        return r;
}

/* Prints the header. Not earlier: a subscription that is refused prints only the reason. */
static int watch_subscribed(Watch *watch) {
        if (watch->subscribed)
                return VERB_CONTINUE;
        answer_end(&watch->answer);
        if (watch->options->span_ns)
                watch->deadline = clock_now_ns() + watch->options->span_ns;
        watch->subscribed = true;

        return watch_after_output(event_printer_header(&watch->printer));
}

/* The parent of a task may come later in the snapshot: with names of parents, the tasks are printed at its end. */
static int watch_task(Watch *watch, const struct tb_task *task) {
        if (watch->options->parents)
                process_names_add_task(&watch->names, task);
        if (!watch->options->snapshot)
                return VERB_CONTINUE;
        if (!watch->options->parents)
                return watch_after_output(event_printer_task(&watch->printer, task));
        if (task_list_add(&watch->tasks, task) < 0) {
                error_print("There is too little memory for the tasks of this machine.");
                return EXIT_STATUS_ERROR;
        }

        return VERB_CONTINUE;
}

static int watch_snapshot_end(Watch *watch, const struct tb_snapshot_end *end) {
        int r = VERB_CONTINUE;

        if (!watch->options->snapshot)
                return VERB_CONTINUE;
        for (size_t i = 0; i < watch->tasks.n_tasks && r == VERB_CONTINUE; ++i)
                r = watch_after_output(event_printer_task(&watch->printer, watch->tasks.tasks + i));
        task_list_deinit(&watch->tasks);

        return r == VERB_CONTINUE ? watch_after_output(event_printer_snapshot_end(&watch->printer, end)) : r;
}

/* A subscription that begins anew brings a new snapshot: also if the connection broke within the last one. */
static void watch_begin_anew(Watch *watch, const struct tb_subscribed *subscribed) {
        if (subscribed->resumed)
                return;
        process_names_clear(&watch->names);
        task_list_deinit(&watch->tasks);
}

static int watch_message(Watch *watch, const struct tb_message *message) {
        switch (message->type) {
        case TB_MESSAGE_EVENT:
                return watch_event(watch, message->event);
        case TB_MESSAGE_ERROR:
                return watch_error(watch, message->error);
        case TB_MESSAGE_LINK:
                return watch_link(watch, message->link);
        case TB_MESSAGE_TASK:
                return watch_task(watch, message->task);
        case TB_MESSAGE_SNAPSHOT_END:
                return watch_snapshot_end(watch, message->snapshot_end);
        case TB_MESSAGE_SUBSCRIBED:
                watch_begin_anew(watch, message->subscribed);
                return watch_subscribed(watch);
        default:
                return VERB_CONTINUE;
        }
}

static int watch_process(Watch *watch) {
        const struct tb_message *message;
        int r, r_process, r_watch;

        r_process = tb_process(watch->client);
        while (!signals_caught() && (r = connection_next(watch->client, &message)) != 0) {
                if (r < 0) {
                        error_print("%s", tb_error_text(watch->client));
                        return EXIT_STATUS_ERROR;
                }
                r_watch = watch_message(watch, message);
                if (r_watch != VERB_CONTINUE)
                        return r_watch;
        }
        if (r_process < 0) {
                error_print("%s", tb_error_text(watch->client));
                return EXIT_STATUS_ERROR;
        }

        return watch_after_output(output_flush(&watch->printer.output));
}

/* The latest time at which the loop must go on; 0: none. */
static uint64_t watch_next_deadline(const Watch *watch) {
        if (!watch->subscribed)
                return watch->answer.next;
        if (!watch->deadline)
                return 0;

        return watch->now < watch->deadline ? watch->deadline : watch->deadline + WATCH_GRACE_NS;
}

static int watch_wait(Watch *watch, bool *ret_reader_gone) {
        struct pollfd pfds[] = {
                { .fd = tb_fd(watch->client), .events = tb_poll_events(watch->client) },
                { .fd = watch->printer.output.fd, .events = 0 },
        };
        int r;

        r = signals_poll(pfds, 2, watch_next_deadline(watch), watch->now);
        if (r < 0 && r != -EINTR) {
                error_print("Cannot wait for the broker: %s.", strerror(-r));
                return EXIT_STATUS_ERROR;
        }

        *ret_reader_gone = r > 0 && pfds[1].revents & (POLLERR | POLLHUP);
        return VERB_CONTINUE;
}

/* The exit status at the end that was asked for. While the connection is lost, events may be missed. */
static int watch_end(const Watch *watch) {
        if (!watch->link_down || (signals_caught() && !watch->options->strict))
                return EXIT_STATUS_OK;

        error_print("The broker has not come back: what happened since it went is not known.");
        return watch->options->strict ? EXIT_STATUS_LOSS : EXIT_STATUS_ERROR;
}

static int watch_loop(Watch *watch) {
        bool reader_gone;
        int r;

        for (;;) {
                watch->now = clock_now_ns();
                r = watch_wait(watch, &reader_gone);
                if (r != VERB_CONTINUE)
                        return r;
                if (signals_caught())
                        return watch_end(watch);
                if (reader_gone)
                        return EXIT_STATUS_OK;

                watch->now = clock_now_ns();
                r = watch_process(watch);
                if (r != VERB_CONTINUE)
                        return r;
                if (signals_caught())
                        return watch_end(watch);
                if (!watch->subscribed && answer_over(&watch->answer))
                        return EXIT_STATUS_ERROR;
                if (watch->deadline && watch->now >= watch->deadline + WATCH_GRACE_NS)
                        return watch_end(watch);
        }
}

static int watch_subscribe(Watch *watch) {
        struct tb_subscription subscription = {
                .kinds = watch->options->kinds | (watch->options->parents ? WATCH_NAME_KINDS : 0),
                .threads = watch->options->threads,
                .strict = watch->options->strict,
                .max_delay_ms = WATCH_MAX_DELAY_MS,
                .snapshot = watch->options->snapshot || watch->options->parents,
                .programs = watch->options->arguments,
                .filter = watch->options->filter.wanted,
        };

        if (tb_set_reconnect(watch->client) < 0 || tb_subscribe(watch->client, &subscription, NULL) < 0) {
                error_print("%s", tb_error_text(watch->client));
                return EXIT_STATUS_ERROR;
        }
        answer_begin(&watch->answer, watch->options->socket_path);

        return VERB_CONTINUE;
}

static void watch_begin(Watch *watch) {
        event_printer_init(&watch->printer, signals_flag());
        watch->printer.json = watch->options->json;
        watch->printer.lines.threads = watch->options->threads;
        watch->printer.lines.arguments = watch->options->arguments;
        watch->printer.users.numeric = watch->options->numeric;
        watch->printer.lines.time_form = watch->options->time_form;
        watch->printer.names = watch->options->parents ? &watch->names : NULL;

        /* An exec on another processor does not come: each name may be the one before it. */
        watch->names.partial = watch->options->filter.wanted.cpus != NULL;
}

static int watch_finish(Watch *watch, int status) {
        char count[FORMAT_MAX];
        int r;

        /* A broken pipe was reported, or ignored, when it was found. */
        r = output_finish(&watch->printer.output);
        if (r < 0 && status == EXIT_STATUS_OK)
                status = output_verdict(r);
        if (watch->n_losses_hidden)
                error_print("There were %s losses, which -e left out.", format_count(count, watch->n_losses_hidden));

        return status;
}

int verb_watch(const char *socket_path, int argc, char **argv) {
        static Watch watch;
        static WatchOptions options;
        int r;

        options.socket_path = socket_path;
        options.kinds = TB_KINDS_DEFAULT;
        r = watch_options_read(&options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;

        watch.options = &options;
        if (connection_open(options.socket_path, "watch", &watch.client) < 0)
                return EXIT_STATUS_ERROR;

        signals_catch();
        watch_begin(&watch);
        r = watch_subscribe(&watch);
        if (r == VERB_CONTINUE)
                r = watch_loop(&watch);
        r = watch_finish(&watch, r);
        watch.client = tb_close(watch.client);
        process_names_clear(&watch.names);
        task_list_deinit(&watch.tasks);

        return r;
}
