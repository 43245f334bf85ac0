/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The verb watch from end to end: requests, output, exit statuses, and a broker that goes away.
 */

#include <sys/ioctl.h>
#include <time.h>

#include "tests/unit/verb_rig.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Answers the request at hand. */
static void answer_subscribed(uint64_t next_number, bool resumed) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Subscribed subscribed = TASKBROKER__V1__SUBSCRIBED__INIT;
        Bytes bytes = bytes_new();

        assert(run.request->body_case == TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE);
        subscribed.request_id = run.request->request_id;
        subscribed.feed = 77;
        subscribed.next_number = next_number;
        subscribed.resumed = resumed;
        message.stream = 1;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED;
        message.subscribed = &subscribed;
        bytes_add_message(&bytes, &message);
        assert(send(run.connection, bytes.data, bytes.n, MSG_NOSIGNAL) == (ssize_t)bytes.n);
        free(bytes.data);
}

static void serve_subscribed(void) {
        serve();
        answer_subscribed(1, false);
}

/* The child has lost its connection. It connects again, and resumes the feed at @next_number. */
static void serve_resumed(uint64_t next_number) {
        serve();
        assert(run.request->subscribe->resume);
        assert(run.request->subscribe->resume->epoch == UINT64_C(0xfedcba9876543210));
        assert(run.request->subscribe->resume->feed == 77);
        assert(run.request->subscribe->resume->next_number == next_number);
        answer_subscribed(next_number, true);
}

/* Reads until the child has written a text. */
static void wait_for(int *fd, char *text, const char *needle) {
        while (!strstr(text, needle))
                assert(read_some(fd, text));
}

static uint64_t clock_now(clockid_t clock) {
        struct timespec now;

        assert(clock_gettime(clock, &now) == 0);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * Adds an exec in a batch of its own for each of the processes @first to @last. The pid is
 * the number of the event too. The event @loss_at is a loss instead, if it is not 0.
 */
static void add_execs_from(Bytes *bytes, uint32_t first, uint32_t last, uint32_t loss_at) {
        Taskbroker__V1__Exec exec = TASKBROKER__V1__EXEC__INIT;
        Taskbroker__V1__Loss loss = TASKBROKER__V1__LOSS__INIT;

        loss.count = 12;
        loss.source = TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_CONNECTOR;
        loss.reason = TASKBROKER__V1__LOSS_REASON__LOSS_REASON_OVERRUN;
        for (uint32_t i = first; i <= last; ++i) {
                Taskbroker__V1__Event event = TASKBROKER__V1__EVENT__INIT, *pointer = &event;

                event.time_ns = 5;
                event.comm.data = (uint8_t *)"some";
                event.comm.len = 4;
                event.start_time_ns = 4;
                event.kind_case = i == loss_at ? TASKBROKER__V1__EVENT__KIND_LOSS : TASKBROKER__V1__EVENT__KIND_EXEC;
                if (i == loss_at)
                        event.loss = &loss;
                else
                        event.exec = &exec;
                event.pid = event.tid = i == loss_at ? 0 : i;
                bytes_add_batch_of(bytes, 1, i, &pointer, 1);
        }
}

static void add_execs(Bytes *bytes, uint32_t n, uint32_t loss_at) {
        add_execs_from(bytes, 1, n, loss_at);
}

/* An Error that answers the request at hand. */
static void send_error(Taskbroker__V1__ErrorCode code, const char *text) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__Error error = TASKBROKER__V1__ERROR__INIT;
        Bytes bytes = bytes_new();

        error.request_id = run.request->request_id;
        error.code = code;
        error.message = (char *)text;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR;
        message.error = &error;
        bytes_add_message(&bytes, &message);
        send_script(&bytes);
        free(bytes.data);
}

static void test_count(void) {
        Bytes script = bytes_new();

        add_execs(&script, 10, 3);
        begin(verb_watch, "watch -n 5");
        serve_subscribed();
        assert(run.request->subscribe->max_delay_ms == 50);
        assert(run.request->subscribe->n_kinds == 4);
        assert(!run.request->subscribe->strict && !run.request->subscribe->threads);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 6);
        assert(strncmp(run.out_text, "TIME ", 5) == 0);
        assert(strstr(run.out_text, "LOSS     *** 12 kernel events lost"));
        assert(strcmp(run.err_text, "") == 0);

        free(script.data);
}

