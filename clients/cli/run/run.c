/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker run: runs a command, and reports what it and all its descendants used.
 *
 * Owns the order of things. First the process of the command is made, then the broker
 * is subscribed to, then the process runs the command: so no event is missed. Events
 * are read until the exit of the command was reported. usage.c adds up, child.c has the
 * process.
 */

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/terminal.h"
#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/json/json.h"
#include "clients/cli/run/child.h"
#include "clients/cli/run/run_options.h"
#include "clients/cli/run/run_process.h"
#include "clients/cli/run/run_report.h"
#include "clients/cli/run/usage.h"
#include "clients/cli/verbs.h"

/* Long enough that not every fork wakes us; at the end we wait for it. */
#define RUN_MAX_DELAY_MS 50u

/*
 * The broker polls the kernel's queue: it may not know yet that the process of the
 * command was forked. How often, and for how long, the request is repeated.
 */
#define RUN_ASK_AGAIN_NS UINT64_C(10000000)
#define RUN_UNHEARD_NS UINT64_C(2000000000)

/* After so long without events, the exit of the command is not waited for any more: a busy broker is late. */
#define RUN_GRACE_NS UINT64_C(5000000000)

/* Exits of descendants are waited for so long after that: descendants may run for ever. */
#define RUN_LATE_NS UINT64_C(1000000000)

/* How often /proc is checked for the processes that are left. */
#define RUN_LOOK_NS UINT64_C(20000000)

/* PROC_PID_INIT_INO of the kernel: fixed since namespaces have numbers. */
#define INITIAL_PID_NAMESPACE 0xeffffffcu

typedef struct Run Run;

struct Run {
        const RunOptions *options;
        struct tb_client *client;       /* NULL: the connection broke */
        char broken[512];               /* why it broke */
        Child child;
        Usage usage;
        FILE *stream;                   /* takes the report */

        bool subscribed;
        Answer answer;
        uint64_t ask_again;             /* when to repeat the request; 0: an answer is awaited */
        uint64_t unheard_deadline;      /* the broker must know the process by then */
        uint64_t start_ns;              /* start of the command: CLOCK_MONOTONIC */
        uint64_t start_time_ns;         /* the same, since the epoch */
        uint64_t end_ns;                /* end of the command; 0: it has not been waited for */
        uint64_t events_deadline;       /* no event is waited for after it; each event moves it */
        int status;
        struct rusage rusage;
        enum tb_delay_accounting delay_accounting;
};

static int run_refuse(void) {
        error_print("The command was not run.");
        return RUN_FAILED;
}

/*
 * The broker knows processes by their pids in the initial namespace. In another
 * namespace, our child has a pid that belongs to another process there.
 */
static int run_check_namespace(void) {
        struct stat st;

        if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == INITIAL_PID_NAMESPACE)
                return VERB_CONTINUE;

        error_print("This is a container with its own process numbers, which the broker does not know: "
                 "run the command outside, or watch the container with taskbroker watch --cgroup.");
        return run_refuse();
}

static int run_open(Run *run) {
        run->stream = stderr;
        if (!run->options->file)
                return VERB_CONTINUE;

        run->stream = fopen(run->options->file, "we");
        if (run->stream)
                return VERB_CONTINUE;

        error_print("-O %s: it cannot be written to: %s.", run->options->file, strerror(errno));
        return run_refuse();
}

static void run_break(Run *run, const char *reason) {
        snprintf(run->broken, sizeof(run->broken), "%s", reason);
        run->client = tb_close(run->client);
}

static int run_subscribed(Run *run) {
        const struct tb_welcome *welcome = tb_client_welcome(run->client);

        answer_end(&run->answer);
        run->subscribed = true;
        if (welcome)
                run->delay_accounting = welcome->delay_accounting;
        run->start_time_ns = clock_now_time_ns();
        run->start_ns = clock_now_ns();

        /* A process that was killed at its gate is noticed when it is waited for. */
        (void)child_release(&run->child);
        return VERB_CONTINUE;
}

static void run_extend_deadline(Run *run) {
        run->events_deadline = clock_now_ns() + (run->usage.root_ended ? RUN_LATE_NS : RUN_GRACE_NS);
}

static int run_event(Run *run, const struct tb_event *event) {
        bool root_ended = run->usage.root_ended;

        if (usage_event(&run->usage, event) < 0)
                run_break(run, "There was too little memory for more of it.");
        if (!root_ended)
                run_extend_deadline(run);

        return VERB_CONTINUE;
}

