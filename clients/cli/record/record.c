/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker record: writes every process into a database.
 *
 * Owns the loop. Messages go to record_events.c, transactions to record_write.c. A
 * transaction has the place in the stream, so that a recorder that was killed goes on where
 * its last transaction ended. While the disk is full nothing is read from the broker: it
 * keeps the events, and counts those that it cannot keep.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/signals.h"
#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/db/db_file.h"
#include "clients/cli/record/record_events.h"
#include "clients/cli/record/record_load.h"
#include "clients/cli/record/record_options.h"
#include "clients/cli/record/record_prune.h"
#include "clients/cli/record/record_write.h"
#include "clients/cli/verbs.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S (1000 * NS_PER_MS)

/* The broker may hold events back so long. Nobody reads them before they are committed. */
#define RECORD_DELAY_MS 500u

/* A transaction has the events of so long, or so many. */
#define RECORD_COMMIT_NS NS_PER_S
#define RECORD_COMMIT_EVENTS 10000u

/* Without events, the time up to which all is recorded is written so often. */
#define RECORD_IDLE_NS (10 * NS_PER_S)

/* Events up to so long ago have arrived, if the connection is up. */
#define RECORD_LAG_NS ((RECORD_DELAY_MS + 500) * NS_PER_MS)

typedef struct Recorder Recorder;

struct Recorder {
        RecordOptions options;
        char path[DB_PATH_MAX];
        struct tb_client *client;
        Answer answer;
        RecordWriter writer;
        RecordTable table;
        RecordPrune prune;
        uint64_t subscribe_id;
        bool resuming;                  /* the subscription goes on from the database's place */
        bool subscribed;
        bool complete;                  /* the table has all processes: the snapshot was read */
        uint32_t snapshot;              /* number of the present snapshot */
        const char *hole;               /* the reason of a hole that this snapshot ends; NULL: no hole */
        RecordStream before;            /* the stream before the hole */
        bool waiting;                   /* the database cannot be written now */
        uint64_t n_events;              /* since the last transaction */
        uint64_t commit_at;             /* the time of the next transaction */
        uint64_t now;
};

/* The number of tasks that the kernel has created since the boot; 0: not known. */
static uint64_t recorder_forks(void) {
        unsigned long long forks = 0;
        char line[256];
        FILE *file = fopen("/proc/stat", "re");

        if (!file)
                return 0;
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "processes %llu", &forks) == 1)
                        break;
        fclose(file);

        return forks;
}

static int recorder_fail(const Recorder *recorder) {
        error_print("%s", db_error(&recorder->writer.db));
        return EXIT_STATUS_ERROR;
}

static int recorder_result(const Recorder *recorder, int r) {
        if (r >= 0)
                return VERB_CONTINUE;
        if (r == -ENOMEM) {
                error_print("There is too little memory for the processes of this machine.");
                return EXIT_STATUS_ERROR;
        }

        return recorder_fail(recorder);
}

/* The database cannot be written now. Other failures end the recorder. */
static int recorder_wait_for_room(Recorder *recorder, int r) {
        if (r != -ENOSPC && r != -EBUSY)
                return recorder_fail(recorder);
        if (!recorder->waiting)
                error_print("%s Recording waits; the broker keeps the events as long as it can, "
                            "and counts those that it cannot keep.",
                            db_error(&recorder->writer.db));
        recorder->waiting = true;
        recorder->commit_at = recorder->now + RECORD_COMMIT_NS;

        return VERB_CONTINUE;
}

/* Makes a transaction. Before the snapshot is complete there is no place from which a later recorder could go on. */
static int recorder_commit(Recorder *recorder, bool up) {
        RecordStream *stream = &recorder->writer.stream;
        uint64_t n_rows = recorder->n_events, reached = record_writer_now(&recorder->writer) - RECORD_LAG_NS;
        int r;

        recorder->commit_at = recorder->now + RECORD_IDLE_NS;
        if (!recorder->complete)
                return VERB_CONTINUE;
        if (up && !recorder->waiting && reached > stream->end_ns)
                stream->end_ns = reached;
        stream->forks = recorder_forks();
        r = record_writer_write(&recorder->writer, &recorder->table);
        if (r < 0)
                return recorder_wait_for_room(recorder, r);
        if (recorder->waiting)
                error_print("%s can be written again: recording goes on.", recorder->path);
        recorder->waiting = false;
        recorder->n_events = 0;
        r = record_prune(&recorder->prune, &recorder->writer, n_rows);

        return r < 0 ? recorder_wait_for_room(recorder, r) : VERB_CONTINUE;
}

/* Something is to be written: at the latest in a second, or at once if it is much. */
static int recorder_changed(Recorder *recorder) {
        if (recorder->n_events++ == 0)
                recorder->commit_at = recorder->now + RECORD_COMMIT_NS;
        if (recorder->n_events < RECORD_COMMIT_EVENTS && recorder->writer.n_losses < RECORD_LOSSES_MAX / 2)
                return VERB_CONTINUE;

        return recorder_commit(recorder, false);
}

