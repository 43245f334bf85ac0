/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/taskbroker/v1/broker.pb-c.h"
#include "tests/bench/broker.h"
#include "tests/bench/crew.h"
#include "tests/bench/machine.h"
#include "tests/bench/subscriber.h"

#define START_TIMEOUT_NS (10 * 1000000000ull)

/* With very many tasks that it must look at first. */
#define LISTENING_TIMEOUT_MS 60000

/* @log_fd: where it shall say what happens, warnings and more; -1: warnings alone, to our own standard error. */
static int broker_spawn(Broker *broker, const char *program, int log_fd) {
        *broker = (Broker){ .pid = -1, .fd = -1, .log_fd = -1 };
        strcpy(broker->directory, "/tmp/taskbroker-bench-XXXXXX");
        if (!mkdtemp(broker->directory))
                return -1;
        snprintf(broker->path, sizeof(broker->path), "%s/socket", broker->directory);

        broker->pid = fork();
        if (broker->pid == 0) {
                const char *level = log_fd >= 0 ? "notice" : "warning";

                prctl(PR_SET_PDEATHSIG, SIGTERM);
                if (log_fd >= 0)
                        dup2(log_fd, STDERR_FILENO);
                execl(program, program, "--socket", broker->path, "--log-level", level, NULL);
                perror(program);
                _exit(127);
        }
        return broker->pid < 0 ? -1 : 0;
}

int broker_start(Broker *broker, const char *program) {
        const struct timespec pause = { .tv_nsec = 5000000 };
        uint64_t begin = now_ns();

        if (broker_spawn(broker, program, -1) < 0)
                return -1;
        while (now_ns() - begin < START_TIMEOUT_NS && waitpid(broker->pid, NULL, WNOHANG) == 0) {
                BrokerStatus status;

                broker->fd = stream_connect(broker->path);
                if (broker->fd >= 0)
                        return broker_status(broker, &status);
                nanosleep(&pause, NULL);
        }
        fprintf(stderr, "bench: %s did not begin to serve\n", program);
        return -1;
}

/* Reads the log up to the line that says that the broker listens. */
static int broker_await_listening(Broker *broker) {
        struct pollfd pfd = { .fd = broker->log_fd, .events = POLLIN };
        char log[4096] = "";
        size_t n_log = 0;

        while (!strstr(log, "Listening on ") && n_log < sizeof(log) - 1 && poll(&pfd, 1, LISTENING_TIMEOUT_MS) > 0) {
                ssize_t n = read(broker->log_fd, log + n_log, sizeof(log) - 1 - n_log);

                if (n <= 0)
                        break;
                n_log += (size_t)n;
                log[n_log] = 0;
        }
        if (strstr(log, "Listening on "))
                return 0;
        fputs(log, stderr);
        return -1;
}

/* As broker_start(). @ret_ns: from before its exec to its saying that it listens. */
int broker_start_timed(Broker *broker, const char *program, uint64_t *ret_ns) {
        uint64_t begin;
        int log[2];

        if (pipe2(log, O_CLOEXEC) < 0)
                return -1;
        begin = now_ns();
        if (broker_spawn(broker, program, log[1]) < 0) {
                close(log[0]);
                close(log[1]);
                return -1;
        }
        close(log[1]);
        broker->log_fd = log[0];
        if (broker_await_listening(broker) == 0) {
                *ret_ns = now_ns() - begin;
                broker->fd = stream_connect(broker->path);
        }
        if (broker->fd < 0)
                fprintf(stderr, "bench: %s did not begin to serve\n", program);
        return broker->fd < 0 ? -1 : 0;
}

static int stream_read(int fd, uint8_t *data, size_t n_data) {
        while (n_data > 0) {
                ssize_t l = read(fd, data, n_data);

                if (l < 0 && errno == EINTR)
                        continue;
                if (l <= 0)
                        return -1;
                data += l;
                n_data -= (size_t)l;
        }
        return 0;
}

/* One message; NULL where the connection ended or says nonsense. */
static Taskbroker__V1__ServerMessage *message_read(int fd) {
        static uint8_t data[FRAME_MAX_FROM_BROKER];
        uint8_t prefix[FRAME_PREFIX_MAX];
        size_t n_prefix = 0, n_message = 0;

        for (size_t n = 0; n_prefix == 0; ++n) {
                if (n == sizeof(prefix) || stream_read(fd, prefix + n, 1) < 0 ||
                    frame_parse(prefix, n + 1, sizeof(data), &n_prefix, &n_message) != FRAME_E_PARTIAL)
                        return NULL;
        }
        if (stream_read(fd, data, n_message) < 0)
                return NULL;
        return taskbroker__v1__server_message__unpack(NULL, n_message, data);
}