static int run_error(Run *run, const struct tb_error *error) {
        uint64_t now = clock_now_ns();

        /* Once the command runs, an error is about the end of the connection, which comes next. */
        if (run->subscribed)
                return VERB_CONTINUE;

        if (error->code == TB_ERROR_BAD_VALUE && strcmp(error->field, "subscribe.filter.subtrees") == 0 &&
            now < run->unheard_deadline) {
                run->ask_again = now + RUN_ASK_AGAIN_NS;
                return VERB_CONTINUE;
        }

        connection_print_error(error);
        return run_refuse();
}

static int run_message(Run *run, const struct tb_message *message) {
        switch (message->type) {
        case TB_MESSAGE_SUBSCRIBED:
                return run_subscribed(run);
        case TB_MESSAGE_EVENT:
                return run_event(run, message->event);
        case TB_MESSAGE_ERROR:
                return run_error(run, message->error);
        default:
                return VERB_CONTINUE;
        }
}

static int run_process(Run *run) {
        const struct tb_message *message;
        int r = 0, r_process, r_run;

        r_process = tb_process(run->client);
        while (run->client && (r = connection_next(run->client, &message)) > 0) {
                r_run = run_message(run, message);
                if (r_run != VERB_CONTINUE)
                        return r_run;
        }
        if (!run->client || (r >= 0 && r_process >= 0))
                return VERB_CONTINUE;

        if (!run->subscribed) {
                error_print("%s", tb_error_text(run->client));
                return run_refuse();
        }
        run_break(run, tb_error_text(run->client));
        return VERB_CONTINUE;
}

/* There may be a SIGCHLD although the command has not ended, for example from a tracer. */
static int run_signals(Run *run) {
        int r;

        if (!child_pass_signals(&run->child) || run->end_ns)
                return VERB_CONTINUE;

        r = child_wait(&run->child, &run->status, &run->rusage);
        if (r < 0) {
                error_print("The command cannot be waited for: %s.", strerror(-r));
                return RUN_FAILED;
        }
        if (r > 0) {
                run->end_ns = clock_now_ns();
                run_extend_deadline(run);
        }

        return VERB_CONTINUE;
}

/* Whether no more events are to come: the exits of the command and of all that ended before it were reported. */
static bool run_has_all_events(Run *run) {
        if (!run->client || !run->subscribed || clock_now_ns() >= run->events_deadline)
                return true;
        if (!run->usage.root_ended)
                return false;

        return usage_unreported(&run->usage, run_process_exists) == 0;
}

static int run_wait(Run *run) {
        struct pollfd pfds[] = {
                { .fd = -1 },
                { .fd = run->child.signals, .events = POLLIN },
        };
        uint64_t now = clock_now_ns(), deadline = UINT64_MAX;
        int timeout_ms = -1;

        if (run->client)
                pfds[0] = (struct pollfd){ .fd = tb_fd(run->client), .events = tb_poll_events(run->client) };
        if (run->ask_again)
                deadline = run->ask_again;
        else if (!run->subscribed)
                deadline = run->answer.next;
        else if (run->end_ns)
                deadline = now + RUN_LOOK_NS;
        if (deadline != UINT64_MAX)
                timeout_ms = deadline > now ? (int)((deadline - now) / 1000000) + 1 : 0;

        if (poll(pfds, 2, timeout_ms) < 0 && errno != EINTR) {
                error_print("Cannot wait for the command: %s.", strerror(errno));
                return RUN_FAILED;
        }

        return VERB_CONTINUE;
}

static int run_subscribe(Run *run) {
        uint32_t pid = (uint32_t)run->child.pid;
        struct tb_subscription subscription = {
                .kinds = TB_KIND_BIT(TB_KIND_FORK) | TB_KIND_BIT(TB_KIND_EXIT),
                .threads = true,
                .max_delay_ms = RUN_MAX_DELAY_MS,
                .programs = run->options->args,
                .filter = { .subtrees = &pid, .n_subtrees = 1 },
        };

        if (tb_subscribe(run->client, &subscription, NULL) < 0) {
                error_print("%s", tb_error_text(run->client));
                return run_refuse();
        }
        answer_begin(&run->answer, run->options->socket_path);
        run->ask_again = 0;

        return VERB_CONTINUE;
}

