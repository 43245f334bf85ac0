/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker stats: what processes, or their threads, have used up to now.
 *
 * One request for processes; for threads as many as needed, with the thread ids from a
 * snapshot of the broker.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/format.h"
#include "clients/cli/base/option.h"
#include "clients/cli/base/option_set.h"
#include "clients/cli/base/output.h"
#include "clients/cli/base/text.h"
#include "clients/cli/base/users.h"
#include "clients/cli/connect/answer.h"
#include "clients/cli/connect/connection.h"
#include "clients/cli/json/json.h"
#include "clients/cli/text/stats_lines.h"
#include "clients/cli/verbs.h"

/* PID_MAX_LIMIT of the kernel. */
#define PID_MAX 4194304u

typedef struct Stats Stats;

struct Stats {
        struct tb_client *client;
        const char *socket_path;
        Output output;
        Users users;
        bool threads;
        bool json;

        uint32_t pids[TB_FILTER_PIDS_MAX];
        size_t n_pids;
        uint32_t *tids; /* with threads: the threads of these processes */
        uint64_t *starts; /* with tids, their identities */
        size_t n_tids, n_tids_max;

        bool done;      /* the answer is complete */
        bool missing;   /* a process does not exist, or its statistics were lost */
        int r;          /* the first error of the output */
};

static struct json_object *stats_object(const struct tb_task_sample *sample) {
        struct json_object *object = json_object_new_object();

        json_add_known(object, "pid", sample->pid, sample->pid != 0);
        json_add_known(object, "tid", sample->tid, sample->tid != 0);
        json_add_bool(object, "gone", sample->gone);
        if (sample->gone)
                return object;

        json_add_known(object, "ppid", sample->parent.pid, sample->parent.known);
        json_add_known(object, "uid", sample->uid, sample->uid != 0 || !sample->task_unknown);
        if (sample->comm[0] || !sample->task_unknown)
                json_add_text(object, "comm", sample->comm);
        else
                json_add(object, "comm", NULL);
        if (sample->comm_stale)
                json_add_bool(object, "comm_stale", true);
        json_add_start(object, sample->tid, sample->start_time_ns, sample->start_boot_ns);
        json_add_relatives(object, &sample->maker, &sample->parent);
        json_add_session(object, &sample->session_leader);
        json_add_number(object, "time_ns", sample->time_ns);
        json_add_known(object, "tasks", sample->tasks, sample->tasks != 0);
        json_add_flag(object, "kernel_thread", sample->kernel_thread, !sample->task_unknown);
        json_add(object, "stats", sample->stats ? json_task_stats(sample->stats) : NULL);
        if (sample->lost)
                json_add_text(object, "stats_missing", "answer_lost");

        return object;
}

static void stats_write_head(Users *users, const struct tb_task_sample *sample, bool thread, FILE *stream) {
        char name[TEXT_NAME_MAX], date[FORMAT_MAX];

        text_name(name, sizeof(name), sample->comm, sample->comm_stale);
        if (thread)
                fprintf(stream, "thread %" PRIu32 " of process %" PRIu32, sample->tid, sample->pid);
        else
                fprintf(stream, "process %" PRIu32, sample->pid);
        fprintf(stream, ": %s, of %s", *name || !sample->task_unknown ? name : "-",
                sample->uid || !sample->task_unknown ? users_name(users, sample->uid) : "-");
        if (sample->tasks > 1)
                fprintf(stream, ", %" PRIu32 " threads", sample->tasks);
        if (sample->start_time_ns)
                fprintf(stream, ", since %s", format_date(date, sample->start_time_ns));
        fputc('\n', stream);
        if (sample->stats->tasks_missing)
                fprintf(stream,
                        "  At least: the statistics of %" PRIu32 " of its threads were lost.\n",
                        sample->stats->tasks_missing);
        if (sample->stats->tasks_unseen)
                fputs("  At least: the broker has not seen all its threads.\n", stream);
}

static void stats_write_line(const StatsLine *stat, FILE *stream) {
        if (stat->heading && *stat->note)
                fprintf(stream, "  %s: %s\n", stat->heading, stat->note);
        else if (stat->heading)
                fprintf(stream, "  %s\n", stat->heading);
        else if (*stat->note)
                fprintf(stream, "    %-28s %s (%s)\n", stat->name, stat->value, stat->note);
        else
                fprintf(stream, "    %-28s %s\n", stat->name, stat->value);
}

