/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel can accept a listener and send nothing: in a container, or while another process
 * keeps the connector silenced. So a child, the canary, is forked and ends at once, and
 * both sources must report it. Each finding is a sentence: what works, what is missing and
 * how to get it. The sentences go to the log or, with --check, to stdout.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "broker/daemon/self_test.h"

/*
 * A loaded machine can take long to run a child, so there are several tries. Between two of
 * them a silenced connector is restored.
 */
#define SELF_TEST_TRIES 3
#define SELF_TEST_TRY_NS ((int64_t)NSEC_PER_SEC)

#define CANARY_STATUS 42

typedef struct Canary Canary;

/* The messages about the child that have come. */
struct Canary {
        uint32_t pid;
        bool fork, exit, record;
};

/**
 * self_test_report() - report a finding
 * @printing:  to stdout instead of the log
 * @good:      the finding is no error
 * @sentence:  the finding, with the remedy if it is an error
 */
void self_test_report(bool printing, bool good, const char *sentence) {
        if (printing)
                printf("%s %s\n", good ? "[ok]     " : "[missing]", sentence);
        else if (good)
                log_info("%s", sentence);
        else
                log_error("%s", sentence);
}

static int report_connector(int r, bool printing) {
        switch (r) {
        case CONNECTOR_E_NO_CONNECTOR:
                self_test_report(printing, false,
                                 "The kernel's proc connector cannot be reached. The kernel must be built with "
                                 "CONFIG_CONNECTOR=y and CONFIG_PROC_EVENTS=y, and taskbrokerd must run in the "
                                 "machine's initial network namespace: in a container, give it the host's network.");
                return SELF_TEST_E_FAILED;
        case CONNECTOR_E_NO_PERMISSION:
                self_test_report(
                        printing, false,
                        "Listening to the proc connector is not permitted. Start taskbrokerd as root, or give it "
                        "CAP_NET_ADMIN.");
                return SELF_TEST_E_FAILED;
        default:
                return error_fold(r);
        }
}

static int report_listener(int r, bool printing) {
        switch (r) {
        case EXIT_LISTENER_E_NO_TASKSTATS:
                self_test_report(
                        printing, false,
                        "The kernel has no taskstats. It must be built with CONFIG_TASKSTATS=y (and, to count "
                        "everything, CONFIG_TASK_DELAY_ACCT=y, CONFIG_TASK_XACCT=y and CONFIG_TASK_IO_ACCOUNTING=y).");
                return SELF_TEST_E_FAILED;
        case EXIT_LISTENER_E_NO_PERMISSION:
                self_test_report(
                        printing, false,
                        "Listening to taskstats is not permitted. Start taskbrokerd as root, or give it "
                        "CAP_NET_ADMIN, in the machine's initial user namespace.");
                return SELF_TEST_E_FAILED;
        case EXIT_LISTENER_E_NAMESPACE:
                self_test_report(
                        printing, false,
                        "The kernel gives taskstats only to the initial pid and user namespaces. Start taskbrokerd "
                        "outside of containers, or in one that shares the host's pid namespace.");
                return SELF_TEST_E_FAILED;
        default:
                return error_fold(r);
        }
}

static int canary_watch(Canary *canary, Connector *connector, ExitListener *listener) {
        ExitRecord record;
        int r;

        r = connector_read(connector, SIZE_MAX);
        if (r)
                return error_trace(r);
        for (size_t i = 0; i < connector->n_events; ++i) {
                const Event *event = &connector->events[i];

                canary->fork |= event->kind == EVENT_FORK && event->pid == canary->pid;
                canary->exit |= event->kind == EVENT_EXIT && event->pid == canary->pid;
        }

        r = exit_listener_receive(listener, SIZE_MAX);
        if (r)
                return error_trace(r);
        while (exit_listener_next(listener, &record) == 0)
                canary->record |= record.tid == canary->pid;
        return 0;
}

static bool canary_is_complete(const Canary *canary, const Connector *connector) {
        return canary->fork && canary->exit && canary->record && !connector->awaiting;
}

static int canary_try(Canary *canary, Connector *connector, ExitListener *listener) {
        int64_t end = clock_read_ns(CLOCK_MONOTONIC) + SELF_TEST_TRY_NS;
        struct pollfd pfds[] = {
                {.fd = connector->fd, .events = POLLIN},
                {.fd = listener->fd, .events = POLLIN},
        };
        pid_t pid;
        int r;

        pid = fork();
        if (pid < 0)
                return error_origin(-errno);
        if (pid == 0)
                _exit(CANARY_STATUS);
        *canary = (Canary){.pid = (uint32_t)pid};
        (void)waitpid(pid, NULL, 0);

        while (!canary_is_complete(canary, connector) && clock_read_ns(CLOCK_MONOTONIC) < end) {
                if (poll(pfds, ARRAY_SIZE(pfds), 100) < 0 && errno != EINTR)
                        return error_origin(-errno);
                r = canary_watch(canary, connector, listener);
                if (r)
                        return error_trace(r);
        }
        return 0;
}