static int run_loop(Run *run) {
        int r;

        for (;;) {
                r = run_wait(run);
                if (r == VERB_CONTINUE && run->client)
                        r = run_process(run);
                if (r == VERB_CONTINUE)
                        r = run_signals(run);
                if (r != VERB_CONTINUE)
                        return r;
                if (run->end_ns && run_has_all_events(run))
                        return VERB_CONTINUE;
                if (run->ask_again && clock_now_ns() >= run->ask_again)
                        r = run_subscribe(run);
                if (r != VERB_CONTINUE)
                        return r;
                if (!run->subscribed && answer_over(&run->answer))
                        return run_refuse();
        }
}

static int run_start(Run *run) {
        int r;

        r = child_start(&run->child, run->options->command);
        if (r < 0) {
                error_print("No process can be made for the command: %s.", strerror(-r));
                return RUN_FAILED;
        }
        if (usage_init(&run->usage, (uint32_t)run->child.pid) < 0) {
                error_print("There is too little memory for the report.");
                return run_refuse();
        }

        run->unheard_deadline = clock_now_ns() + RUN_UNHEARD_NS;
        return run_subscribe(run);
}

/* Returns VERB_CONTINUE if the command was run. */
static int run_exec_status(Run *run) {
        int error = child_exec_error(&run->child);

        if (error == 0)
                return VERB_CONTINUE;

        error_print("%s cannot be run: %s.", run->options->command[0], strerror(-error));
        return error == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}

static void run_write_json(const RunReport *report, FILE *stream) {
        struct json_object *object = run_report_json(report);
        const char *line;
        size_t n_line;

        line = json_line(object, &n_line);
        fwrite(line, 1, n_line, stream);
        fputc('\n', stream);
        json_object_put(object);
}

/* Returns 0; -1: the report is not complete, and an error was printed. */
static int run_write_report(Run *run) {
        RunReport report = {
                .command = run->options->command,
                .usage = &run->usage,
                .status = run->status,
                .rusage = run->rusage,
                .own_rss_kib = run_report_own_rss_kib(),
                .start_time_ns = run->start_time_ns,
                .wall_ns = run->end_ns - run->start_ns,
                .delay_accounting = run->delay_accounting,
                .broken = run->broken[0] ? run->broken : NULL,
                .n_top = (size_t)run->options->n_top,
                .width = terminal_width(fileno(run->stream)),
        };

        if (usage_settle(&run->usage, run_process_exists) < 0) {
                error_print("There is too little memory for the report.");
                return -1;
        }
        if (run->options->json)
                run_write_json(&report, run->stream);
        else
                run_report_text(&report, run->stream);

        if (fflush(run->stream) == 0 && !ferror(run->stream))
                return 0;

        error_print("The report cannot be written: %s.", strerror(errno));
        return -1;
}

/*
 * Returns the exit status after the command has ended. The command was not run if it was killed at its gate.
 * The failure of a command is not hidden by the failure of its report.
 */
static int run_finish(Run *run) {
        int r, r_report = 0;

        r = run_exec_status(run);
        if (r != VERB_CONTINUE)
                return r;
        if (run->subscribed)
                r_report = run_write_report(run);
        if (r_report < 0 && WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0)
                return RUN_FAILED;

        return WIFEXITED(run->status) ? WEXITSTATUS(run->status) : RUN_SIGNALLED + WTERMSIG(run->status);
}

static int run_command(Run *run) {
        int r;

        r = run_check_namespace();
        if (r == VERB_CONTINUE)
                r = run_open(run);
        if (r == VERB_CONTINUE && connection_open(run->options->socket_path, "run", &run->client) < 0)
                r = run_refuse();
        if (r == VERB_CONTINUE)
                r = run_start(run);
        if (r == VERB_CONTINUE)
                r = run_loop(run);

        return r == VERB_CONTINUE ? run_finish(run) : r;
}

int verb_run(const char *socket_path, int argc, char **argv) {
        RunOptions options = { .socket_path = socket_path, .n_top = 10 };
        static Run run = { .child = CHILD_NULL };
        int r;

        r = run_options_read(&options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;

        run.options = &options;
        r = run_command(&run);
        child_abandon(&run.child);
        run.client = tb_close(run.client);
        usage_deinit(&run.usage);
        if (run.stream && run.stream != stderr)
                fclose(run.stream);

        return r;
}