/* The subscription carries the filter of the options. The command itself filters nothing. */
static void test_filter(void) {
        Taskbroker__V1__Subscribe *subscribe;
        Bytes script = bytes_new();

        add_execs(&script, 10, 3);
        begin(verb_watch,
              "watch --json -n 3 --pid 7 --pid 9 --uid 5 --tree 3 --comm a* --cgroup /sys/fs/cgroup/x/ --cpu 0-3 "
              "--nonzero");
        serve_subscribed();
        subscribe = run.request->subscribe;
        assert(subscribe->filter && !subscribe->snapshot && !subscribe->programs && !subscribe->resume);
        assert(subscribe->filter->n_pids == 2 && subscribe->filter->pids[0] == 7 && subscribe->filter->pids[1] == 9);
        assert(subscribe->filter->n_uids == 1 && subscribe->filter->uids[0] == 5);
        assert(subscribe->filter->n_subtrees == 1 && subscribe->filter->subtrees[0] == 3);
        assert(subscribe->filter->n_comms == 1 && memcmp(subscribe->filter->comms[0].data, "a*", 2) == 0);
        assert(subscribe->filter->n_cgroups == 1 && memcmp(subscribe->filter->cgroups[0].data, "/x", 2) == 0);
        assert(strcmp(subscribe->filter->cpus, "0-3") == 0 && subscribe->filter->nonzero);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 3);
        assert(strstr(run.out_text, "\"source\":\"connector\"") && strstr(run.out_text, "\"pid\":2,"));

        free(script.data);
}

static void add_snapshot(Bytes *bytes, uint32_t n, uint64_t number) {
        Taskbroker__V1__ServerMessage message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        Taskbroker__V1__SnapshotPart part = TASKBROKER__V1__SNAPSHOT_PART__INIT;
        Taskbroker__V1__SnapshotEnd end = TASKBROKER__V1__SNAPSHOT_END__INIT;
        Taskbroker__V1__Program program = TASKBROKER__V1__PROGRAM__INIT;

        program.state = TASKBROKER__V1__PROGRAM_STATE__PROGRAM_STATE_CAPTURED;
        program.cmdline.data = (uint8_t *)"some\0thing";
        program.cmdline.len = 11;
        for (uint32_t i = 1; i <= n; ++i) {
                Taskbroker__V1__Task task = TASKBROKER__V1__TASK__INIT, *pointer = &task;

                task.pid = task.tid = i;
                task.start_time_ns = 5;
                task.program = &program;
                part.tasks = &pointer;
                part.n_tasks = 1;
                message.stream = 1;
                message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_PART;
                message.snapshot_part = &part;
                bytes_add_message(bytes, &message);
        }
        end.number = number;
        end.task_count = n;
        message.stream = 1;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END;
        message.snapshot_end = &end;
        bytes_add_message(bytes, &message);
}

static void test_snapshot(void) {
        Bytes script = bytes_new();

        /*
         * -n does not count the tasks of the snapshot. With a snapshot, events of other kinds are printed too: they
         * change the set of tasks.
         */
        add_snapshot(&script, 3, 0);
        add_execs(&script, 10, 2);
        begin(verb_watch, "watch --snapshot --args -n 4 -e fork --uid 0");
        serve_subscribed();
        assert(run.request->subscribe->snapshot && run.request->subscribe->programs);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 1 + 3 + 1 + 4);
        assert(strstr(run.out_text, " task           3       - root                       some thing\n"));
        assert(strstr(run.out_text, " snapshot 3 processes are alive; from here on, what happens\n"));
        assert(strstr(run.out_text, " exec           5 ") && !strstr(run.out_text, "LOSS"));
        assert(strcmp(run.err_text, "taskbroker: There were 1 losses, which -e left out.\n") == 0);

        /* Without a snapshot, only the kinds of -e are printed. */
        script.n = 0;
        add_execs(&script, 3, 2);
        begin(verb_watch, "watch --json -n 1 -e fork,loss --uid 0");
        serve_subscribed();
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 1 && strstr(run.out_text, "\"kind\":\"loss\""));

        free(script.data);
}