static int stats_write_text(Stats *stats, const struct tb_task_sample *sample) {
        StatsLine lines[STATS_LINES_MAX];
        char *text = NULL;
        size_t n_text = 0, n;
        FILE *stream;
        int r;

        stream = open_memstream(&text, &n_text);
        if (!stream)
                return -errno;

        stats_write_head(&stats->users, sample, stats->threads, stream);
        n = stats_lines(sample->stats, NULL, false, lines);
        for (size_t i = 0; i < n; ++i)
                stats_write_line(lines + i, stream);
        fputc('\n', stream);

        r = fclose(stream) < 0 ? -errno : output_write(&stats->output, text, n_text);
        free(text);
        return r;
}

/* Whether an answer is about another thread than the snapshot had: a later owner of the number. */
static bool stats_is_stranger(const Stats *stats, const struct tb_task_sample *sample) {
        for (size_t i = 0; i < stats->n_tids; ++i)
                if (stats->tids[i] == sample->tid)
                        return stats->starts[i] && sample->start_boot_ns && stats->starts[i] != sample->start_boot_ns;

        return false;
}

static void stats_take_sample(Stats *stats, const struct tb_task_sample *answer) {
        const struct tb_task_sample gone = { .tid = answer->tid, .gone = true };
        const struct tb_task_sample *sample = stats_is_stranger(stats, answer) ? &gone : answer;
        int r;

        if (sample->gone) {
                stats->missing = true;
                if (stats->threads)
                        error_print("%" PRIu32 ": there is no such thread any more.", sample->tid);
                else
                        error_print("%" PRIu32 ": there is no such process, or you may not see it.", sample->pid);
        }
        if (!sample->gone && !sample->stats) {
                stats->missing = true;
                error_print("%" PRIu32 ": the answer of the kernel was lost. Ask again.",
                            stats->threads ? sample->tid : sample->pid);
        }
        if (stats->json)
                r = json_write(stats_object(sample), &stats->output);
        else
                r = sample->stats ? stats_write_text(stats, sample) : 0;
        if (stats->r >= 0)
                stats->r = r;
}

static bool stats_asks_for(const Stats *stats, uint32_t pid) {
        for (size_t i = 0; i < stats->n_pids; ++i)
                if (stats->pids[i] == pid)
                        return true;

        return false;
}

static int stats_make_room(Stats *stats) {
        size_t n = stats->n_tids_max ? 2 * stats->n_tids_max : 64;
        uint64_t *starts;
        uint32_t *tids;

        tids = realloc(stats->tids, n * sizeof(*tids));
        if (tids)
                stats->tids = tids;
        starts = realloc(stats->starts, n * sizeof(*starts));
        if (starts)
                stats->starts = starts;
        if (!tids || !starts) {
                error_print("%s.", strerror(ENOMEM));
                return -1;
        }

        stats->n_tids_max = n;
        return 0;
}

/* Keeps the threads of the processes. The snapshot also has their children. */
static int stats_take_task(Stats *stats, const struct tb_task *task) {
        if (!stats_asks_for(stats, task->pid))
                return 0;
        if (stats->n_tids == stats->n_tids_max && stats_make_room(stats) < 0)
                return -1;

        stats->starts[stats->n_tids] = task->start_boot_ns;
        stats->tids[stats->n_tids++] = task->tid;
        return 0;
}

/* Takes messages. Returns 0; -1: the answer will not come, and the reason was printed. */
static int stats_take(Stats *stats) {
        const struct tb_message *message;
        int r;

        while (!stats->done && (r = connection_next(stats->client, &message)) != 0) {
                if (r < 0) {
                        error_print("%s", tb_error_text(stats->client));
                        return -1;
                }
                switch (message->type) {
                case TB_MESSAGE_TASK_SAMPLE:
                        stats_take_sample(stats, message->task_sample);
                        break;
                case TB_MESSAGE_TASK:
                        if (stats_take_task(stats, message->task) < 0)
                                return -1;
                        break;
                case TB_MESSAGE_STATS_END:
                case TB_MESSAGE_SNAPSHOT_END:
                        stats->done = true;
                        break;
                case TB_MESSAGE_ERROR:
                        connection_print_error(message->error);
                        return -1;
                default:
                        break;
                }
        }

        return 0;
}

