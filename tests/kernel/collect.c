/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A subscriber that writes down the events that it gets, fast enough for a storm:
 *
 *         collect --socket PATH --output FILE [--until NAME] [--kinds MASK]
 *                 [--threads] [--strict] [--delay MS]
 *
 * Says "ready" on standard output when it is subscribed. Ends when a process
 * called NAME has ended, or on SIGTERM: with 0. Ends with 3 when the broker sent
 * an error, after the line "error CODE LOST CLOSING"; with 1 when the connection
 * broke. The file is complete in each case.
 *
 * It uses the C library as any program would.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "taskbroker/taskbroker.h"
#include "tests/kernel/truth.h"

typedef struct Collect {
        FILE *output;
        const char *until;
        bool done;
        int code;
} Collect;

static volatile sig_atomic_t stop;

static void stop_handle(int signal_number) {
        (void)signal_number;
        stop = 1;
}

static uint32_t wait_status(const struct tb_termination *t) {
        return (t->exit_code << 8) | t->term_signal | (t->core_dumped ? 0x80 : 0);
}

static void exit_fill(struct CollectRecord *record, const struct tb_event *event) {
        const struct tb_task_stats *stats = event->exit.stats, *total = event->exit.process_stats;

        if (event->exit.termination.known) {
                record->flags |= COLLECT_TERMINATION;
                record->status = wait_status(&event->exit.termination);
        }
        if (event->exit.process_termination.known) {
                record->flags |= COLLECT_PROCESS_TERMINATION;
                record->process_status = wait_status(&event->exit.process_termination);
        }
        if (event->exit.process_ended)
                record->flags |= COLLECT_PROCESS_ENDED;
        record->stats_missing = event->exit.stats_missing;
        if (stats) {
                record->flags |= COLLECT_STATS;
                record->cpu_ns = stats->cpu.cpu_run_virtual_total_ns;
                record->stats_pid = stats->identity.ac_pid;
                record->stats_status = stats->exit_status.ac_exitcode;
                /* the record of a task that the broker never met still has the name */
                if (!record->comm[0])
                        memcpy(record->comm, stats->identity.ac_comm, sizeof(record->comm));
        }
        /* where a process had one task, the library hands out that one's for both */
        if (total && total != stats) {
                record->flags |= COLLECT_PROCESS_STATS;
                record->process_cpu_ns = total->cpu.cpu_run_virtual_total_ns;
                record->tasks = total->tasks;
                record->tasks_missing = total->tasks_missing;
        }
}

static void event_write(Collect *collect, const struct tb_event *event) {
        struct CollectRecord record = {
                .number = event->number,
                .time_ns = event->time_ns,
                .realtime_offset_ns = event->realtime_offset_ns,
                .start_time_ns = event->start_time_ns,
                .kind = event->kind,
                .cpu = event->cpu,
                .pid = event->pid,
                .tid = event->tid,
                .ppid = event->ppid,
                .uid = event->uid,
                .flags = (event->task_unknown ? COLLECT_TASK_UNKNOWN : 0u) |
                         (event->synthesised ? COLLECT_SYNTHESISED : 0u),
        };

        memcpy(record.comm, event->comm, sizeof(record.comm));
        switch (event->kind) {
        case TB_KIND_FORK:
                record.parent_pid = event->fork.parent_pid;
                break;
        case TB_KIND_EXIT:
                exit_fill(&record, event);
                break;
        case TB_KIND_UID:
        case TB_KIND_GID:
                record.detail = event->credentials.real_id;
                break;
        case TB_KIND_PTRACE:
                record.detail = event->ptrace.tracer_pid;
                break;
        case TB_KIND_LOSS:
                record.loss_count = event->loss.count;
                record.loss_source = event->loss.source;
                record.loss_reason = event->loss.reason;
                record.flags |= (event->loss.at_least ? COLLECT_AT_LEAST : 0u) |
                                (event->loss.cpu_known ? COLLECT_CPU_KNOWN : 0u);
                break;
        default:
                break;
        }
        if (fwrite(&record, sizeof(record), 1, collect->output) != 1) {
                perror("collect: cannot write");
                exit(1);
        }
        if (collect->until && record.flags & COLLECT_PROCESS_ENDED && !strncmp(record.comm, collect->until, 15))
                collect->done = true;
}

static void message_handle(Collect *collect, const struct tb_message *message) {
        switch (message->type) {
        case TB_MESSAGE_SUBSCRIBED:
                puts("ready");
                fflush(stdout);
                break;
        case TB_MESSAGE_EVENT:
                event_write(collect, message->event);
                break;
        case TB_MESSAGE_ERROR:
                printf("error %d %llu %d\n", (int)message->error->code, (unsigned long long)message->error->lost,
                       message->error->closing);
                fprintf(stderr, "collect: %s\n", message->error->message);
                collect->code = 3;
                collect->done = true;
                break;
        default:
                break;
        }
}

static int collect_run(Collect *collect, struct tb_client *client) {
        const struct tb_message *message;
        int r = 0;

        while (r >= 0 && !collect->done && !stop) {
                struct pollfd pfd = { .fd = tb_fd(client), .events = tb_poll_events(client) };

                if (poll(&pfd, 1, 1000) < 0 && errno != EINTR)
                        return -errno;
                r = tb_process(client);
                while (!collect->done && tb_next(client, &message) > 0)
                        message_handle(collect, message);
        }
        return collect->done || stop ? 0 : r;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "socket", required_argument, NULL, 's' },
                { "output", required_argument, NULL, 'o' },
                { "until", required_argument, NULL, 'u' },
                { "kinds", required_argument, NULL, 'k' },
                { "delay", required_argument, NULL, 'd' },
                { "threads", no_argument, NULL, 't' },
                { "strict", no_argument, NULL, 'x' },
                { 0 },
        };
        struct sigaction action = { .sa_handler = stop_handle };
        struct tb_subscription subscription = {};
        struct tb_client *client = NULL;
        Collect collect = {};
        const char *path = NULL, *output = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 's': path = optarg; break;
                case 'o': output = optarg; break;
                case 'u': collect.until = optarg; break;
                case 'k': subscription.kinds = (uint32_t)atoi(optarg); break;
                case 'd': subscription.max_delay_ms = (uint32_t)atoi(optarg); break;
                case 't': subscription.threads = true; break;
                case 'x': subscription.strict = true; break;
                default: return 2;
                }
        }
        if (!path || !output) {
                fprintf(stderr, "usage: collect --socket PATH --output FILE [--until NAME] [--kinds MASK] [--threads]"
                                " [--strict] [--delay MS]\n");
                return 2;
        }
        sigaction(SIGTERM, &action, NULL);

        collect.output = fopen(output, "wb");
        if (!collect.output) {
                perror(output);
                return 1;
        }
        setvbuf(collect.output, NULL, _IOFBF, 1 << 20);

        r = tb_connect(path, &client);
        if (r >= 0)
                r = tb_subscribe(client, &subscription, NULL);
        if (r >= 0)
                r = collect_run(&collect, client);
        if (r < 0) {
                fprintf(stderr, "collect: %s: %s\n", strerror(-r), client ? tb_error_text(client) : "");
                collect.code = 1;
        }
        client = tb_close(client);
        if (fclose(collect.output)) {
                perror(output);
                return 1;
        }
        return collect.code;
}