static void test_time(void) {
        Taskbroker__V1__Exec exec = TASKBROKER__V1__EXEC__INIT;
        Taskbroker__V1__Event event = TASKBROKER__V1__EVENT__INIT, *pointer = &event;
        uint64_t begin_time, end_time;
        Bytes script = bytes_new();

        add_execs(&script, 3, 0);
        begin(verb_watch, "watch --json -t 0.3 -e exec --threads");
        serve_subscribed();
        assert(run.request->subscribe->threads && run.request->subscribe->n_kinds == 1);
        begin_time = clock_now(CLOCK_MONOTONIC);
        send_script(&script);

        /* Two events arrive after the time of -t. Only the event that happened within the time is printed. */
        assert(poll(NULL, 0, 380) == 0);
        script.n = 0;
        event.kind_case = TASKBROKER__V1__EVENT__KIND_EXEC;
        event.exec = &exec;
        event.pid = event.tid = 100;
        event.time_ns = begin_time - 1000 + 100000000;
        bytes_add_batch_of(&script, 1, 4, &pointer, 1);
        event.pid = event.tid = 200;
        event.time_ns = clock_now(CLOCK_MONOTONIC) - 1000;
        bytes_add_batch_of(&script, 1, 5, &pointer, 1);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        end_time = clock_now(CLOCK_MONOTONIC);
        assert(end_time - begin_time > 290000000u);
        assert(n_lines(run.out_text) == 4);
        assert(strstr(run.out_text, "\"pid\":100,") && !strstr(run.out_text, "\"pid\":200,"));

        free(script.data);
}

static void test_end(void) {
        Bytes script = bytes_new();

        /* The connection ends before the subscription has begun: the verb fails, as without a broker. */
        begin(verb_watch, "watch --json");
        serve();
        shutdown(run.connection, SHUT_RDWR);
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strcmp(run.out_text, "") == 0);
        assert(strcmp(run.err_text, "taskbroker: The broker closed the connection.\n") == 0);

        begin(verb_watch, "watch --json");
        serve();
        bytes_add_error(&script, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_LIMIT, "There are too many.", true);
        send_script(&script);
        shutdown(run.connection, SHUT_RDWR);
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strstr(run.err_text, "There are too many."));

        begin(verb_watch, "watch --json");
        serve();
        script.n = 0;
        bytes_add_error(&script, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE, "No\x1b such.", false);
        send_script(&script);
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strcmp(run.err_text,
                      "taskbroker: The broker refused the request: No\\x1b such. (subscribe.kinds)\n") == 0);

        free(script.data);
}

/* The connection breaks twice. Each time the stream goes on where it was. */
static void test_resumed(void) {
        Bytes script = bytes_new();

        begin(verb_watch, "watch --json -n 7");
        serve_subscribed();
        add_execs(&script, 3, 0);
        send_script(&script);
        wait_for(&run.out, run.out_text, "\"pid\":3,");
        hang_up();
        wait_for(&run.out, run.out_text, "\"lost\"");
        serve_resumed(4);
        script.n = 0;
        add_execs_from(&script, 4, 6, 5);
        send_script(&script);
        wait_for(&run.out, run.out_text, "\"pid\":6,");
        serve_resumed(7);
        script.n = 0;
        add_execs_from(&script, 7, 9, 0);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);

        assert(n_lines(run.out_text) == 7 + 4 && !strstr(run.out_text, "\"pid\":8,"));
        assert(strstr(run.out_text, "{\"kind\":\"link\",\"state\":\"lost\",\"time_ns\":"));
        assert(strstr(run.out_text, "\"reason\":\"The broker closed the connection.\",\"tries\":null}\n"));
        assert(strstr(run.out_text, "{\"kind\":\"link\",\"state\":\"resumed\",\"time_ns\":"));
        assert(n_lines(run.err_text) == 4);
        assert(strncmp(run.err_text, "taskbroker: The broker closed the connection; trying again.\n", 60) == 0);
        assert(strstr(run.err_text, "the stream goes on where it was.\n"));

        free(script.data);
}