static void status_take(const Taskbroker__V1__BrokerStatus *from, BrokerStatus *to) {
        *to = (BrokerStatus){};
        for (size_t i = 0; i < from->service->n_events; ++i) {
                switch (from->service->events[i]->kind) {
                case TASKBROKER__V1__EVENT_KIND__EVENT_KIND_FORK:
                        to->forks = from->service->events[i]->count;
                        to->events += from->service->events[i]->count;
                        break;
                case TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXEC:
                case TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXIT:
                        to->events += from->service->events[i]->count;
                        break;
                default:
                        break;
                }
        }
        if (!from->machine || !from->service)
                return;
        to->live_tasks = from->machine->live_tasks;
        to->table_bytes = from->service->table_bytes;
        to->snapshots = from->service->snapshots;
        to->programs = from->service->programs_captured;
        to->lost = from->service->reader_lost;
        if (from->service->connector)
                to->connector = from->service->connector->received;
        if (from->service->taskstats)
                to->taskstats = from->service->taskstats->received;
        if (from->machine->connector)
                to->lost += from->machine->connector->lost;
        if (from->machine->taskstats)
                to->lost += from->machine->taskstats->lost;
}

int broker_status(Broker *broker, BrokerStatus *ret_status) {
        Taskbroker__V1__ClientMessage request = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__GetBrokerStatus get_status = TASKBROKER__V1__GET_BROKER_STATUS__INIT;
        bool found = false;
        uint8_t packed[64];

        request.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS;
        request.get_broker_status = &get_status;
        if (stream_send(broker->fd, packed, taskbroker__v1__client_message__pack(&request, packed)) < 0)
                return -1;
        while (!found) {
                Taskbroker__V1__ServerMessage *message = message_read(broker->fd);

                if (!message)
                        return -1;
                if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS) {
                        status_take(message->broker_status, ret_status);
                        found = true;
                }
                taskbroker__v1__server_message__free_unpacked(message, NULL);
        }
        return machine_process_cpu_ns(broker->pid, &ret_status->cpu_ns);
}

/* Resident memory, now or at its peak, in bytes; 0 where it cannot be read. */
uint64_t broker_memory(const Broker *broker, bool peak) {
        const char *name = peak ? "VmHWM:" : "VmRSS:";
        uint64_t kib = 0;
        char path[64], line[256];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)broker->pid);
        file = fopen(path, "re");
        while (file && kib == 0 && fgets(line, sizeof(line), file)) {
                if (strncmp(line, name, strlen(name)) == 0)
                        kib = strtoul(line + strlen(name), NULL, 10);
        }
        if (file)
                fclose(file);
        return kib * 1024;
}

/* From now on the peak is counted anew. */
int broker_reset_peak(const Broker *broker) {
        char path[64];
        int fd, r;

        snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)broker->pid);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        r = write(fd, "5", 1) == 1 ? 0 : -1;
        close(fd);
        return r;
}

/* Prints the rest of the log of a broker that has ended, if the log was read, without the line of a normal stop. */
static void broker_finish_log(Broker *broker) {
        FILE *log = fdopen(broker->log_fd, "re");
        char line[1024];

        while (log && fgets(line, sizeof(line), log)) {
                if (!strstr(line, "Stopping: "))
                        fputs(line, stderr);
        }
        if (log)
                fclose(log);
}

/* Removes the file by which tasks keep their identity when the broker of this socket starts again. */
static void broker_remove_starts(const Broker *broker) {
        static const char *const directories[] = { "/run/taskbroker", "/dev/shm/taskbroker" };
        char name[sizeof(broker->path)], path[sizeof(broker->path) + 64];

        snprintf(name, sizeof(name), "%s", broker->path);
        for (char *at = name; *at; ++at)
                if (*at == '/')
                        *at = '-';
        for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); ++i) {
                snprintf(path, sizeof(path), "%s/starts%s", directories[i], name);
                (void)unlink(path);
        }
}

void broker_stop(Broker *broker) {
        if (broker->fd >= 0)
                close(broker->fd);
        if (broker->pid > 0) {
                kill(broker->pid, SIGTERM);
                (void)waitpid(broker->pid, NULL, 0);
        }
        if (broker->log_fd >= 0)
                broker_finish_log(broker);
        (void)unlink(broker->path);
        (void)rmdir(broker->directory);
        broker_remove_starts(broker);
        *broker = (Broker){ .pid = -1, .fd = -1, .log_fd = -1 };
}