static int stats_wait_on(Stats *stats, Answer *answer) {
        int r_process;

        for (stats->done = false; !answer_over(answer);) {
                struct pollfd pfd = { .fd = tb_fd(stats->client), .events = tb_poll_events(stats->client) };

                if (poll(&pfd, 1, answer_timeout_ms(answer)) < 0 && errno != EINTR) {
                        error_print("Cannot wait for the broker: %s.", strerror(errno));
                        return -1;
                }
                r_process = tb_process(stats->client);
                if (stats_take(stats) < 0)
                        return -1;
                if (stats->done)
                        return 0;
                if (r_process < 0) {
                        error_print("%s", tb_error_text(stats->client));
                        return -1;
                }
        }

        return -1;
}

/* Waits for the end of the answer. */
static int stats_wait(Stats *stats) {
        Answer answer = { 0 };
        int r;

        answer_begin(&answer, stats->socket_path);
        r = stats_wait_on(stats, &answer);
        answer_end(&answer);

        return r;
}

static int stats_find_threads(Stats *stats) {
        const struct tb_subscription subscription = {
                .kinds = TB_KIND_BIT(TB_KIND_LOSS),
                .threads = true,
                .snapshot = true,
                .filter = { .pids = stats->pids, .n_pids = stats->n_pids },
        };

        if (tb_subscribe(stats->client, &subscription, NULL) < 0) {
                error_print("%s", tb_error_text(stats->client));
                return -1;
        }
        if (stats_wait(stats) < 0)
                return -1;
        if (stats->n_tids == 0) {
                error_print("There is no such process, or you may not see it.");
                return -1;
        }
        return 0;
}

static int stats_ask(Stats *stats, const uint32_t *pids, size_t n_pids, const uint32_t *tids, size_t n_tids) {
        if (tb_request_stats(stats->client, pids, n_pids, tids, n_tids, NULL) < 0) {
                error_print("%s", tb_error_text(stats->client));
                return -1;
        }
        return stats_wait(stats);
}

static int stats_run(Stats *stats) {
        size_t n;
        int r = 0;

        if (!stats->threads)
                return stats_ask(stats, stats->pids, stats->n_pids, NULL, 0);

        r = stats_find_threads(stats);
        for (size_t i = 0; i < stats->n_tids && r == 0; i += n) {
                n = stats->n_tids - i < TB_STATS_MAX ? stats->n_tids - i : TB_STATS_MAX;
                r = stats_ask(stats, NULL, 0, stats->tids + i, n);
        }
        return r;
}

static bool stats_parse_pid(const char *text, uint32_t *ret) {
        uint64_t pid;

        if (!option_read_number(text, 1, PID_MAX, &pid))
                return false;

        *ret = (uint32_t)pid;
        return true;
}

int verb_stats(const char *socket_path, int argc, char **argv) {
        static const Option rows[] = {
                { OPTION_SET_TRUE, 0, "threads", NULL, "their threads, each for itself",
                  .offset = offsetof(Stats, threads) },
                { OPTION_SET_TRUE, 0, "json", NULL, "a JSON object a line, with the names of the protocol",
                  .offset = offsetof(Stats, json) },
                OPTION_SET_ROWS_COMMON(Stats),
        };
        static const OptionSet set = {
                .verb = "stats",
                .rows = rows,
                .n_rows = sizeof(rows) / sizeof(*rows),
                .arguments = true,
                .head = "Usage: taskbroker [--socket PATH] stats [OPTION]... PID...\n"
                        "\n"
                        "Shows what processes have used up to now: the sums of their threads, of those\n"
                        "too that have ended. A missing value has its reason.\n"
                        "\n",
        };
        static Stats stats;
        int r;

        stats.socket_path = socket_path;
        r = option_set_parse(&set, argc, argv, &stats);
        if (r != VERB_CONTINUE)
                return r;
        if (optind == argc)
                return error_usage("stats", "Of which processes? Name their numbers.");
        if (argc - optind > (int)TB_FILTER_PIDS_MAX)
                return error_usage("stats", "At most %u processes at once.", TB_FILTER_PIDS_MAX);
        for (; optind < argc; ++optind)
                if (!stats_parse_pid(argv[optind], &stats.pids[stats.n_pids++]))
                        return error_usage("stats", "%s: not the number of a process.", argv[optind]);

        if (connection_open(stats.socket_path, "stats", &stats.client) < 0)
                return EXIT_STATUS_ERROR;
        output_init(&stats.output, STDOUT_FILENO, NULL);
        r = stats_run(&stats);
        if (stats.r >= 0)
                stats.r = output_flush(&stats.output);
        free(stats.tids);
        free(stats.starts);
        tb_close(stats.client);
        if (stats.r < 0)
                return output_verdict(stats.r);

        return r < 0 || stats.missing ? EXIT_STATUS_ERROR : EXIT_STATUS_OK;
}