/* As text, the changes of the connection are lines of the stream. Nothing was lost, so --strict does not end it. */
static void test_resumed_text(void) {
        Bytes script = bytes_new();

        begin(verb_watch, "watch -n 4 --strict");
        serve_subscribed();
        add_execs(&script, 3, 0);
        send_script(&script);
        wait_for(&run.out, run.out_text, " 3 ");
        serve_resumed(4);
        script.n = 0;
        add_execs_from(&script, 4, 4, 0);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 1 + 4 + 2);
        assert(strstr(run.out_text, " LINK     *** The broker closed the connection; trying again ***\n"));
        assert(strstr(run.out_text, " LINK     *** Connected again after "));

        free(script.data);
}

/* If -e leaves out losses, the changes of the connection are on standard error only. */
static void test_resumed_without_losses(void) {
        Bytes script = bytes_new();

        begin(verb_watch, "watch --json -n 4 -e exec");
        serve_subscribed();
        add_execs(&script, 3, 0);
        send_script(&script);
        wait_for(&run.out, run.out_text, "\"pid\":3,");
        serve_resumed(4);
        script.n = 0;
        add_execs_from(&script, 4, 4, 0);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 4 && n_lines(run.err_text) == 2);

        free(script.data);
}

/* The broker no longer has the feed: events since the connection was lost are missing. */
static void test_restarted(void) {
        Bytes script = bytes_new();

        add_snapshot(&script, 2, 0);
        add_execs(&script, 3, 0);
        begin(verb_watch, "watch --json --snapshot -n 4 -t 1000");
        serve_subscribed();
        send_script(&script);
        wait_for(&run.out, run.out_text, "\"kind\":\"exec\",\"time_ns\":5,\"number\":3,");
        serve();
        assert(run.request->subscribe->resume && run.request->subscribe->snapshot);
        send_error(TASKBROKER__V1__ERROR_CODE__ERROR_CODE_RESUME_IMPOSSIBLE, "That feed is gone.");
        receive_request();
        assert(!run.request->subscribe->resume && run.request->subscribe->snapshot);
        answer_subscribed(1, false);
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 3 + 3 + 2 + 3 + 1);
        assert(strstr(run.out_text, "{\"kind\":\"link\",\"state\":\"restarted\","));
        assert(strstr(run.err_text, ": what happened in between is not known"));

        begin(verb_watch, "watch --json --strict");
        serve_subscribed();
        script.n = 0;
        add_execs(&script, 1, 0);
        send_script(&script);
        wait_for(&run.out, run.out_text, "\"number\":1,");
        serve();
        send_error(TASKBROKER__V1__ERROR_CODE__ERROR_CODE_RESUME_IMPOSSIBLE, "That feed is gone.");
        receive_request();
        answer_subscribed(1, false);
        assert(finish() == EXIT_STATUS_LOSS);
        assert(strstr(run.out_text, "\"state\":\"restarted\""));
        assert(strstr(run.err_text, "as --strict asks"));

        /* The new subscription is refused, for instance because the process at the top of the subtree has gone. */
        begin(verb_watch, "watch --json --tree 3");
        serve_subscribed();
        serve();
        send_error(TASKBROKER__V1__ERROR_CODE__ERROR_CODE_RESUME_IMPOSSIBLE, "That feed is gone.");
        receive_request();
        send_error(TASKBROKER__V1__ERROR_CODE__ERROR_CODE_BAD_VALUE, "There is no process 3.");
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strstr(run.err_text, "There is no process 3."));

        free(script.data);
}

static void hide_broker(bool hidden) {
        char path[sizeof(address.sun_path) + 8];

        snprintf(path, sizeof(path), "%s-away", address.sun_path);
        assert(rename(hidden ? address.sun_path : path, hidden ? path : address.sun_path) == 0);
}