/* Tries until both sources have reported a child. At the end @canary shows which messages are missing. */
static int canary_run(Canary *canary, Connector *connector, ExitListener *listener, bool printing) {
        int r;

        for (int i = 0; i < SELF_TEST_TRIES; ++i) {
                r = canary_try(canary, connector, listener);
                if (r)
                        return error_trace(r);
                if (canary_is_complete(canary, connector))
                        return 0;
                if (!connector->awaiting && !connector->muted)
                        continue;

                r = connector_check(connector);
                if (r < 0)
                        return error_trace(r);
                if (r == CONNECTOR_E_REPAIRED)
                        self_test_report(
                                printing, true,
                                "Some process on this machine had silenced the proc connector; it is restored.");
        }
        return 0;
}

/**
 * self_test_open() - open both sources and check that they work
 * @connector:          output
 * @listener:           output
 * @features:           gets the version of taskstats
 * @connector_options:  how to open the connector
 * @listener_options:   how to open the listener
 * @printing:           findings go to stdout instead of the log
 *
 * The listener is opened first. If a task ends in between, its record then comes without
 * an EXIT, which the join handles. An EXIT without its record would be a loss.
 *
 * Return: 0; SELF_TEST_E_FAILED; a negative errno. On failure too, both may be
 *         deinitialised.
 */
int self_test_open(Connector *connector, ExitListener *listener, KernelFeatures *features,
                   const ConnectorOptions *connector_options, const ExitListenerOptions *listener_options,
                   bool printing) {
        Canary canary = {};
        int r, failed = 0;

        *connector = (Connector)CONNECTOR_NULL;
        r = exit_listener_init(listener, listener_options);
        if (r)
                failed = report_listener(r, printing);
        if (failed < 0)
                return error_trace(failed);
        r = connector_init(connector, connector_options);
        if (r)
                r = report_connector(r, printing);
        if (r || failed)
                return r ? r : failed;

        r = canary_run(&canary, connector, listener, printing);
        if (r)
                return error_trace(r);
        features->taskstats_version = listener->last_version;

        if (connector->awaiting || connector->muted) {
                self_test_report(
                        printing, false,
                        "The proc connector does not answer. Either the kernel was built without "
                        "CONFIG_PROC_EVENTS=y, or taskbrokerd does not run in the machine's initial pid and user "
                        "namespaces, or another process has silenced the connector and keeps doing so.");
                failed = SELF_TEST_E_FAILED;
        } else if (!canary.fork || !canary.exit) {
                self_test_report(
                        printing, false,
                        "The proc connector answers, but did not report a test process. Try again; if it persists, "
                        "please report a bug and name the kernel's version.");
                failed = SELF_TEST_E_FAILED;
        }
        if (!canary.record) {
                self_test_report(
                        printing, false,
                        "taskstats accepted the registration, but sent nothing when a test process ended. The kernel "
                        "delivers to the initial network namespace only: in a container, give taskbrokerd the host's "
                        "network.");
                failed = SELF_TEST_E_FAILED;
        }
        return failed;
}

/**
 * self_test_report_features() - report what works, and what is switched off
 * @connector:  the connector, after self_test_open()
 * @listener:   the listener, after self_test_open()
 * @features:   features of the kernel
 * @printing:   findings go to stdout instead of the log
 */
void self_test_report_features(const Connector *connector, const ExitListener *listener, const KernelFeatures *features,
                               bool printing) {
        char sentence[512];

        snprintf(sentence, sizeof(sentence),
                 "The proc connector of Linux %s reports forks, execs and exits; its receive buffer has %llu KiB.",
                 features->release, (unsigned long long)connector->counters.receive_buffer_bytes / 1024);
        self_test_report(printing, true, sentence);
        snprintf(sentence, sizeof(sentence),
                 "taskstats (version %u) gives the accounting of every task that ends; its receive buffer has %llu "
                 "KiB.",
                 features->taskstats_version, (unsigned long long)listener->counters.receive_buffer_bytes / 1024);
        self_test_report(printing, true, sentence);

        switch (features->delay_accounting) {
        case DELAY_ACCOUNTING_ON:
                self_test_report(printing, true,
                                 "Delay accounting is on: delays are counted for tasks that started since then.");
                break;
        case DELAY_ACCOUNTING_OFF:
                self_test_report(
                        printing, true,
                        "Delay accounting is off: only the time that tasks wait for a processor is counted. To "
                        "count the other delays of tasks that start later: sysctl kernel.task_delayacct=1.");
                break;
        case DELAY_ACCOUNTING_UNSUPPORTED:
                self_test_report(printing, true,
                                 "The kernel was built without CONFIG_TASK_DELAY_ACCT: no delays are counted.");
                break;
        case DELAY_ACCOUNTING_UNKNOWN:
                self_test_report(printing, true, "Whether delays are counted is not known: delays of 0 are not shown.");
                break;
        }
        if (features->unsupported & STATS_IO)
                self_test_report(
                        printing, true,
                        "The kernel was built without CONFIG_TASK_IO_ACCOUNTING: no input and output is counted.");
}