static int recorder_subscribe(Recorder *recorder) {
        const RecordStream *stream = &recorder->writer.stream;
        const struct tb_place place = {
                .epoch = stream->epoch,
                .feed = stream->feed,
                .next_number = stream->next_number,
        };
        struct tb_subscription subscription = {
                .kinds = TB_KINDS_DEFAULT | TB_KIND_BIT(TB_KIND_COMM) | TB_KIND_BIT(TB_KIND_UID),
                .max_delay_ms = RECORD_DELAY_MS,
                .snapshot = true,
                .programs = true,
                .resume = recorder->resuming ? &place : NULL,
        };

        if (tb_subscribe(recorder->client, &subscription, &recorder->subscribe_id) < 0) {
                error_print("%s", tb_error_text(recorder->client));
                return EXIT_STATUS_ERROR;
        }

        return VERB_CONTINUE;
}

static void recorder_begin_hole(Recorder *recorder, const char *reason) {
        if (!recorder->writer.stream.id || recorder->hole)
                return;
        recorder->hole = reason;
        recorder->before = recorder->writer.stream;
}

static int recorder_refused(Recorder *recorder, const struct tb_message *message) {
        const struct tb_welcome *welcome = tb_client_welcome(recorder->client);

        if (message->request_id != recorder->subscribe_id || !recorder->resuming || message->error->closing ||
            (message->error->code != TB_ERROR_RESUME_IMPOSSIBLE && message->error->code != TB_ERROR_BAD_VALUE)) {
                connection_print_error(message->error);
                return EXIT_STATUS_ERROR;
        }
        recorder->resuming = false;
        recorder_begin_hole(recorder, welcome && welcome->epoch == recorder->writer.stream.epoch ? "not recording"
                                                                                                 : "broker restarted");
        return recorder_subscribe(recorder);
}

static int recorder_subscribed(Recorder *recorder, const struct tb_subscribed *subscribed) {
        const struct tb_welcome *welcome = tb_client_welcome(recorder->client);

        answer_end(&recorder->answer);
        if (!recorder->subscribed)
                error_print("Recording into %s.", recorder->path);
        recorder->subscribed = true;
        record_writer_begin_stream(&recorder->writer, welcome, subscribed);
        recorder->complete = subscribed->resumed;
        if (!subscribed->resumed)
                ++recorder->snapshot;

        return VERB_CONTINUE;
}

static int recorder_snapshot_end(Recorder *recorder, const struct tb_snapshot_end *end) {
        uint64_t time_ns = record_writer_time(&recorder->writer, end->time_ns), forks = recorder_forks();
        RecordLoss counts = { 0 }, *loss;

        record_events_end_snapshot(&recorder->table, recorder->snapshot, time_ns, &counts);
        recorder->complete = true;
        if (recorder->hole) {
                loss = record_writer_add_loss(&recorder->writer);
                *loss = counts;
                loss->source = "recorder";
                loss->reason = recorder->hole;
                loss->missing = "possible";
                loss->since_ns = recorder->before.end_ns;
                loss->time_ns = time_ns;
                loss->hole = true;
                loss->forks_known = forks && recorder->before.forks;
                loss->forks_at_most = forks - recorder->before.forks;
        }
        recorder->hole = NULL;

        return recorder_commit(recorder, true);
}

static int recorder_link(Recorder *recorder, const struct tb_link *link) {
        char text[CONNECTION_TEXT_MAX];

        if (!recorder->subscribed) {
                error_print("%s", link->reason);
                return EXIT_STATUS_ERROR;
        }
        error_print("%s.", connection_describe(text, link, clock_now_time_ns()));
        if (link->state == TB_LINK_RESTARTED) {
                const struct tb_welcome *welcome = tb_client_welcome(recorder->client);

                recorder_begin_hole(recorder, welcome->epoch == recorder->writer.stream.epoch ? "stream given up"
                                                                                              : "broker restarted");
        }

        return link->state == TB_LINK_LOST ? recorder_commit(recorder, false) : VERB_CONTINUE;
}

static int recorder_message(Recorder *recorder, const struct tb_message *message) {
        int r;

        switch (message->type) {
        case TB_MESSAGE_WELCOME:
                record_writer_set_welcome(&recorder->writer, message->welcome);
                return VERB_CONTINUE;
        case TB_MESSAGE_SUBSCRIBED:
                return recorder_subscribed(recorder, message->subscribed);
        case TB_MESSAGE_TASK:
                r = record_events_add_task(&recorder->writer, &recorder->table, message->task, recorder->snapshot);
                break;
        case TB_MESSAGE_SNAPSHOT_END:
                return recorder_snapshot_end(recorder, message->snapshot_end);
        case TB_MESSAGE_EVENT:
                r = record_events_add(&recorder->writer, &recorder->table, message->event);
                break;
        case TB_MESSAGE_ERROR:
                return recorder_refused(recorder, message);
        case TB_MESSAGE_LINK:
                return recorder_link(recorder, message->link);
        default:
                return VERB_CONTINUE;
        }
        r = recorder_result(recorder, r);

        return r == VERB_CONTINUE ? recorder_changed(recorder) : r;
}