/* The verb ends while there is no broker: by a signal, or by -t. */
static void test_away(void) {
        static const struct {
                const char *arguments;
                int signal;
                int status;
        } cases[] = {
                { "watch --json", SIGTERM, EXIT_STATUS_OK },
                { "watch --json", SIGINT, EXIT_STATUS_OK },
                { "watch --json --strict", SIGTERM, EXIT_STATUS_LOSS },
                { "watch --json -t 0.2", 0, EXIT_STATUS_ERROR },
                { "watch --json -t 0.2 --strict", 0, EXIT_STATUS_LOSS },
        };

        for (size_t i = 0; i < N(cases); ++i) {
                begin(verb_watch, cases[i].arguments);
                serve();

                /* The stopped child reads the answer, which starts the time of -t, after the connection has gone. */
                assert(kill(run.pid, SIGSTOP) == 0);
                answer_subscribed(1, false);
                hide_broker(true);
                hang_up();
                assert(kill(run.pid, SIGCONT) == 0);
                wait_for(&run.out, run.out_text, "\"lost\"");
                if (cases[i].signal)
                        assert(kill(run.pid, cases[i].signal) == 0);
                assert(finish() == cases[i].status);
                assert(!strstr(run.err_text, "has not come back") == (cases[i].status == EXIT_STATUS_OK));
                hide_broker(false);
        }

        /* If the reader of the output has gone, the verb does not wait for the broker. */
        begin(verb_watch, "watch --json");
        serve_subscribed();
        hide_broker(true);
        hang_up();
        wait_for(&run.out, run.out_text, "\"lost\"");
        close(run.out);
        run.out = -1;
        assert(finish() == EXIT_STATUS_OK);
        hide_broker(false);
}

static void test_strict(void) {
        Bytes script = bytes_new();

        add_execs(&script, 10, 3);
        begin(verb_watch, "watch --json --strict");
        serve_subscribed();
        assert(run.request->subscribe->strict);
        send_script(&script);
        assert(finish() == EXIT_STATUS_LOSS);
        assert(n_lines(run.out_text) == 3);
        assert(strstr(run.err_text, "12 events or records were lost"));

        /* --strict also holds if -e leaves out losses, and if the broker ends the subscription. */
        begin(verb_watch, "watch --json --strict -e exec");
        serve_subscribed();
        send_script(&script);
        assert(finish() == EXIT_STATUS_LOSS);
        assert(n_lines(run.out_text) == 2);

        begin(verb_watch, "watch --json --strict");
        serve_subscribed();
        script.n = 0;
        bytes_add_error(&script, TASKBROKER__V1__ERROR_CODE__ERROR_CODE_FELL_BEHIND, "You lost 12 events.", true);
        send_script(&script);
        assert(finish() == EXIT_STATUS_LOSS);
        assert(strstr(run.err_text, "You lost 12 events."));

        free(script.data);
}

static void test_loss_left_out(void) {
        Bytes script = bytes_new();

        add_execs(&script, 10, 3);
        begin(verb_watch, "watch -e exec,sid -n 9");
        serve_subscribed();
        send_script(&script);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 10 && !strstr(run.out_text, "LOSS"));
        assert(strcmp(run.err_text, "taskbroker: There were 1 losses, which -e left out.\n") == 0);

        free(script.data);
}

/* If the reader of the output has gone, the verb ends without a message, also while no event comes. */
static void test_closed_pipe(void) {
        Bytes script = bytes_new();

        begin(verb_watch, "watch");
        serve_subscribed();
        close(run.out);
        run.out = -1;
        assert(finish() == EXIT_STATUS_OK);
        assert(strcmp(run.err_text, "") == 0);

        add_execs(&script, 3000, 0);
        begin(verb_watch, "watch --json");
        serve_subscribed();
        assert(kill(run.pid, SIGSTOP) == 0);
        send_script(&script);
        close(run.out);
        run.out = -1;
        assert(kill(run.pid, SIGCONT) == 0);
        assert(finish() == EXIT_STATUS_OK);
        assert(strcmp(run.err_text, "") == 0);

        free(script.data);
}

/* Waits until at most 4096 bytes of the pipe are free. */
static void wait_until_full(int fd) {
        int n = 0;

        while (n < 64 * 1024 - 4096) {
                assert(poll(NULL, 0, 5) == 0);
                assert(ioctl(fd, FIONREAD, &n) == 0);
        }
}

static void test_signals(void) {
        Bytes script = bytes_new();

        /* Every event that was received is written. */
        add_execs(&script, 5, 0);
        begin(verb_watch, "watch --json");
        serve_subscribed();
        send_script(&script);
        while (n_lines(run.out_text) < 5)
                assert(read_some(&run.out, run.out_text));
        assert(kill(run.pid, SIGTERM) == 0);
        assert(finish() == EXIT_STATUS_OK);
        assert(n_lines(run.out_text) == 5 && strcmp(run.err_text, "") == 0);

        /* The verb ends although its reader takes nothing, and says so. */
        script.n = 0;
        add_execs(&script, 3000, 0);
        begin(verb_watch, "watch --json");
        serve_subscribed();
        send_script(&script);
        wait_until_full(run.out);
        assert(kill(run.pid, SIGINT) == 0);
        assert(poll(&(struct pollfd){ .fd = run.err, .events = POLLIN }, 1, 5000) == 1);
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strstr(run.err_text, "takes nothing"));
        assert(n_lines(run.out_text) > 100 && n_lines(run.out_text) < 3000);

        free(script.data);
}

static void test_usage(void) {
        static const struct {
                const char *arguments;
                const char *text;
        } cases[] = {
                { "watch -n 0", "-n 0: a count" },
                { "watch -n -1", "-n -1: a count" },
                { "watch -n 1x", "-n 1x: a count" },
                { "watch -n", "-n: its value is missing" },
                { "watch -t 0", "-t 0: a time" },
                { "watch -t 1s", "-t 1s: a time" },
                { "watch -e fork,birth", "\"birth\" is not a kind" },
                { "watch --pid 0", "--pid 0: a process id" },
                { "watch --pid 4194305", "--pid 4194305: a process id" },
                { "watch --uid no_such_user_here", "taskbroker: no_such_user_here: there is no such user" },
                { "watch --uid", "--uid: its value is missing" },
                { "watch --comm=", "the pattern is empty" },
                { "watch --tree init", "--tree init: a process id" },
                { "watch --cpu 3-1", "--cpu 3-1: processors are a list" },
                { "watch --cpu 1 --cpu 2", "--cpu: it can be given once" },
                { "watch --cgroup ssh.service", "--cgroup ssh.service: the path of a control group begins with /" },
                { "watch --nonzero=1", "--nonzero" },
                { "watch --args=1", "--args" },
                { "watch --nonsense", "--nonsense: there is no such option" },
                { "watch -q", "-q: there is no such option" },
                { "watch --json=1", "--json" },
                { "watch --threads -qx", "-q: there is no such option" },
                { "watch -n 1 --json=1", "--json=1: there is no such option" },
                { "watch here", "here: watch takes options only" },
        };

        for (size_t i = 0; i < N(cases); ++i) {
                begin(verb_watch, cases[i].arguments);
                assert(finish() == EXIT_STATUS_USAGE);
                if (!strstr(run.err_text, cases[i].text))
                        fprintf(stderr, "%s: %s\n", cases[i].arguments, run.err_text);
                assert(strstr(run.err_text, cases[i].text));
                assert(strstr(run.err_text, "Try 'taskbroker watch --help'."));
                assert(strcmp(run.out_text, "") == 0);
        }

        begin(verb_watch, "watch --help");
        assert(finish() == EXIT_STATUS_OK);
        assert(strstr(run.out_text, "--strict"));
        begin(verb_watch, "watch --socket /nonexistent/socket");
        assert(finish() == EXIT_STATUS_ERROR);
        assert(strstr(run.err_text, "No broker listens on /nonexistent/socket"));
}

int main(void) {
        listen_for_verbs();
        test_count();
        test_filter();
        test_snapshot();
        test_time();
        test_end();
        test_resumed();
        test_resumed_text();
        test_resumed_without_losses();
        test_restarted();
        test_away();
        test_strict();
        test_loss_left_out();
        test_closed_pipe();
        test_signals();
        test_usage();
        remove_socket();
        return 0;
}