static int recorder_process(Recorder *recorder) {
        const struct tb_message *message;
        int r, r_process, r_recorder;

        r_process = tb_process(recorder->client);
        while (!recorder->waiting && (r = connection_next(recorder->client, &message)) != 0) {
                r_recorder = r < 0 ? EXIT_STATUS_ERROR : recorder_message(recorder, message);
                if (r < 0)
                        error_print("%s", tb_error_text(recorder->client));
                if (r_recorder != VERB_CONTINUE)
                        return r_recorder;
        }
        if (r_process < 0 && !recorder->waiting) {
                error_print("%s", tb_error_text(recorder->client));
                return EXIT_STATUS_ERROR;
        }

        return VERB_CONTINUE;
}

static int recorder_wait(Recorder *recorder) {
        struct pollfd pfd = { .fd = tb_fd(recorder->client), .events = tb_poll_events(recorder->client) };
        uint64_t deadline = recorder->subscribed ? recorder->commit_at : recorder->answer.next;
        int r;

        r = signals_poll(&pfd, recorder->waiting ? 0 : 1, deadline, recorder->now);
        if (r < 0 && r != -EINTR) {
                error_print("Cannot wait for the broker: %s.", strerror(-r));
                return EXIT_STATUS_ERROR;
        }
        recorder->now = clock_now_ns();

        return VERB_CONTINUE;
}

/* A signal came: what is at hand is written. */
static int recorder_end(Recorder *recorder) {
        char count[FORMAT_MAX];
        int r;

        if (!recorder->complete)
                return EXIT_STATUS_OK;
        r = record_writer_write(&recorder->writer, &recorder->table);
        if (r < 0) {
                error_print("%s What came since the last transaction was not written: a recorder that starts soon "
                            "gets it from the broker again.",
                            db_error(&recorder->writer.db));
                return EXIT_STATUS_ERROR;
        }
        error_print("%s processes that ended were recorded.", format_count(count, recorder->writer.n_written));

        return EXIT_STATUS_OK;
}

static int recorder_loop(Recorder *recorder) {
        int r;

        for (;;) {
                recorder->now = clock_now_ns();
                r = recorder_wait(recorder);
                if (r == VERB_CONTINUE && signals_caught())
                        return recorder_end(recorder);
                if (r == VERB_CONTINUE && !recorder->waiting)
                        r = recorder_process(recorder);
                if (r == VERB_CONTINUE && recorder->subscribed && recorder->now >= recorder->commit_at)
                        r = recorder_commit(recorder, true);
                if (r != VERB_CONTINUE)
                        return r;
                if (!recorder->subscribed && answer_over(&recorder->answer))
                        return EXIT_STATUS_ERROR;
        }
}

static int recorder_begin(Recorder *recorder) {
        int r;

        record_table_init(&recorder->table);
        r = record_writer_open(&recorder->writer, recorder->path);
        if (r == 0)
                r = record_load(&recorder->writer, &recorder->table);
        if (r < 0)
                return recorder_fail(recorder);
        recorder->prune.keep_ns = recorder->options.keep_ns;
        recorder->prune.max_bytes = recorder->options.max_bytes;
        recorder->resuming = recorder->writer.stream.id != 0;

        if (connection_open(recorder->options.socket_path, "record", &recorder->client) < 0)
                return EXIT_STATUS_ERROR;
        if (tb_set_reconnect(recorder->client) < 0) {
                error_print("%s", tb_error_text(recorder->client));
                return EXIT_STATUS_ERROR;
        }
        answer_begin(&recorder->answer, recorder->options.socket_path);

        return recorder_subscribe(recorder);
}

int verb_record(const char *socket_path, int argc, char **argv) {
        static Recorder recorder;
        int r;

        recorder.options.socket_path = socket_path;
        r = record_options_read(&recorder.options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;
        if (recorder.options.db_path)
                snprintf(recorder.path, sizeof(recorder.path), "%s", recorder.options.db_path);
        else
                db_file_default(recorder.path, true);

        signals_catch();
        r = recorder_begin(&recorder);
        if (r == VERB_CONTINUE)
                r = recorder_loop(&recorder);

        tb_close(recorder.client);
        record_table_deinit(&recorder.table);
        record_writer_close(&recorder.writer);
        return r;
}
